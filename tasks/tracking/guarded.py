"""MLflow's server behind our guard. MLflow lets pages of other ports of this machine read and write everything."""

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tasks.web_guard import WebGuard


class GuardedProtocol(AutoHTTPProtocol):
    """Uvicorn's own, with the guard in front of the app that MLflow starts; `mlflow/server.env` names it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.app = WebGuard(self.app)
