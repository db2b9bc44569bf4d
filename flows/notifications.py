"""Who hears of a publication that failed: a Prefect automation, and the address that a setting names."""

from datetime import timedelta

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.events.actions import DoNothing, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

NAME = "A publication failed"
BLOCK = "publication-failed"
SUBJECT = "{{ flow.name }} run {{ flow_run.name }}: {{ flow_run.state.name }}"
BODY = "{{ flow_run.state.message }} {{ flow_run|ui_url }}"


def automate_notifications(address: str | None) -> None:
    """Make the automation, which posts to `address`; without one it does nothing until someone gives it an action.

    What an operator made of it in Prefect's pages stays, as long as no address is set.
    """
    with get_client(sync_client=True) as client:
        found = next(iter(client.read_automations_by_name(NAME)), None)
        if address:
            action = SendNotification(block_document_id=_save_block(address), subject=SUBJECT, body=BODY)
        else:
            block = _block_id(client)
            if found and not any(getattr(each, "block_document_id", None) == block for each in found.actions):
                return
            action = DoNothing()
        automation = AutomationCore(
            name=NAME,
            description="The flow `publish` failed or was killed. KALEIDOSCOPE_NOTIFY_URL names a webhook to tell.",
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
        if found:
            client.update_automation(found.id, automation)
        else:
            client.create_automation(automation)


def _save_block(address: str):
    # Slack, Mattermost and Microsoft Teams take the same document. As a secret the address is shown to nobody.
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
