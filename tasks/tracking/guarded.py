"""MLflow's server behind `WebGuard`: MLflow itself lets web pages from other ports of this machine read and write."""

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tasks.web_guard import WebGuard


class GuardedProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]  # uvicorn chooses it when imported
    """Uvicorn's protocol class with the guard in front of MLflow's app; `mlflow/server.env` selects it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.app = WebGuard(self.app)
