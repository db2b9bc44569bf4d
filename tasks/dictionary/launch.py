"""Start the processes of a data-parallel training with `torchrun`, follow their progress, and end with their error.

As a program that torchrun starts, `python -m tasks.dictionary.launch JOB` is one of the processes; JOB is a JSON object
with the activation set, the dictionary's config and the flow run. It prints JSON objects: the first process its
progress, every process its UserError.
"""

import json
import os
import re
import subprocess
import sys
from collections import deque
from contextlib import nullcontext
from tempfile import TemporaryFile

import torch

from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.distributed import is_first, processes
from tasks.dictionary.train import dictionary_key, train
from tasks.errors import UserError
from tasks.liveness import die_with_parent
from tasks.progress import Progress, silent
from tasks.provenance import current_run, made_in
from tasks.settings import ROOT, Settings

KILLED = re.compile(r"exitcode\s*: -(\d+)")
"""torchrun's report of a process that a signal ended; of the others, it ends some itself, by signal 15."""
STOP_SECONDS = 30
LINES_SHOWN = 100


def train_in_processes(
    activation_set: str, config: DictionaryConfig, count: int, settings: Settings, progress: Progress = silent
) -> str:
    """Train a dictionary in `count` processes of this machine and return its key, as `tasks.dictionary.train.train`.

    The key is that of a training in one process; numbers differ by rounding, since gradients are added in another
    order. Raises UserError as `train` does, and when a process was killed: the next training then resumes at the
    checkpoint. Raises RuntimeError, with the end of the processes' output, for other errors.
    """
    key = dictionary_key(activation_set, config)
    if store.is_whole(key, settings):
        progress(1, 1)
        return key
    run = current_run()
    job = {
        "activation_set": activation_set,
        "config": config.model_dump(mode="json"),
        "flow_run": run.flow_run_id if run else None,
    }
    threads = max(1, torch.get_num_threads() // count)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    with TemporaryFile("w+", errors="replace") as errors:
        launched = subprocess.Popen(
            [*torchrun, "-m", "tasks.dictionary.launch", json.dumps(job)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)} | settings.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=die_with_parent,
        )
        try:
            mistake = _follow(launched, progress)
        finally:
            _stop(launched)
        if launched.returncode == 0:
            return key
        if mistake:
            raise UserError(mistake)
        errors.seek(0)
        said = "".join(deque(errors, LINES_SHOWN))
    if signals := KILLED.findall(said):
        by = next((number for number in signals if number != "15"), "15")
        raise UserError(
            f"a process of the training of {config.name} was killed by signal {by}, perhaps for want of memory: "
            f"run again, which resumes at the last checkpoint ({key[:8]})"
        )
    raise RuntimeError(f"torchrun ended with exit code {launched.returncode}:\n{said}")


def _follow(launched: subprocess.Popen, progress: Progress) -> str | None:
    """Pass on the progress until the output ends; return the message of the first UserError, or None."""
    mistake = None
    for line in launched.stdout or ():
        try:
            report = json.loads(line)
        except ValueError:  # a library's print
            continue
        if "error" in report:
            mistake = mistake or report["error"]
        else:
            progress(report["done"], report["total"])
    launched.wait()
    return mistake


def _stop(launched: subprocess.Popen) -> None:
    """Stop torchrun, which stops its processes, if this process is interrupted."""
    if launched.poll() is None:
        launched.terminate()
        try:
            launched.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            launched.kill()
            launched.wait()


def _report(**report: object) -> None:
    # in one write: the processes share a pipe, and `print` can write a line's end after another process's line
    sys.stdout.write(f"{json.dumps(report)}\n")
    sys.stdout.flush()


def main() -> None:
    """Be one of the processes. A UserError is printed, and the exit code is 2."""
    job = json.loads(sys.argv[1])
    config = DictionaryConfig.model_validate(job["config"])
    try:
        with made_in(job["flow_run"]) if job["flow_run"] else nullcontext(), processes():
            report = (lambda done, total: _report(done=done, total=total)) if is_first() else silent
            train(job["activation_set"], config, Settings(), report)
    except UserError as error:
        _report(error=str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
