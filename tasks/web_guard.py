"""Guard a server on loopback against foreign web pages in a browser on the same machine.

The server needs no password, because only programs on this machine can reach it. But a web page from elsewhere that is
open in a browser on this machine can reach it too. The browser then sends headers that the page can't change: `Host`,
the name by which the page calls the server (a foreign name after DNS rebinding); `Origin`, the page's own address (with
every POST, cross-origin fetch and WebSocket); and `Sec-Fetch-Site`, the relation of the two (with all other requests).
Other programs send only `Host`.
"""

from fastapi.requests import HTTPConnection
from fastapi.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tasks.settings import LOOPBACK

API_PATHS = ("/api/", "/ajax-api/")


class WebGuard:
    """An ASGI app that passes requests on to `app`, and answers 403 to foreign pages and to foreign host names.

    Requests of the server's own pages and of programs pass, and so does a link elsewhere that opens one of its pages.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_trusted(HTTPConnection(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            # closed before it is accepted, so the server answers the handshake with 403
            await send({"type": "websocket.close"})
        else:
            refusal = PlainTextResponse("This server answers only its own pages and programs.\n", status_code=403)
            await refusal(scope, receive, send)


def _is_trusted(request: HTTPConnection) -> bool:
    port = request.scope["server"][1]
    hosts = {f"{name}:{port}" for name in LOOPBACK} | (set(LOOPBACK) if port == 80 else set())
    requested_hosts = request.headers.getlist("host")
    if not requested_hosts or not hosts.issuperset(requested_hosts):
        return False
    if origins := request.headers.getlist("origin"):
        return {f"http://{host}" for host in hosts}.issuperset(origins)
    # `same-site` is a page from another port of this machine
    return request.headers.get("sec-fetch-site") not in ("cross-site", "same-site") or _opens_a_page(request)


def _opens_a_page(request: HTTPConnection) -> bool:
    """Whether a person follows a link to a page of the server, in a tab of its own and not inside another page."""
    return (
        request.scope["type"] == "http"
        and request.scope["method"] == "GET"
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
        and not request.scope["path"].startswith(API_PATHS)
    )
