"""All metrics of trained dictionaries, from one run of the network over the benchmark's images for each layer.

A layer is read on a grid of positions. As in the package, activations are normalised by the photographs' mean and
deviation (fvu.py), here after the dictionary has encoded them, because ours are trained on activations as they are.
"""

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.benchmark.absorption import absorption
from tasks.benchmark.config import ScoringConfig
from tasks.benchmark.cross_domain import cross_domain
from tasks.benchmark.downstream import downstream
from tasks.benchmark.fvu import Moments, fvu, their_fvu, their_fvu_elsewhere
from tasks.benchmark.labelled_images import BenchmarkImages, LabelledImages, open_benchmark
from tasks.benchmark.localisation import Localisation
from tasks.benchmark.metrics import METRICS, Score
from tasks.benchmark.monosemanticity import monosemanticity
from tasks.benchmark.sparse_probing import accuracies, area
from tasks.dictionary.base import Dictionary
from tasks.dictionary.encode import encoder_of
from tasks.dictionary.store import describe, dictionary_config, load_dictionary
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.network import Network
from tasks.vision.networks import load_network

CODE_VERSION = 1
FIRST_SCORED_VERSION = 3
"""Version of the training of dictionaries whose stored configuration has no version."""


def scores_key(benchmark: str, dictionary: str) -> str:
    """Return the content key of a dictionary's scores."""
    return content_key("benchmark_scores", CODE_VERSION, benchmark=benchmark, dictionary=dictionary)


def score_dictionaries(
    dictionaries: tuple[str, ...], config: ScoringConfig, settings: Settings, progress: Progress = silent
) -> str:
    """Stage the scores of trained dictionaries and return the benchmark's key; staged ones are not measured again.

    Raises UserError for a dictionary of the evaluator's own layer, for one that encodes whole orbits, and as
    `open_benchmark`. progress counts to 1000.
    """
    layers: dict[tuple[str, str], list[str]] = {}
    images = open_benchmark(config, settings, part_of(progress, 0, 50))
    for key in dictionaries:
        about = describe(key, settings)
        if about["network"] == config.evaluator:
            raise UserError(f"dictionary {key[:12]} is of {config.evaluator}: choose another network as evaluator")
        encoder_of(load_dictionary(key, settings))  # a dictionary that encodes orbits shows before the long run
        if not is_staged(scores_key(images.key, key), settings):
            layers.setdefault((about["network"], about["layer"]), []).append(key)
    if layers:
        embeddings_nd = embedded(images.photographs, load_network(config.evaluator, settings.weights_dir))
    for place, ((network, layer), keys) in enumerate(layers.items()):
        start, stop = (50 + 950 * each // len(layers) for each in (place, place + 1))
        models = {key: load_dictionary(key, settings) for key in keys}
        grid = Grid(load_network(network, settings.weights_dir), layer, config.positions)
        scored = score_layer(models, grid, images, embeddings_nd, config, part_of(progress, start, stop))
        for key, found in scored.items():
            tables = benchmark_tables(key, found, images, config, settings)
            stage_tables(scores_key(images.key, key), tables, settings)
    progress(1000, 1000)
    return images.key


@torch.no_grad()
def embedded(photographs: LabelledImages, network: Network) -> Tensor:
    """Return the network's mean activation over the positions of its last layer, of each photograph, [n, d]."""
    layer = network.layers()[-1]
    batches = photographs.batches(network.input_size)
    return torch.cat([network.activations(images_bcyx, layer).mean((2, 3)) for images_bcyx in batches])


@dataclass(frozen=True)
class Grid:
    """The positions at which a layer is read: all, or every second, third, … such that `most` are left of an axis."""

    network: Network
    layer: str
    most: int

    def activations(self, images_bcyx: Tensor) -> Tensor:
        """Return activations [b, rows, columns, d] of images [b, 3, side, side], RGB in [0, 1]."""
        acts_byxd = self.network.activations(images_bcyx, self.layer).movedim(1, -1)
        step = math.ceil(max(acts_byxd.shape[1:3]) / self.most)
        return acts_byxd[:, step // 2 :: step, step // 2 :: step].contiguous()


@dataclass
class Seen:
    """What one dictionary does on one set of images, as they pass by.

    codes: largest activation of each feature over the positions of an image; means: mean reconstruction
    """

    model: Dictionary
    localisation: Localisation
    residuals: Moments
    codes: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    active: int = 0

    @classmethod
    def by(cls, model: Dictionary) -> "Seen":
        return cls(model, Localisation(model.config.features), Moments(model.channels))

    def add(self, acts_byxd: Tensor) -> None:
        rows_pd = acts_byxd.flatten(0, 2)
        codes_pm = encoder_of(self.model)(rows_pd)
        weight_gmd, bias_gd = self.model.decoder_blocks(1)
        restored_pd = torch.addmm(bias_gd[0], codes_pm, weight_gmd[0]) / self.model.scale
        codes_byxm = codes_pm.unflatten(0, acts_byxd.shape[:3])
        self.localisation.add(codes_byxm)
        self.residuals.add(rows_pd - restored_pd)
        self.codes.append(codes_byxm.amax((1, 2)))
        self.means.append(restored_pd.view_as(acts_byxd).mean((1, 2)))
        self.active += int((codes_pm > 0).sum())

    def codes_nm(self) -> Tensor:
        return torch.cat(self.codes)

    def l0(self) -> float:
        """Return the mean number of active features of a position."""
        return self.active / self.residuals.positions


@dataclass
class Shown:
    """One set of images, its activations and what each dictionary does there."""

    images: LabelledImages
    rows: Moments
    seen: dict[str, Seen]
    means: list[Tensor] = field(default_factory=list)


@torch.no_grad()
def show(images: LabelledImages, models: dict[str, Dictionary], grid: Grid, progress: Progress = silent) -> Shown:
    """Run the network over a set of images, and every dictionary on its activations. progress counts images."""
    channels = next(iter(models.values())).channels
    shown = Shown(images, Moments(channels), {key: Seen.by(model) for key, model in models.items()})
    for batch_bcyx in images.batches(grid.network.input_size):
        acts_byxd = grid.activations(batch_bcyx)
        shown.rows.add(acts_byxd.flatten(0, 2))
        shown.means.append(acts_byxd.mean((1, 2)))
        for seen in shown.seen.values():
            seen.add(acts_byxd)
        progress(sum(map(len, shown.means)), len(images))
    return shown


@dataclass(frozen=True)
class Scored:
    """Scores of a dictionary, and how sparse it is on the photographs."""

    scores: dict[str, Score]
    l0: float
    dead: int


def score_layer(
    models: dict[str, Dictionary],
    grid: Grid,
    images: BenchmarkImages,
    embeddings_nd: Tensor,
    config: ScoringConfig,
    progress: Progress = silent,
) -> dict[str, Scored]:
    """Score dictionaries of one layer. A metric for which there is too little to measure is left out."""
    sets = (images.photographs, *images.domains)
    ends = np.cumsum([0, *map(len, sets)]) * 800 // sum(map(len, sets))
    parts = [part_of(progress, int(start), int(stop)) for start, stop in pairwise(ends)]
    photographs, *domains = (show(each, models, grid, part) for each, part in zip(sets, parts, strict=True))
    scored = {}
    for done, key in enumerate(models, start=1):
        seen = photographs.seen[key]
        found = on_photographs(photographs, key, images, embeddings_nd, config)
        found |= on_domains(photographs, domains, key, config)
        dead = int((seen.codes_nm().amax(0) == 0).sum())
        scored[key] = Scored({name: found[name] for name in METRICS if name in found}, seen.l0(), dead)
        progress(800 + 200 * done // len(models), 1000)
    return scored


def on_photographs(
    shown: Shown, key: str, images: BenchmarkImages, embeddings_nd: Tensor, config: ScoringConfig
) -> dict[str, Score]:
    """Return the scores of a dictionary that need no other domain."""
    seen, mean_d, deviation = shown.seen[key], shown.rows.mean(), shown.rows.deviation()
    codes_nm = seen.codes_nm()
    is_probed = images.probed >= 0
    labels_n = images.probed[is_probed]
    before_nd, after_nd = (
        ((torch.cat(means) - mean_d) / deviation).float().numpy()[is_probed] for means in (shown.means, seen.means)
    )
    probe = downstream(before_nd, after_nd, labels_n, config.seed)
    sparse = area(accuracies(codes_nm.numpy()[is_probed], labels_n, config.seed))
    found = {
        "fvu": Score(their_fvu(shown.rows, seen.residuals, mean_d), shown.rows.positions),
        "fvu_about_channel_means": Score(fvu(shown.rows, seen.residuals), shown.rows.positions),
        "probe_ratio": Score(probe.ratio, probe.images),
        "probe_accuracy_before": Score(probe.before, probe.images),
        "probe_accuracy_after": Score(probe.after, probe.images),
        "sparse_probing": Score(sparse, probe.images),
    }
    of_features = {
        "localisation": seen.localisation.scores(config.least_images),
        "monosemanticity": monosemanticity(codes_nm, embeddings_nd),
    }
    found |= {name: Score(of.mean().item(), len(of)) for name, of in of_features.items() if len(of)}
    classes_n, _ = shown.images.numbered()
    tests = absorption(codes_nm.numpy(), classes_n, images.groups, config.seed)
    if tests:
        found["absorption"] = Score(float(np.mean([test.absorbed for test in tests])), len(tests))
    return found


def on_domains(photographs: Shown, domains: list[Shown], key: str, config: ScoringConfig) -> dict[str, Score]:
    """Return the cross-domain scores of a dictionary: means over the domains."""
    active_m = photographs.seen[key].codes_nm().amax(0).numpy() > 0
    found = []
    for domain in domains:
        seen, (labels_n, _) = domain.seen[key], domain.images.numbered()
        fvu_here = their_fvu_elsewhere(domain.rows, seen.residuals, photographs.rows.mean())
        found.append(cross_domain(active_m, seen.codes_nm().numpy(), fvu_here, labels_n, config.seed))
    if not found:
        return {}
    means = {"": "score", "_fvu": "fvu", "_coverage": "coverage", "_overlap": "overlap", "_accuracy": "accuracy"}
    return {
        f"cross_domain{name}": Score(float(np.mean([getattr(each, part) for each in found])), len(found))
        for name, part in means.items()
    }


def benchmark_tables(
    key: str, scored: Scored, images: BenchmarkImages, config: ScoringConfig, settings: Settings
) -> dict[str, polars.DataFrame]:
    """Return the rows about one dictionary's scores, by table."""
    about, dictionary = describe(key, settings), dictionary_config(key, settings)
    benchmark = {
        "benchmark_id": images.key,
        "images": len(images.photographs),
        "probed_images": int((images.probed >= 0).sum()),
        "probed_classes": len(set(images.probed[images.probed >= 0].tolist())),
        "domains": ", ".join(domain.name for domain in images.domains),
        "domain_images": sum(map(len, images.domains)),
        "evaluator": config.evaluator,
        "config": config.model_dump_json(),
    }
    stored = dictionary.model_dump(mode="json", exclude=set(dictionary.unused) | {"seed"})
    if about["version"] > FIRST_SCORED_VERSION:
        # the view `benchmark` averages over equal configurations: they must come from one training code
        stored["version"] = about["version"]
    scored_dictionary = {
        "benchmark_id": images.key,
        "dictionary_id": key,
        "activation_set_id": about["activation_set"],
        "architecture": dictionary.architecture,
        "method": dictionary.method,
        "features": dictionary.features,
        "seed": dictionary.seed,
        "l0": scored.l0,
        "dead_features": scored.dead,
        "config_without_seed": json.dumps(stored, sort_keys=True),
    }
    scores = [
        {
            "benchmark_id": images.key,
            "dictionary_id": key,
            "metric": name,
            "value": score.value,
            "n": score.n,
            "higher_is_better": METRICS[name].higher_is_better,
        }
        for name, score in scored.scores.items()
    ]
    return {
        "benchmarks": polars.DataFrame([benchmark]),
        "benchmarked_dictionaries": polars.DataFrame([scored_dictionary]),
        "benchmark_scores": polars.DataFrame(scores),
    }
