"""Which requests a server on loopback answers: by what a browser says about the page that asks."""

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tasks.web_guard import WebGuard

OWN, OWN_BY_NAME = "http://127.0.0.1:4200", "http://localhost:4200"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
FORM = {"sec-fetch-site": "same-site", "content-type": "text/plain"}
SOCKET = "ws://127.0.0.1:4200/api/events/in"

TRUSTED = {
    "a program": {},
    "a program, by name": {"host": "localhost:4200"},
    "an own page": {"origin": OWN, "sec-fetch-site": "same-origin"},
    "an own page, without origin": {"sec-fetch-site": "same-origin"},
    "an own page that names the API by the other address": {"origin": OWN_BY_NAME, "sec-fetch-site": "cross-site"},
    "an own page, by name": {"host": "localhost:4200", "origin": OWN_BY_NAME},
    "an address that was typed": LINK | {"sec-fetch-site": "none"},
}
FOREIGN = {
    "another site": {"origin": "http://evil.example"},
    "another site with our port": {"origin": "http://evil.example:4200"},
    "a name that begins as ours": {"origin": "http://localhost.evil.example:4200"},
    "another port of this machine": {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-site"},
    "the default port of this machine": {"origin": "http://localhost"},
    "another scheme": {"origin": "https://127.0.0.1:4200"},
    "a page without an origin": {"origin": "null"},
    "an empty origin": {"origin": ""},
    "a page without an origin, of our own site": {"origin": "null", "sec-fetch-site": "same-origin"},
    "a rebound name": {"host": "evil.example:4200", "origin": "http://evil.example:4200"},
    "a rebound name, without origin": {"host": "evil.example:4200", "sec-fetch-site": "same-origin"},
    "a name of ours at another port": {"host": "localhost:8000"},
    "no name": {"host": ""},
    "an image of another site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "an image of another port": {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    "a form without origin": FORM,
    "a frame in another page": LINK | {"sec-fetch-dest": "iframe"},
    "a link with a foreign origin": LINK | {"origin": "http://evil.example"},
}


def guarded() -> tuple[TestClient, list[str]]:
    """A guarded server at port 4200, and what it was asked for."""
    app, asked = FastAPI(), []

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
    def answer(path: str) -> str:
        asked.append(path)
        return "secret"

    @app.websocket("/api/events/in")
    async def socket(websocket: WebSocket) -> None:
        asked.append("socket")
        await websocket.accept()
        await websocket.send_text("secret")

    return TestClient(WebGuard(app), OWN), asked


@pytest.mark.parametrize("headers", TRUSTED.values(), ids=list(TRUSTED))
def test_programs_and_own_pages_are_answered(headers):
    client, asked = guarded()
    for method in ("GET", "POST"):
        assert client.request(method, "/api/flows", headers=headers).text == '"secret"'
    with client.websocket_connect(SOCKET, headers=headers) as socket:
        assert socket.receive_text() == "secret"
    assert asked == ["api/flows", "api/flows", "socket"]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=list(FOREIGN))
def test_other_pages_are_refused_and_have_no_effect(headers):
    client, asked = guarded()
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        for path in ("/", "/api/flows"):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403
            assert "secret" not in answer.text
            assert "access-control-allow-origin" not in answer.headers
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(SOCKET, headers=headers):
        pass
    assert asked == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/deployments/deployment/1", 200),
        ("POST", "/", 403),
        ("HEAD", "/", 403),
        ("GET", "/api/flows", 403),
        ("GET", "/ajax-api/2.0/mlflow/runs/get", 403),
    ],
)
def test_a_link_from_elsewhere_opens_a_page_and_no_more(method, path, status):
    client, asked = guarded()
    assert client.request(method, path, headers=LINK).status_code == status
    assert asked == [path[1:]] * (status == 200)


@pytest.mark.parametrize(("name", "own", "foreign"), [("origin", OWN, "null"), ("host", "localhost:4200", "evil")])
def test_a_second_header_is_not_overlooked(name, own, foreign):
    client, _ = guarded()
    assert client.get("/", headers=[(name, own)]).status_code == 200
    assert client.get("/", headers=[(name, own), (name, foreign)]).status_code == 403


@pytest.mark.parametrize(("origin", "status"), [("http://localhost", 200), ("http://localhost:80", 200), (OWN, 403)])
def test_at_the_default_port_a_browser_leaves_the_port_out(origin, status):
    client = TestClient(guarded()[0].app, "http://127.0.0.1")
    assert client.get("/", headers={"origin": origin}).status_code == status
