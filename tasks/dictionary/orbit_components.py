"""The best linear code of whole orbits: a floor for crosscoders that doesn't depend on what they read [ours].

A crosscoder's row has |G| · d numbers, and its code as many as features are active, k on average. Principal components
are the code of k numbers with the least squared error, if the k directions are the same for all rows. A dictionary
chooses its k directions for each row, and can therefore be better.

With orbit reuse the rows of one orbit are its translations a(g g₀). Their covariance commutes with the translations and
splits by the irreducible representations ρ of the group (tasks/symmetry/fourier.py): with the coefficients

    â_ij = √(dimension / |G|) Σ_g conj ρ_ij(g) a(g),

those of different ρ or j are uncorrelated, and the covariance of the others is the same for every j, a matrix of
dimension · d rows. Each of its eigenvalues therefore counts `dimension` times in the spectrum of the whole.
"""

import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.orbit_prediction import has_generators, predictions
from tasks.dictionary.store import describe, dictionary_config, read_metrics
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.fourier import irreducible_representations
from tasks.symmetry.group import DihedralGroup

CODE_VERSION = 1
PREDICTOR = "orbit-linear"


def measure_orbit_components(dictionary: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage `orbit_predictions` by as many principal components as a row has active features; return the content key.

    dictionary: key of a crosscoder. Rows are those of the test split; the components are those of the train split.
    Raises UserError unless the covariance of its rows splits, as in `has_components`.
    """
    key = content_key("orbit_prediction", CODE_VERSION, dictionary=dictionary, predictor=PREDICTOR)
    if is_staged(key, settings):
        return key
    acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
    if not has_components(dictionary_config(dictionary, settings), acts):
        raise UserError(f"dictionary {dictionary[:12]} is no crosscoder of a group with orbit reuse")
    errors = component_errors(acts, active_features(dictionary, settings), progress)
    stage_tables(key, {"orbit_predictions": predictions(dictionary, PREDICTOR, 0, *errors)}, settings)
    return key


def has_components(config: DictionaryConfig, acts: ActivationSet) -> bool:
    """Whether the covariance of a dictionary's rows commutes with a group: not under scales, nor without reuse."""
    return config.is_crosscoder and config.orbit_reuse and has_generators(acts)


def active_features(dictionary: str, settings: Settings) -> int:
    """Return the number of active features of a row: L0 on the test split, rounded, and at least 1."""
    return max(1, round(read_metrics(dictionary, settings)["l0"]))


def component_errors(acts: ActivationSet, count: int, progress: Progress = silent) -> tuple[Tensor, Tensor]:
    """Return the squared error of `count` components and the variance, of each block over the test split, [|G|] each.

    The rows of an orbit are all its translations, and both are summed over channels. Where only some of several equal
    eigenvalues count, the result is the mean over the choices; every block has then the same error. progress counts to
    1000.
    """
    train = _moments(acts, "train", part_of(progress, 0, 800))
    test = _moments(acts, "test", part_of(progress, 800, 1000))
    values, explained, dimensions = [], [], []
    for dimension, of_train_nn, of_test_nn in zip(
        train.dimensions, train.about(train.mean_d), test.about(train.mean_d), strict=True
    ):
        value_n, vectors_nn = torch.linalg.eigh(of_train_nn)
        values.append(value_n)
        explained.append((vectors_nn.conj() * (of_test_nn @ vectors_nn)).sum(0).real)
        dimensions.append(torch.full_like(value_n, dimension))
    order = torch.cat(values).argsort(descending=True)
    dimension_n = torch.cat(dimensions)[order]
    taken_n = (count - (dimension_n.cumsum(0) - dimension_n)).clamp(min=0).minimum(dimension_n)
    left = test.energy_about(train.mean_d) - (taken_n * torch.cat(explained)[order]).sum()
    of_block_g = torch.full((acts.group.order,), 1 / acts.group.order, dtype=torch.float64)
    return left.clamp_min(0) * of_block_g, test.energy_about(test.mean_d).clamp_min(1e-12) * of_block_g


class _Moments:
    """Sums over orbits and their translations, in double precision.

    dimensions: of the representations, of which the trivial one is the first.
    """

    def __init__(self, acts: ActivationSet) -> None:
        assert isinstance(acts.group, DihedralGroup)  # `has_components` refuses scales
        order = acts.group.order
        representations = irreducible_representations(acts.group)
        self.order, self.orbits, self.dimensions = order, 0, [len(each_gij[0]) for each_gij in representations]
        scales = [(dimension / order) ** 0.5 for dimension in self.dimensions]
        single, double = (
            (torch.float32, torch.float64) if acts.group.reflections else (torch.complex64, torch.complex128)
        )
        self.bases = [
            torch.from_numpy(scale * each_gij.conj()).to(single)
            for scale, each_gij in zip(scales, representations, strict=True)
        ]
        self.sum_d = torch.zeros(acts.channels, dtype=torch.float64)
        self.products = [torch.zeros([dim * acts.channels] * 2, dtype=double) for dim in self.dimensions]

    def add(self, x_gbd: Tensor) -> None:
        self.orbits += x_gbd.shape[1]
        self.sum_d += x_gbd.sum((0, 1), dtype=torch.float64) / self.order
        x_gbd = x_gbd.to(self.bases[0].dtype)
        for basis_gij, products_nn in zip(self.bases, self.products, strict=True):
            coefficients_ijbd = torch.tensordot(basis_gij, x_gbd, ([0], [0]))
            rows_rn = coefficients_ijbd.permute(1, 2, 0, 3).flatten(2).flatten(0, 1)
            products_nn += rows_rn.mH @ rows_rn

    @property
    def mean_d(self) -> Tensor:
        """Mean over orbits and blocks; under all translations, that of every block."""
        return self.sum_d / self.orbits

    def about(self, mean_d: Tensor) -> list[Tensor]:
        """Return the mean products of the coefficients of a(g) − mean, [dimension · d, dimension · d] each."""
        means = [each / (self.orbits * dim) for each, dim in zip(self.products, self.dimensions, strict=True)]
        shared_dd = torch.outer(self.mean_d, mean_d)
        # a constant orbit has coefficients in the trivial representation alone
        means[0] = means[0] - self.order * (shared_dd + shared_dd.T - torch.outer(mean_d, mean_d))
        return means

    def energy_about(self, mean_d: Tensor) -> Tensor:
        """Return the mean over orbits of Σ_g ‖a(g) − mean‖²."""
        traces = [each.diagonal().real.sum() for each in self.about(mean_d)]
        return torch.stack([dim * trace for dim, trace in zip(self.dimensions, traces, strict=True)]).sum()


def _moments(acts: ActivationSet, split: str, progress: Progress) -> _Moments:
    moments, shards = _Moments(acts), [shard for shard in acts.shards if shard.split == split]
    for done, shard in enumerate(shards, start=1):
        moments.add(acts.read(shard.index).transpose(0, 1).float())
        progress(done, len(shards))
    return moments
