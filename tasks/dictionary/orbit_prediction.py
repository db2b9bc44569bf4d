"""How well the identity block alone predicts the activations under every transform: a floor for crosscoders [ours].

A group crosscoder that encodes the identity block reconstructs all |G| blocks from a code of that block. Whatever the
code, it can predict no more than the block determines. Two predictors without features and without sparsity measure
how much that is, on the rows on which the crosscoder is evaluated:

* linear: ridge regression of all blocks on the identity block. It reproduces that block almost exactly.
* nonlinear: the linear prediction plus that of a multilayer perceptron, trained on what the linear one leaves.

A third predictor has one matrix per generator of the group, M_r of the smallest rotation and M_s of the mirror, and
predicts a(r^k s·x) as M_r^k M_s a(x) about the mean (arXiv 2511.09432 has one matrix for a rotation by 90°).

* generators: ridge regression of the block of r·g on that of g, for all g at once, and of s·g on g. Both matrices are
  then trained on the error of all blocks, powers included.

The same matrices make an SAE of the orbits' rows adaptively equivariant (after arXiv 2511.09432): what it reconstructs
of the identity block, turned by them, is its reconstruction of every block, and is compared with a crosscoder's.

Each FVU is an upper bound of the least that any code of the identity block can reach. A crosscoder whose FVU is near
the smaller one is limited by what it reads, and not by its size or its sparsity.
"""

import math
from itertools import islice

import polars
import psutil
import torch
from torch import Tensor, nn

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import Variance
from tasks.dictionary.rows import STREAM_FIELDS, batches, every_row
from tasks.dictionary.store import describe, dictionary_config, load_dictionary
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.group import DihedralGroup

CODE_VERSION = 1
PASSES = 4
"""Passes over the train split for the regression; with orbit reuse, each shows other blocks in the identity's place."""
RIDGE = 1e-3
"""Weight of the ridge penalty, as a share of the mean variance of a channel."""
HIDDEN, DROPOUT, LEARNING_RATE, DECAY_SHARE = 1024, 0.2, 1e-3, 0.5
"""Of the perceptron: two hidden layers; Adam's learning rate falls linearly to 0 over the last `DECAY_SHARE`."""
SCHEMA = {
    "dictionary_id": polars.String,
    "predictor": polars.String,
    "steps": polars.Int32,
    "element": polars.Int32,
    "fvu": polars.Float64,
    "variance": polars.Float64,
}


GENERATOR_STEPS, GENERATOR_RATE = 300, 1e-4
"""Of the matrices of the generators: training steps after the regression, and Adam's learning rate."""


def measure_orbit_prediction(
    dictionary: str, steps: int, settings: Settings, progress: Progress = silent
) -> dict[str, str]:
    """Stage `orbit_predictions` of a dictionary; return {predictor: content key}.

    The nonlinear predictor is left out if steps is 0, and the generators for scales, which are no group. steps: of the
    perceptron's training, in batches as in the dictionary's. Rows are those of the test split. progress counts to 1000.
    Raises UserError for a dictionary that doesn't encode the identity block alone, and if memory is too small.
    """
    acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
    keys = {"linear": content_key("orbit_prediction", CODE_VERSION, dictionary=dictionary, predictor="linear")}
    if steps:
        keys["nonlinear"] = content_key(
            "orbit_prediction", CODE_VERSION, dictionary=dictionary, predictor="nonlinear", steps=steps
        )
    if has_generators(acts):
        keys["generators"] = content_key(
            "orbit_prediction", CODE_VERSION, dictionary=dictionary, predictor="generators", steps=GENERATOR_STEPS
        )
    if all(is_staged(key, settings) for key in keys.values()):
        return keys
    config = dictionary_config(dictionary, settings)
    if not is_measured(config):
        raise UserError(f"dictionary {dictionary[:12]} is no group crosscoder that encodes the identity block")
    check_fits(acts.channels, acts.group.order)
    if "generators" in keys and not is_staged(keys["generators"], settings):
        generators = _fitted_generators(acts, config, part_of(progress, 0, 100))
        table = predictions(dictionary, "generators", GENERATOR_STEPS, *errors_on_test_rows(generators, acts, config))
        stage_tables(keys["generators"], {"orbit_predictions": table}, settings)
    linear = fit_linear(acts, config, part_of(progress, 100, 300))
    if not is_staged(keys["linear"], settings):
        table = predictions(dictionary, "linear", 0, *errors_on_test_rows(linear, acts, config))
        stage_tables(keys["linear"], {"orbit_predictions": table}, settings)
    progress(400, 1000)
    if steps:
        network = fit_network(linear, acts, config, steps, part_of(progress, 400, 900))
        table = predictions(dictionary, "nonlinear", steps, *errors_on_test_rows(network, acts, config))
        stage_tables(keys["nonlinear"], {"orbit_predictions": table}, settings)
    progress(1000, 1000)
    return keys


def measure_equivariance(dictionary: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage the metric `equivariant_fvu` of an SAE on a set of orbits and return its content key.

    It is the FVU over all blocks where the reconstruction of the identity block is turned by one matrix per generator.
    Rows are those of the test split. progress counts to 1000. Raises UserError for another dictionary.
    """
    key = content_key("equivariant SAE", CODE_VERSION, dictionary=dictionary)
    if is_staged(key, settings):
        return key
    if not is_of_orbits(dictionary, settings):
        raise UserError(f"dictionary {dictionary[:12]} is no SAE on a set of orbits: it has no blocks to turn")
    config = dictionary_config(dictionary, settings)
    acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
    orbits = config.model_copy(update={"architecture": "group-crosscoder"})  # the same rows, with all their blocks
    generators = _fitted_generators(acts, orbits, part_of(progress, 0, 500))
    turned = TurnedReconstruction(load_dictionary(dictionary, settings), generators)
    error_g, variance_g = errors_on_test_rows(turned, acts, orbits)
    fvu = float(error_g.sum() / variance_g.sum())
    table = polars.DataFrame({"dictionary_id": [dictionary], "metric": ["equivariant_fvu"], "value": [fvu]})
    stage_tables(key, {"dictionary_metrics": table}, settings)
    progress(1000, 1000)
    return key


def predictions(dictionary: str, predictor: str, steps: int, error_g: Tensor, variance_g: Tensor) -> polars.DataFrame:
    """Return rows of `orbit_predictions`, one a block."""
    blocks = {"element": range(len(error_g)), "fvu": (error_g / variance_g).tolist(), "variance": variance_g.tolist()}
    same = {"dictionary_id": dictionary, "predictor": predictor, "steps": steps}
    return polars.DataFrame(blocks).select(
        (polars.lit(same[name]) if name in same else polars.col(name)).cast(kind).alias(name)
        for name, kind in SCHEMA.items()
    )


def whole_fvu(predictions: polars.DataFrame) -> float:
    """Return the FVU over all blocks, from the rows of `orbit_predictions` of one predictor."""
    return predictions.select((polars.col("fvu") * polars.col("variance")).sum() / polars.col("variance").sum()).item()


def is_measured(config: DictionaryConfig) -> bool:
    """Whether a dictionary predicts all blocks from the identity block."""
    return config.is_crosscoder and not config.reads_all_blocks


def is_of_orbits(dictionary: str, settings: Settings) -> bool:
    """Whether a dictionary is an SAE on a set of orbits, whose other blocks its reconstruction can be turned into."""
    if dictionary_config(dictionary, settings).architecture != "sae":
        return False
    return has_generators(ActivationSet.open(describe(dictionary, settings)["activation_set"], settings))


def has_generators(acts: ActivationSet) -> bool:
    """Whether powers of one matrix, or of two, can predict the blocks of a set: scales are no group."""
    return isinstance(acts.group, DihedralGroup) and acts.group.order > 1


def check_fits(channels: int, blocks: int) -> None:
    """Raise UserError unless the regression's matrices fit into the free memory."""
    needed = (8 + 4 + 4) * blocks * channels**2  # the moments, their solution and its copy in single precision
    if needed > (free := psutil.virtual_memory().available):
        raise UserError(
            f"predicting {blocks} blocks of {channels} channels needs {needed / 2**30:,.1f} GiB of memory and "
            f"{free / 2**30:,.1f} are free: extract fewer rotations, or a layer with fewer channels"
        )


class Linear(nn.Module):
    """Affine prediction of all blocks, [b, |G| · d], from the identity block, [b, d]."""

    def __init__(self, weight_dn: Tensor, mean_d: Tensor, mean_n: Tensor) -> None:
        super().__init__()
        self.weight_dn, self.mean_d, self.mean_n = weight_dn, mean_d, mean_n

    def forward(self, x_bd: Tensor) -> Tensor:
        return torch.addmm(self.mean_n, x_bd - self.mean_d, self.weight_dn)


class WithNetwork(nn.Module):
    """The linear prediction plus that of a multilayer perceptron. in_scale, out_scale: standard deviations of both."""

    def __init__(self, linear: Linear, in_scale: Tensor, out_scale: Tensor) -> None:
        super().__init__()
        channels, outputs = linear.weight_dn.shape
        self.linear, self.in_scale, self.out_scale = linear, in_scale, out_scale
        self.network = nn.Sequential(
            *(nn.Linear(channels, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT)),
            *(nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT)),
            nn.Linear(HIDDEN, outputs),
        )
        for parameter in list(self.network.parameters())[-2:]:
            nn.init.zeros_(parameter)  # training begins at the linear prediction

    def correction(self, x_bd: Tensor) -> Tensor:
        """Return what is added to the linear prediction, in units of `out_scale`."""
        return self.network((x_bd - self.linear.mean_d) / self.in_scale)

    def forward(self, x_bd: Tensor) -> Tensor:
        return self.linear(x_bd) + self.out_scale * self.correction(x_bd)


class Generators(nn.Module):
    """Prediction of all blocks, [b, |G| · d], by powers of one matrix per generator, from the identity block, [b, d].

    rotation_dd: of the smallest rotation; mirror_dd: of the mirror, or None in a group without reflections.
    """

    def __init__(self, rotations: int, rotation_dd: Tensor, mirror_dd: Tensor | None, mean_d: Tensor) -> None:
        super().__init__()
        self.rotations, self.mean_d = rotations, mean_d
        self.rotation_dd = nn.Parameter(rotation_dd)
        self.mirror_dd = None if mirror_dd is None else nn.Parameter(mirror_dd)

    def forward(self, x_bd: Tensor) -> Tensor:
        identity_bd = x_bd - self.mean_d
        halves = [identity_bd] if self.mirror_dd is None else [identity_bd, identity_bd @ self.mirror_dd]
        blocks = []
        for rows_bd in halves:
            blocks.append(rows_bd)
            for _ in range(self.rotations - 1):
                blocks.append(blocks[-1] @ self.rotation_dd)
        return torch.cat([rows_bd + self.mean_d for rows_bd in blocks], 1)


class TurnedReconstruction(nn.Module):
    """An SAE's reconstruction of the identity block, turned into all blocks: [b, d] to [b, |G| · d]."""

    def __init__(self, sae: Dictionary, generators: Generators) -> None:
        super().__init__()
        self.sae, self.generators = sae, generators

    def forward(self, x_bd: Tensor) -> Tensor:
        return self.generators(self.sae.decode(self.sae.code(x_bd))[:, 0])


class _Moments:
    """Sums over rows: x [d], y [n], x xᵀ [d, d] and x yᵀ [d, n], in double precision."""

    def __init__(self, channels: int, outputs: int) -> None:
        self.rows = 0
        self.x_d = torch.zeros(channels, dtype=torch.float64)
        self.y_n = torch.zeros(outputs, dtype=torch.float64)
        self.xx_dd = torch.zeros(channels, channels, dtype=torch.float64)
        self.xy_dn = torch.zeros(channels, outputs, dtype=torch.float64)

    def add(self, x_bd: Tensor, y_bn: Tensor) -> None:
        self.rows += len(x_bd)
        self.x_d += x_bd.sum(0, dtype=torch.float64)
        self.y_n += y_bn.sum(0, dtype=torch.float64)
        self.xx_dd += x_bd.T @ x_bd
        self.xy_dn += x_bd.T @ y_bn


@torch.no_grad()
def fit_linear(acts: ActivationSet, config: DictionaryConfig, progress: Progress = silent) -> Linear:
    """Fit the ridge regression on `PASSES` passes over the train split. progress counts batches."""
    channels, outputs = acts.channels, acts.group.order * acts.channels
    sums = _Moments(channels, outputs)
    orbits = sum(shard.orbits for shard in acts.shards if shard.split == "train")
    count = math.ceil(PASSES * orbits / config.batch_size)
    for done, x_gbd in enumerate(islice(batches(acts, config), count), start=1):
        sums.add(x_gbd[0], _blocks(x_gbd))
        progress(done, count)
    return Linear(*_ridge(sums))


def _ridge(sums: _Moments) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weight [d, n] and the means [d] and [n] of the ridge regression of y on x."""
    mean_d, mean_n = sums.x_d / sums.rows, sums.y_n / sums.rows
    covariance_dd = sums.xx_dd / sums.rows - torch.outer(mean_d, mean_d)
    penalty = RIDGE * covariance_dd.diagonal().mean()
    covariance_dd.diagonal().add_(penalty)
    weight_dn = torch.linalg.solve(covariance_dd, sums.xy_dn.div_(sums.rows).sub_(torch.outer(mean_d, mean_n)))
    return weight_dn.float(), mean_d.float(), mean_n.float()


_last_fitted: dict[tuple[str, DictionaryConfig], Generators] = {}
"""The matrices that were fitted last, by their activation set and their stream of rows."""


def _fitted_generators(acts: ActivationSet, config: DictionaryConfig, progress: Progress) -> Generators:
    """Return what `fit_generators` does; the SAE and the crosscoder of a study, whose rows are the same, share it."""
    rows = (acts.key, DictionaryConfig(**{field: getattr(config, field) for field in STREAM_FIELDS}))
    generators = _last_fitted.get(rows) or fit_generators(acts, config, GENERATOR_STEPS, progress)
    _last_fitted.clear()
    _last_fitted[rows] = generators
    return generators


def fit_generators(
    acts: ActivationSet, config: DictionaryConfig, steps: int, progress: Progress = silent
) -> Generators:
    """Fit the matrices of the generators on one pass over the train split, then train them. progress counts batches."""
    group, channels = acts.group, acts.channels
    pairs = {"rotation": group.cayley[1 % group.n_rotations]}
    if group.reflections:
        pairs["mirror"] = group.cayley[group.n_rotations]
    sums = {name: _Moments(channels, channels) for name in pairs}
    orbits = sum(shard.orbits for shard in acts.shards if shard.split == "train")
    count = math.ceil(orbits / config.batch_size)
    for done, x_gbd in enumerate(islice(batches(acts, config), count), start=1):
        for name, image_g in pairs.items():
            sums[name].add(x_gbd.flatten(0, 1), x_gbd[torch.from_numpy(image_g)].flatten(0, 1))
        progress(done, count + steps)
    weights = {name: _ridge(moments)[0] for name, moments in sums.items()}
    mean_d = (sums["rotation"].x_d / sums["rotation"].rows).float()
    predictor = Generators(group.n_rotations, weights["rotation"], weights.get("mirror"), mean_d)
    optimiser = torch.optim.Adam(predictor.parameters(), lr=GENERATOR_RATE, fused=True)
    for step, x_gbd in enumerate(islice(batches(acts, config), steps)):
        for parameters in optimiser.param_groups:
            parameters["lr"] = GENERATOR_RATE * min(1.0, (steps - step) / (DECAY_SHARE * steps))
        wanted_bn = _blocks(x_gbd)
        # in units of the variance: Adam's steps don't depend on it, but its smallest denominator does
        ((predictor(x_gbd[0]) - wanted_bn).square().mean() / wanted_bn.var().clamp_min(1e-12)).backward()
        optimiser.step()
        optimiser.zero_grad()
        progress(count + step + 1, count + steps)
    return predictor.eval()


def fit_network(
    linear: Linear, acts: ActivationSet, config: DictionaryConfig, steps: int, progress: Progress = silent
) -> WithNetwork:
    """Train the perceptron on what the linear prediction leaves of the train split. progress counts steps."""
    rows = batches(acts, config)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        first_gbd = next(rows)
        residual_bn = _blocks(first_gbd) - linear(first_gbd[0])
        predictor = WithNetwork(linear, first_gbd[0].std().clamp_min(1e-12), residual_bn.std().clamp_min(1e-12))
        optimiser = torch.optim.Adam(predictor.network.parameters(), lr=LEARNING_RATE, fused=True)
        for step, x_gbd in enumerate(islice(rows, steps)):
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * min(1.0, (steps - step) / (DECAY_SHARE * steps))
            left_bn = (_blocks(x_gbd) - linear(x_gbd[0])) / predictor.out_scale
            (predictor.correction(x_gbd[0]) - left_bn).square().mean().backward()
            optimiser.step()
            optimiser.zero_grad()
            progress(step + 1, steps)
    return predictor.eval()


@torch.no_grad()
def errors_on_test_rows(predictor: nn.Module, acts: ActivationSet, config: DictionaryConfig) -> tuple[Tensor, Tensor]:
    """Return the mean squared error and the variance of each block over all rows of the test split, [|G|] each.

    The rows and the variance are those of `tasks.dictionary.metrics.evaluate`, both summed over channels.
    """
    variance, error_g = Variance(), torch.zeros(acts.group.order, dtype=torch.float64)
    for shard in acts.shards:
        if shard.split == "test":
            for _, x_gbd in every_row(acts, config, shard, acts.group.order):
                variance.add(x_gbd)
                error_bn = _blocks(x_gbd) - predictor(x_gbd[0])
                error_g += error_bn.double().unflatten(1, (-1, acts.channels)).square().sum((0, 2))
    return error_g / variance.rows, (variance.total_g() / variance.rows).clamp_min(1e-12)


def _blocks(x_gbd: Tensor) -> Tensor:
    """Return all blocks of each row side by side, [b, |G| · d]."""
    return x_gbd.transpose(0, 1).flatten(1)
