"""Stored orbits are encoded as they are read from each element on; a steerable crosscoder encodes only one reading."""

import pytest
import torch

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.encode import activations_of_orbits
from tasks.dictionary.rows import rows_of_orbits
from tasks.dictionary.sparse import to_dense
from tasks.dictionary.store import create
from tasks.symmetry.group import DihedralGroup

CHANNELS, FEATURES, ORBITS = 5, 24, 7
VARIANTS = {
    "sae": {"architecture": "sae"},
    "identity": {},
    "orbit": {"encode_from": "orbit"},
    "steerable": {"architecture": "steerable-crosscoder"},
    "steerable, threshold": {"architecture": "steerable-crosscoder", "method": "batchtopk"},
}


@pytest.mark.parametrize("orbit_reuse", [True, False])
@pytest.mark.parametrize("group", [DihedralGroup(4), DihedralGroup(3, reflections=False)], ids=["D_4", "C_3"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_reading_has_the_code_of_its_rows(variant, group, orbit_reuse, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    config = DictionaryConfig(features=FEATURES, k=3, auxiliary_k=0, **VARIANTS[variant])
    dictionary = create(config, CHANNELS, group)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    acts_rgc = torch.randn(ORBITS, group.order, CHANNELS, generator=generator)
    every_reading = config.model_copy(update={"orbit_reuse": orbit_reuse})
    blocks = group.order if dictionary.reads_all_blocks else 1
    expected = [
        (element, dictionary.encode(x_gbd.transpose(0, 1) if dictionary.is_crosscoder else x_gbd[0]))
        for element, x_gbd in rows_of_orbits(acts_rgc, group, every_reading, blocks)
    ]

    encoded, encode_active = [], dictionary.encode_active
    monkeypatch.setattr(dictionary, "encode_active", lambda z_gbd: encoded.append(1) or encode_active(z_gbd))
    found = [
        (element, to_dense(values_rk, features_rk, FEATURES))
        for element, values_rk, features_rk in activations_of_orbits(dictionary, acts_rgc, group, orbit_reuse)
    ]
    assert len(expected) == (group.order if orbit_reuse else 1)
    assert [element for element, _ in found] == [element for element, _ in expected]
    for (_, f_rm), (_, expected_rm) in zip(found, expected, strict=True):
        torch.testing.assert_close(f_rm, expected_rm)
    assert len(encoded) == (1 if "steerable" in variant else len(expected))
