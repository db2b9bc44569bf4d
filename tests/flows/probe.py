"""A flow that a worker runs for test_up: what is there when it runs?"""

import os

from prefect import flow


@flow(persist_result=True, result_serializer="json")
def probe() -> dict[str, str | None]:
    import mlflow

    return {"version": mlflow.__version__, "file": mlflow.__file__, "chosen": os.environ.get("CHOSEN_BY_RUN")}
