"""How well a crosscoder's own decoder could do with a better code: orthogonal matching pursuit over whole orbits.

The pursuit chooses as many features for each row as are active on average. One after another it takes the feature whose
transform blocks have the largest cosine with what is left of the row, and then fits the coefficients of all chosen
features by least squares (Pati, Rezaiifar and Krishnaprasad 1993). It computes with products of features alone, as in
Rubinstein, Zibulevsky and Elad 2008; here for a batch of rows at once.

A crosscoder encodes with one matrix product and, unless it reads the orbit, from the identity block. The difference
between its FVU and that of the pursuit is what this costs. Coefficients of the pursuit may be negative, unlike a code.
"""

from collections.abc import Iterator

import psutil
import torch
from torch import Tensor
from torch.nn import functional

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.metrics import Variance
from tasks.dictionary.orbit_components import active_features
from tasks.dictionary.orbit_prediction import predictions
from tasks.dictionary.rows import every_row
from tasks.dictionary.store import describe, dictionary_config, load_dictionary
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables

CODE_VERSION = 1
PREDICTOR = "matching-pursuit"
MOST_FEATURES = 16_000
"""The products of more features than these are not computed: they would take more than a gigabyte."""
MOST_ROWS = 4096
"""Of more rows, these many at even distances."""
BATCH = 256
INDEPENDENT = 1e-5
"""Least squared sine between an atom and the span of those chosen before: rounding errors are smaller."""


def measure_matching_pursuit(dictionary: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage `orbit_predictions` by a crosscoder's own decoder with pursued codes, and return the content key.

    Rows are those of the test split, or of more than `MOST_ROWS` these many at even distances, orbit by orbit and
    stand-in by stand-in; the variance is that of the same rows. progress counts batches. Raises UserError for another
    dictionary, and as `check_products_fit`.
    """
    key = content_key("orbit_prediction", CODE_VERSION, dictionary=dictionary, predictor=PREDICTOR)
    if is_staged(key, settings):
        return key
    config = dictionary_config(dictionary, settings)
    if not config.is_crosscoder:
        raise UserError(f"dictionary {dictionary[:12]} is no crosscoder: it has no blocks to predict")
    check_products_fit(config.features)
    acts = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings)
    model, count = load_dictionary(dictionary, settings), active_features(dictionary, settings)
    errors = pursuit_errors(model, acts, count, progress)
    stage_tables(key, {"orbit_predictions": predictions(dictionary, PREDICTOR, 0, *errors)}, settings)
    return key


def check_products_fit(features: int) -> None:
    """Raise UserError unless the products of all pairs of features are few enough and fit into the free memory."""
    if features > MOST_FEATURES:
        raise UserError(f"matching pursuit is for at most {MOST_FEATURES:,} features, not {features:,}")
    needed = 4 * features**2
    if needed > (free := psutil.virtual_memory().available):
        raise UserError(
            f"matching pursuit with {features:,} features needs {needed / 2**30:,.1f} GiB of memory and "
            f"{free / 2**30:,.1f} are free: end other programs"
        )


@torch.no_grad()
def pursuit_errors(
    dictionary: Dictionary, acts: ActivationSet, count: int, progress: Progress = silent
) -> tuple[Tensor, Tensor]:
    """Return the mean squared error with `count` pursued features and the variance of each block, [|G|] each.

    Both are summed over channels, in squared units of the activations, of the rows that `measure_matching_pursuit`
    says. progress counts batches.
    """
    gram_mm = products_of_features(dictionary)
    norm_m = gram_mm.diagonal().sqrt().clamp_min(1e-12)
    gram_mm.div_(norm_m).div_(norm_m[:, None])
    residual_of = dictionary.residual_of_blocks()
    variance, error_g = Variance(), torch.zeros(acts.group.order, dtype=torch.float64)
    for x_gbd in _test_rows(acts, dictionary, progress):
        z_gbd = x_gbd * dictionary.scale
        centred_qbd = dictionary.in_band(z_gbd) - dictionary.decoder.bias[:, None]
        cosines_bm = _products(dictionary, centred_qbd) / norm_m
        values_bk, indices_bk = orthogonal_matching_pursuit(cosines_bm, gram_mm, count)
        error_gbd = residual_of(z_gbd, values_bk / norm_m[indices_bk], indices_bk) / dictionary.scale
        error_g += error_gbd.double().square().sum((1, 2))
        variance.add(x_gbd)
    return error_g / variance.rows, (variance.total_g() / variance.rows).clamp_min(1e-12)


def _test_rows(acts: ActivationSet, dictionary: Dictionary, progress: Progress) -> Iterator[Tensor]:
    """Yield batches x_gbd of rows of the test split, at most `MOST_ROWS` in all."""
    shards = [shard for shard in acts.shards if shard.split == "test"]
    stand_ins = acts.group.order if dictionary.config.orbit_reuse else 1
    rows = stand_ins * sum(shard.orbits for shard in shards)
    chosen = torch.linspace(0, rows - 1, min(rows, MOST_ROWS), dtype=torch.float64).round().long()
    start, done = 0, 0
    for shard in shards:
        for _, x_gbd in every_row(acts, dictionary.config, shard, acts.group.order):
            here = chosen[(chosen >= start) & (chosen < start + shard.orbits)] - start
            start += shard.orbits
            for batch in here.split(BATCH):
                if len(batch):
                    yield x_gbd[:, batch]
                    done += len(batch)
                    progress(done, len(chosen))


def products_of_features(dictionary: Dictionary) -> Tensor:
    """Return the products of the transform blocks of every pair of features, summed over blocks, [m, m]."""
    weight_qmd = dictionary.decoder.weight
    if dictionary.turns is None:
        gram_mm = weight_qmd.new_zeros([weight_qmd.shape[1]] * 2)
        for weight_md in weight_qmd:
            gram_mm.addmm_(weight_md, weight_md.T)
        return gram_mm
    turns, order = dictionary.turns, dictionary.turns.order
    # the product of (i, h) and (j, h') is that of (i, identity) and (j, h⁻¹h')
    with_prototypes_ppg = _products(dictionary, dictionary.in_blocks(weight_qmd)).unflatten(1, (-1, order))
    gram_pgpg = weight_qmd.new_empty(turns.prototypes, order, turns.prototypes, order)
    for h, inverse in enumerate(turns.group.inverses):
        gram_pgpg[:, h] = with_prototypes_ppg[:, :, turns.product_gh[inverse]]
    return gram_pgpg.flatten(2).flatten(0, 1)


def _products(dictionary: Dictionary, rows_qbd: Tensor) -> Tensor:
    """Return the products of rows in the decoder's coordinates with the blocks of every feature, [b, m]."""
    if dictionary.turns is not None:
        return dictionary.turns.correlation(rows_qbd, dictionary.in_blocks(dictionary.decoder.weight))
    products_bm = rows_qbd.new_zeros(rows_qbd.shape[1], dictionary.decoder.weight.shape[1])
    for rows_bd, weight_md in zip(rows_qbd, dictionary.decoder.weight, strict=True):
        products_bm.addmm_(rows_bd, weight_md.T)
    return products_bm


def orthogonal_matching_pursuit(cosines_bm: Tensor, gram_mm: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the coefficients and indices of `count` atoms for each row, both [b, count].

    cosines_bm: products of the rows with atoms of unit norm; gram_mm: products of the atoms. An atom that adds nothing
    to those chosen before has the coefficient 0. The result is scikit-learn's `orthogonal_mp_gram`.
    """
    batch, count = len(cosines_bm), min(count, len(gram_mm))
    left_bm, rows_b = cosines_bm, torch.arange(batch)
    indices_bk = torch.empty(batch, 0, dtype=torch.long)
    # the Cholesky factor of the chosen atoms' products grows by a row with each atom
    factor_bkk = torch.zeros(batch, count, count, dtype=torch.float64)
    wanted_bk = torch.zeros(batch, count, dtype=torch.float64)
    kept_bk = torch.zeros(batch, count, dtype=torch.bool)
    for step in range(count):
        best_b = left_bm.abs().scatter_(1, indices_bk, -1.0).argmax(1)
        with_chosen_bk = gram_mm[indices_bk, best_b[:, None]] * kept_bk[:, :step]
        before_bkk = factor_bkk[:, :step, :step]
        row_bk = torch.linalg.solve_triangular(before_bkk, with_chosen_bk.double()[:, :, None], upper=False)[:, :, 0]
        square_b = gram_mm.diagonal()[best_b].double() - row_bk.square().sum(1)  # of what the others leave of the atom
        new_b = square_b > INDEPENDENT
        factor_bkk[:, step, :step] = row_bk * new_b[:, None]
        factor_bkk[:, step, step] = torch.where(new_b, square_b, 1.0).sqrt()
        wanted_bk[:, step] = cosines_bm[rows_b, best_b] * new_b
        kept_bk[:, step] = new_b
        indices_bk = torch.cat([indices_bk, best_b[:, None]], 1)
        so_far_bkk = factor_bkk[:, : step + 1, : step + 1]
        values_bk = torch.cholesky_solve(wanted_bk[:, : step + 1, None], so_far_bkk)[:, :, 0].float()
        left_bm = cosines_bm - functional.embedding_bag(indices_bk, gram_mm, mode="sum", per_sample_weights=values_bk)
    return values_bk, indices_bk
