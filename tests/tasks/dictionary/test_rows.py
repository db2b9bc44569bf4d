"""The stream of batches: every row, once an epoch, and the same from whichever step one enters."""

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import batches, every_row


@given(st.integers(1, 90), st.integers(0, 9), st.sampled_from(["sae", "group-crosscoder"]), st.booleans())
@settings(deadline=None, max_examples=15)
def test_stream_can_be_entered_at_any_step(planted_orbits, batch_size, first_step, architecture, orbit_reuse):
    config = DictionaryConfig(
        architecture=architecture, features=4, k=1, batch_size=batch_size, orbit_reuse=orbit_reuse
    )
    from_start = list(islice(batches(planted_orbits, config), first_step + 3))
    for expected, entered in zip(from_start[first_step:], batches(planted_orbits, config, first_step), strict=False):
        assert torch.equal(expected, entered)


def test_an_epoch_holds_every_training_orbit_once(planted_orbits):
    config = DictionaryConfig(features=4, k=1, batch_size=35, orbit_reuse=False)
    epoch = torch.cat(list(islice(batches(planted_orbits, config), 5)), dim=1)  # 175 = 70 + 41 + 64
    stored = torch.cat([planted_orbits.acts[shard] for shard in range(3)]).float()
    assert sorted(epoch.transpose(0, 1).flatten(1).tolist()) == sorted(stored.flatten(1).tolist())


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
