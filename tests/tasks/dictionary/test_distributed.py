"""Training under torchrun: two processes with half the rows each do what one process does with all of them."""

import subprocess
import sys

import polars
import pytest
from safetensors.torch import load_file

from tasks.dictionary import distributed, store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.settings import ROOT, Settings

LOSS_TOLERANCE = 1e-4
"""Relative: sums of floating-point numbers in another order, over 60 steps of Adam."""


@pytest.mark.parametrize("method", ["topk", "batchtopk"])
def test_two_processes_train_as_one_does(planted_set, tmp_path, method):
    config = DictionaryConfig(
        architecture="sae", method=method, features=16, k=2, steps=60, batch_size=32, log_every=5,
        checkpoint_every=40, dead_after_rows=200,
    )  # fmt: skip
    one, two = Settings(data_dir=tmp_path / "one"), Settings(data_dir=tmp_path / "two")
    key = train("planted", config, one)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    program = ["-m", "tests.tasks.dictionary.train_planted", str(two.data_dir), config.model_dump_json()]
    ended = subprocess.run([*torchrun, *program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    # a thread that outlives the group can abort the process: "terminate called without an active exception"
    assert ended.stdout.count("python") == 2
    assert "gloo" not in ended.stdout

    expected, found = (polars.read_parquet(store.folder_of(key, place) / "history.parquet") for place in (one, two))
    assert expected.height == found.height == 12 * 6
    losses = [rows.filter(metric="loss")["value"].to_list() for rows in (expected, found)]
    assert losses[1] == pytest.approx(losses[0], rel=LOSS_TOLERANCE)
    models = [load_file(store.folder_of(key, place) / "model.safetensors") for place in (one, two)]
    assert (models[0]["encoder.weight"] - models[1]["encoder.weight"]).abs().max() < 1e-3
    assert not list(store.folder_of(key, two).glob("checkpoint*"))


def test_rows_that_do_not_divide_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 3)
    with pytest.raises(UserError, match="batch_size = 32 can't be split over 3 processes"):
        distributed.check_divides(32)
