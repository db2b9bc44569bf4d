"""A streamed set gives the shards of a stored one, in the order asked for, and never more than its bound at once."""

import dataclasses
import threading
import time

import pytest
import torch

from tasks.activations import stream
from tasks.activations.extract import ExtractionConfig, extract, plan
from tasks.activations.shards import ActivationSet
from tasks.activations.stream import make_shard, streamed
from tasks.errors import UserError
from tasks.settings import Settings

ORDER = [3, 0, 5, 0, 1, 2, 4, 4]


def on(settings: Settings, runner: str, workers: int) -> Settings:
    return settings.model_copy(update={"task_runner": runner, "workers": workers})


@pytest.mark.parametrize(
    ("storage", "runner", "workers"),
    [("float16", "threads", 1), ("float16", "threads", 3), ("float16", "processes", 2), ("int8", "threads", 2)],
)
def test_shards_are_those_of_a_stored_set_bit_for_bit(small_config, small_template, settings, runner, workers, storage):
    config = ExtractionConfig.model_validate(small_config.model_dump() | {"storage": storage})
    stored = ActivationSet.open(*small_template) if storage == "float16" else None
    if stored is None:
        apart = settings.model_copy(update={"data_dir": settings.data_dir / "apart"})
        stored = ActivationSet.open(extract(config, apart), apart)
    key = plan(config, settings).key
    with streamed(key, on(settings, runner, workers)) as acts:
        assert [(info.index, info.split, info.orbits) for info in acts.shards] == [
            (info.index, info.split, info.orbits) for info in stored.shards
        ]
        assert (acts.key, acts.channels, acts.group) == (stored.key, stored.channels, stored.group)
        for shard, acts_rgc in zip(ORDER, acts.read_each(iter(ORDER)), strict=True):
            assert torch.equal(acts_rgc, stored.read(shard))
            assert acts_rgc.dtype == stored.read(shard).dtype
        assert torch.equal(acts.read(1), stored.read(1))
        assert acts.rows(2).equals(stored.rows(2))
    files = {path.name for path in (settings.activations_dir / key).iterdir()}
    assert files == {"plan.json", "rows.parquet", "images.parquet", "quarantine.parquet", ".writers"}


@pytest.mark.parametrize("workers", [1, 3])
def test_the_buffer_never_holds_more_than_its_bound(small_config, settings, monkeypatch, workers):
    """Workers that are faster than the reader fill the buffer and stop; the order in which they end doesn't matter."""
    key, begun, changed = plan(small_config, settings).key, [], threading.Condition()

    def counted(key: str, shard: int, settings: Settings) -> bytes:
        with changed:
            begun.append(shard)
            changed.notify_all()
        return contents[shard]

    contents = [make_shard(key, shard, settings) for shard in range(6)]
    monkeypatch.setattr(stream, "make_shard", counted)
    wanted = [shard for _ in range(4) for shard in ORDER]
    with streamed(key, on(settings, "threads", workers)) as acts:
        assert acts.ahead == 2 * workers
        for read, _ in enumerate(acts.read_each(wanted), start=1):
            allowed = min(len(wanted), read + acts.ahead)
            with changed:
                assert changed.wait_for(lambda allowed=allowed: len(begun) == allowed, timeout=20)
            time.sleep(0.001)
            assert len(begun) == allowed, "a shard was begun before there was room"
    assert sorted(begun) == sorted(wanted)
    if workers == 1:
        assert begun == wanted


def test_a_reader_that_stops_leaves_no_work_behind(small_config, settings, monkeypatch):
    key, begun, go_on = plan(small_config, settings).key, [], threading.Event()
    content = make_shard(key, 0, settings)

    def slow(key: str, shard: int, settings: Settings) -> bytes:
        begun.append(shard)
        if len(begun) > 1:
            go_on.wait(20)
        return content

    monkeypatch.setattr(stream, "make_shard", slow)
    with streamed(key, on(settings, "threads", 1)) as acts:
        reading = acts.read_each([0] * 100)
        next(reading)
        reading.close()
        go_on.set()
    assert len(begun) <= 2


def test_what_a_worker_refuses_is_the_same_one_line(small_config, settings, monkeypatch):
    key = plan(small_config, settings).key
    with (
        streamed(key, on(settings, "processes", 1)) as acts,
        pytest.raises(UserError, match="there is no activation set"),
    ):
        dataclasses.replace(acts, plan=dataclasses.replace(acts.plan, key="0" * 64)).read(0)
    with pytest.raises(UserError, match="there is no activation set"), streamed("0" * 64, settings):
        pass
    with (
        pytest.raises(
            UserError, match=r"^stream=true extracts on this machine, not with KALEIDOSCOPE_TASK_RUNNER=dask"
        ),
        streamed(key, on(settings, "dask", 2)),
    ):
        pass
