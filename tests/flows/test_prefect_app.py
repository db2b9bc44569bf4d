"""The Prefect server that a run starts, asked as web pages ask it. Its pages, and `up`: test_up."""

from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

BLIND = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
FOREIGN = {
    "another site": {"origin": "http://evil.example"},
    "another port": {"origin": "http://127.0.0.1:8000"},
    "no origin": {"origin": "null"},
    "a rebound name": {"host": "evil.example:{port}"},
    "a forged form": BLIND | {"content-type": "text/plain"},
    "a forged request without a type": BLIND,
}
HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def foreign(kind: str, port: int) -> dict[str, str]:
    return {name: value.format(port=port) for name, value in FOREIGN[kind].items()}


@pytest.fixture(scope="module")
def server(prefect_api) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prefect_api) as client:
        yield client


@pytest.fixture(scope="module")
def deployment(server) -> str:
    """Address that starts a run of a deployment which no worker runs."""
    flow = server.post("/flows/", json={"name": "victim"}).json()["id"]
    made = server.post("/deployments/", json={"name": "victim", "flow_id": flow}).json()["id"]
    return f"/deployments/{made}/create_flow_run"


def runs(server) -> int:
    return server.post("/flow_runs/count", json={"flows": {"name": {"any_": ["victim"]}}}).json()


def test_a_program_starts_a_run_and_listens(server, deployment):
    before = runs(server)
    assert server.post(deployment, content="{}").status_code == 201
    assert runs(server) == before + 1
    with connect(f"{server.base_url}events/in".replace("http", "ws")):
        pass


def test_an_own_page_may_name_the_api_by_either_address(server):
    port = server.base_url.port
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
        answer = server.get("/health", headers={"origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_page_reads_nothing_and_starts_nothing(server, deployment, kind):
    headers, before = foreign(kind, server.base_url.port), runs(server)
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for answer in (
        server.get("/health", headers=headers),
        server.post(deployment, content="{}", headers=headers),
        server.options(deployment, headers=headers | preflight),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert runs(server) == before


@pytest.mark.parametrize("path", ["/events/in", "/events/out", "/logs/out"])
def test_a_foreign_page_opens_no_socket(server, path):
    is_answering = {kind: server.get(path, headers=HANDSHAKE | foreign(kind, server.base_url.port)) for kind in FOREIGN}
    assert {kind: answer.status_code for kind, answer in is_answering.items()} == dict.fromkeys(FOREIGN, 403)
