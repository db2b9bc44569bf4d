"""A publication that fails is heard of at the address that an operator names."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.events.actions import DoNothing
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Failed, Running

from flows.notifications import NAME
from flows.servers import running_servers
from tests.faults.services import running_up

pytestmark = pytest.mark.faults

SECRET = "T0KEN"


@pytest.fixture
def webhook():
    """Its address, and a queue of what was posted there."""
    posted: Queue[dict] = Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hooks/{SECRET}", posted
        server.shutdown()


@flow(name="publish")
def publish() -> None:
    """Never called: its run is made through the API."""


@flow(name="train")
def train() -> None:
    """As little."""


def test_a_failed_publication_is_posted_to_the_address_of_the_setting(settings, webhook, monkeypatch):
    address, posted = webhook
    monkeypatch.setenv("KALEIDOSCOPE_NOTIFY_URL", address)
    with running_up(settings):
        api = {PREFECT_API_URL: running_servers(settings)["prefect"]}
        with temporary_settings(api), get_client(sync_client=True) as client:
            for failing, reason in ((train, "no images"), (publish, "UserError: an audit found a row")):
                run = client.create_flow_run(failing, name=f"nightly-{failing.name}", state=Running())
                client.set_flow_run_state(run.id, Failed(message=reason), force=True)
            text = posted.get(timeout=60)["text"]
        assert text.startswith("publish run nightly-publish: Failed\nUserError: an audit found a row http")
        assert str(run.id) in text
        assert posted.empty()
    for log in (settings.data_dir / "logs").iterdir():
        assert SECRET not in log.read_text()

    # without an address nobody hears, and one start after another makes one automation
    monkeypatch.delenv("KALEIDOSCOPE_NOTIFY_URL")
    for _ in range(2):
        with running_up(settings):
            api = {PREFECT_API_URL: running_servers(settings)["prefect"]}
            with temporary_settings(api), get_client(sync_client=True) as client:
                [automation] = client.read_automations_by_name(NAME)
                assert automation.enabled
                assert [type(action) for action in automation.actions] == [DoNothing]
