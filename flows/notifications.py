"""Notification of a failed publication: a Prefect automation that posts to the webhook in KALEIDOSCOPE_NOTIFY_URL."""

from datetime import timedelta

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.events.actions import ActionTypes, DoNothing, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

NAME = "A publication failed"
BLOCK = "publication-failed"
SUBJECT = "{{ flow.name }} run {{ flow_run.name }}: {{ flow_run.state.name }}"
BODY = "{{ flow_run.state.message }} {{ flow_run|ui_url }}"


def automate_notifications(address: str | None) -> None:
    """Create or update the automation, which posts to `address`. Without an address it has no action.

    Without an address, an action that an operator has added in the Prefect UI is kept.
    """
    with get_client(sync_client=True) as client:
        existing = next(iter(client.read_automations_by_name(NAME)), None)
        if address:
            action: ActionTypes = SendNotification(block_document_id=_save_block(address), subject=SUBJECT, body=BODY)
        else:
            block = _block_id(client)
            if existing and not any(getattr(act, "block_document_id", None) == block for act in existing.actions):
                return
            action = DoNothing()
        automation = AutomationCore(
            name=NAME,
            description="Runs when the flow `publish` failed or was killed. "
            "KALEIDOSCOPE_NOTIFY_URL is the address of the webhook to notify.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                match={"prefect.resource.id": "prefect.flow-run.*"},
                match_related={"prefect.resource.role": "flow", "prefect.resource.name": "publish"},
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[action],
        )
        if existing:
            client.update_automation(existing.id, automation)
        else:
            client.create_automation(automation)


def _save_block(address: str):
    # Slack, Mattermost and Microsoft Teams accept the same JSON. Stored as a secret, the address is never displayed.
    block = CustomWebhookNotificationBlock(
        name="kaleidoscope",
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets={"address": address},
    )
    return block.save(BLOCK, overwrite=True)


def _block_id(client):
    try:
        return client.read_block_document_by_name(BLOCK, "custom-webhook").id
    except ObjectNotFound:
        return None
