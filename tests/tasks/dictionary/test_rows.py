"""The stream of batches: every row, once an epoch, and the same from whichever step one enters."""

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import batches, every_row


@given(
    st.integers(1, 90),
    st.integers(0, 9),
    st.sampled_from(["sae", "group-crosscoder"]),
    st.booleans(),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=20)
def test_stream_can_be_entered_at_any_step(planted_orbits, batch_size, first_step, architecture, orbit_reuse, mixed):
    config = DictionaryConfig(
        architecture=architecture, features=4, k=1, batch_size=batch_size, orbit_reuse=orbit_reuse, mixed_shards=mixed
    )
    from_start = list(islice(batches(planted_orbits, config), first_step + 3))
    for expected, entered in zip(from_start[first_step:], batches(planted_orbits, config, first_step), strict=False):
        assert torch.equal(expected, entered)


@pytest.mark.parametrize("mixed", [1, 2, 50])
def test_an_epoch_holds_every_training_orbit_once(planted_orbits, mixed):
    config = DictionaryConfig(features=4, k=1, batch_size=35, orbit_reuse=False, mixed_shards=mixed)
    epoch = torch.cat(list(islice(batches(planted_orbits, config), 5)), dim=1)  # 175 = 70 + 41 + 64
    stored = torch.cat([planted_orbits.acts[shard] for shard in range(3)]).float()
    assert sorted(epoch.transpose(0, 1).flatten(1).tolist()) == sorted(stored.flatten(1).tolist())


def test_a_batch_has_orbits_of_all_shards_that_are_mixed(planted_orbits):
    shard_of = {
        tuple(orbit_gc.float().flatten().tolist()): shard
        for shard in range(3)
        for orbit_gc in planted_orbits.acts[shard]
    }
    for mixed in (1, 3):
        config = DictionaryConfig(features=4, k=1, batch_size=35, orbit_reuse=False, mixed_shards=mixed)
        first_gbc = next(batches(planted_orbits, config))
        assert len({shard_of[tuple(row_gc.flatten().tolist())] for row_gc in first_gbc.transpose(0, 1)}) == mixed


@pytest.mark.parametrize("architecture", ["sae", "group-crosscoder"])
def test_orbit_reuse_gives_each_stand_in_its_permuted_blocks(planted_orbits, architecture):
    config = DictionaryConfig(architecture=architecture, features=4, k=1)
    group, shard = planted_orbits.group, planted_orbits.shards[1]
    blocks = group.order if architecture == "group-crosscoder" else 1
    seen = dict(every_row(planted_orbits, config, shard, blocks))
    assert list(seen) == list(range(group.order))
    for stand_in, x_gbd in seen.items():
        for g in range(blocks):
            stored = planted_orbits.acts[1][:, group.compose(g, stand_in)].float()
            assert torch.equal(x_gbd[g], stored)
