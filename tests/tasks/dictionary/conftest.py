"""Orbits with known truth, in memory: rows are sparse sums of planted group-crosscoder atoms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import polars
import pytest
import torch

from tasks.activations.shards import ActivationSet, ShardInfo
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup


@dataclass
class PlantedOrbits:
    """Stands where an ActivationSet stands; atoms_mgd [m, |G|, d] of unit norm per feature, band-limited on demand."""

    shard_orbits: tuple[int, ...] = (70, 41, 64, 50)
    features: int = 12
    channels: int = 16
    active: int = 2
    n_rotations: int = 3
    harmonics: int | None = None
    key: str = "planted"
    config: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(network="planted", layer="planted"))

    def __post_init__(self):
        self.group = DihedralGroup(self.n_rotations)
        generator = torch.Generator().manual_seed(5)
        atoms_mgd = self.planted_atoms(generator)
        if self.harmonics is not None:
            basis_gq = torch.from_numpy(fourier_basis(self.group, self.harmonics)).float()
            atoms_mgd = basis_gq @ (basis_gq.T @ atoms_mgd)
        self.atoms_mgd = atoms_mgd / atoms_mgd.norm(dim=(1, 2), keepdim=True)
        last = len(self.shard_orbits) - 1
        self.shards = tuple(
            ShardInfo(index, "test" if index == last else "train", orbits, 0, "")
            for index, orbits in enumerate(self.shard_orbits)
        )
        self.acts = []
        for orbits in self.shard_orbits:
            codes_bm = self.planted_codes(orbits, generator)
            self.acts.append((3 * torch.einsum("bm,mgd->bgd", codes_bm, self.atoms_mgd)).half())

    def planted_atoms(self, generator):
        return torch.randn(self.features, self.group.order, self.channels, generator=generator)

    def planted_codes(self, orbits, generator):
        strength_bm = torch.rand(orbits, self.features, generator=generator) + 0.5
        rank_bm = torch.rand(orbits, self.features, generator=generator).argsort(1)
        return strength_bm * (rank_bm < self.active)

    def read(self, shard: int) -> torch.Tensor:
        return self.acts[shard]

    def read_each(self, shards: Iterable[int]) -> Iterator[torch.Tensor]:
        return map(self.read, shards)

    def rows(self, shard: int) -> polars.DataFrame:
        first = sum(self.shard_orbits[:shard])
        rows = range(first, first + self.shard_orbits[shard])
        return polars.DataFrame({"row": rows, "image": [f"image {row}" for row in rows]})


@pytest.fixture(scope="session")
def planted_orbits():
    return PlantedOrbits()


@pytest.fixture
def planted_set(planted_orbits, monkeypatch):
    """The planted orbits, found by whoever opens an activation set."""
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: planted_orbits)
    return planted_orbits
