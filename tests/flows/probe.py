"""A flow that a worker runs for test_up: what does `import mlflow` find there?"""

from prefect import flow


@flow(persist_result=True, result_serializer="json")
def probe() -> str:
    import mlflow

    return f"{mlflow.__version__} {mlflow.__file__}"
