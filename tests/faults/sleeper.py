"""A flow that goes on until it is killed."""

import time

from flows.steps import kaleidoscope_flow, step


def sleep() -> None:
    time.sleep(600)


@kaleidoscope_flow
def sleeper() -> None:
    step(sleep)()
