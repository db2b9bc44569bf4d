"""Guards a server on loopback against web pages that a browser on the same machine shows.

Such a server asks for no password, as only programs of this machine reach it. A page that the browser loaded from
elsewhere reaches it too. The browser then says in headers that the page can't choose who asks: `Host` is the name by
which the page knows the server (another one after DNS rebinding), `Origin` the page's own address (with every POST,
cross-origin fetch and WebSocket), `Sec-Fetch-Site` how the two are related (with everything else). Programs send none
but `Host`.
"""

from fastapi.requests import HTTPConnection
from fastapi.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tasks.settings import LOOPBACK

API_PATHS = ("/api/", "/ajax-api/")


class WebGuard:
    """An ASGI app in front of `app`, which answers 403 to requests of foreign pages and to foreign names of the server.

    Pages of the server itself and programs pass, and so does a link from elsewhere that opens one of its pages.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_trusted(HTTPConnection(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            # before it is accepted: the server answers the handshake with 403
            await send({"type": "websocket.close"})
        else:
            refusal = PlainTextResponse("This server answers its own pages and programs only.\n", status_code=403)
            await refusal(scope, receive, send)


def _is_trusted(request: HTTPConnection) -> bool:
    port = request.scope["server"][1]
    hosts = {f"{name}:{port}" for name in LOOPBACK} | (set(LOOPBACK) if port == 80 else set())
    named = request.headers.getlist("host")
    if not named or not hosts.issuperset(named):
        return False
    if origins := request.headers.getlist("origin"):
        return {f"http://{host}" for host in hosts}.issuperset(origins)
    # another port of this machine is the same site
    return request.headers.get("sec-fetch-site") not in ("cross-site", "same-site") or _opens_a_page(request)


def _opens_a_page(request: HTTPConnection) -> bool:
    """Whether a person follows a link to a page of the server: in a tab of its own, not in a frame of another page."""
    return (
        request.scope["type"] == "http"
        and request.scope["method"] == "GET"
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
        and not request.scope["path"].startswith(API_PATHS)
    )
