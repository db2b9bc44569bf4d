"""Flow `benchmark`: score dictionaries by ViSAEBench's metrics; layers, methods and seeds are compared in one view."""

from typing import Any

import polars
from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows import names
from flows.config import each_over, over, validated
from flows.extract import extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.sweep import grouped, train_together
from flows.train import next_seeds
from tasks.activations.plan import ExtractionConfig
from tasks.activations.sampling import Sampling
from tasks.benchmark.config import ScoringConfig
from tasks.benchmark.labelled_images import open_benchmark
from tasks.benchmark.metrics import METRICS
from tasks.benchmark.score import score_dictionaries, scores_key
from tasks.config import Config, Seed, Whole
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import STREAM_FIELDS
from tasks.dictionary.store import describe, dictionary_config, key_of
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.benchmarks import log_scores
from tasks.vision.images import ImagesConfig
from tasks.vision.names import LayerNames, NetworkName
from tasks.vision.networks import load_network


class BenchmarkConfig(Config):
    """The configuration of the flow. The defaults need no files of yours."""

    scoring: ScoringConfig = Field(ScoringConfig(), description="the images and settings of the scores")
    dictionaries: tuple[str, ...] = Field(
        (), description="keys of trained dictionaries to score; default: train those that the other fields describe"
    )
    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    layers: LayerNames = Field(
        ("block1_expand", "block5_expand"), min_length=1, description="names of layers, or of branches of layers"
    )
    images: ImagesConfig = Field(ImagesConfig(), description="images whose activations the dictionaries are trained on")
    rows: Whole = Field(12_000, ge=1, description="number of positions to sample in each layer")
    rows_per_shard: int = Field(4_000, ge=1, le=100_000, description="rows per shard; memory holds one shard")
    sampling: Sampling = Field("uniform", description="how positions of an image are drawn for the training")
    test_share: float = Field(0.1, gt=0, le=0.5, description="share of the images in the test split")
    seed: Seed = Field(0, description="random seed of the positions, the order of the images and the split")
    features_per_channel: float = Field(
        4, gt=0, le=1e4, description="number of features of a dictionary per channel of its layer"
    )
    dictionary: DictionaryConfig = Field(
        DictionaryConfig(architecture="sae", k=8, steps=600, batch_size=512, orbit_reuse=False),
        description="what the trained dictionaries have in common; `features` is computed from features_per_channel",
    )
    variants: tuple[DictionaryConfig, ...] = Field(
        (
            {"method": "topk"},
            {"method": "batchtopk"},
            {"method": "matryoshka"},
            {"method": "relu", "sparsity": 5.0},
            {"method": "jumprelu", "sparsity": 5.0},
            {"method": "gated", "sparsity": 5.0},
        ),
        min_length=1,
        validate_default=True,
        description="the methods to compare; each lists the fields in which it differs from `dictionary`",
    )
    k_of_layer: dict[str, Whole] = Field({}, description="k at layers that need another than the methods state")
    seeds: int = Field(3, ge=1, le=10, description="number of trainings of each method, with seeds one after another")

    @field_validator("dictionary", mode="before")
    @classmethod
    def _over_the_default(cls, value: Any) -> Any:
        return over(cls.model_fields["dictionary"].default, value)

    @field_validator("variants", mode="before")
    @classmethod
    def _over_what_is_common(cls, variants: Any, info: ValidationInfo) -> Any:
        return each_over(info.data.get("dictionary"), variants)

    @model_validator(mode="after")
    def _sparse_autoencoders(self) -> "BenchmarkConfig":
        if any(each.architecture != "sae" for each in (self.dictionary, *self.variants)):
            raise ValueError("benchmark trains SAEs only: set dictionary.architecture to sae, or give `dictionaries`")
        if unknown := self.k_of_layer.keys() - {*self.layers}:
            raise ValueError(
                f"k_of_layer names {', '.join(sorted(unknown))}, which is not among the layers: add it there"
            )
        return self

    def extraction(self, layer: str) -> ExtractionConfig:
        """Return the extraction of one layer, without transforms, since an SAE encodes untransformed activations."""
        return ExtractionConfig(
            network=self.network,
            layer=layer,
            images=self.images,
            n_rotations=1,
            reflections=False,
            orbits=self.rows,
            sampling=self.sampling,
            seed=self.seed,
            orbits_per_shard=self.rows_per_shard,
            test_share=self.test_share,
        )

    def dictionaries_for(self, layer: str, channels: int) -> tuple[DictionaryConfig, ...]:
        """Return the configs of all methods and seeds for a layer. Raises UserError if one isn't possible there."""
        of_layer: dict[str, Any] = {"features": round(self.features_per_channel * channels)}
        if layer in self.k_of_layer:
            of_layer["k"] = self.k_of_layer[layer]
        return tuple(
            validated(DictionaryConfig, dict(variant) | of_layer | {"seed": seed})
            for variant in self.variants
            for seed in (variant.seed, *next_seeds(variant.seed, self.seeds - 1))
        )


@kaleidoscope_flow
def benchmark(config: BenchmarkConfig = BenchmarkConfig()) -> Summary:
    """Train SAEs of several methods and seeds on each layer, or take trained dictionaries; score them; publish.

    The dictionaries are neither analysed nor registered: `sweep` does that. A variant that diverges is reported at the
    end; the others are scored.

    Args:
        config: the scores, and the dictionaries
    """
    settings = Settings()
    with reported("Read the benchmark's images") as progress:  # a mistake there shows before a long training
        step(check_images)(config.scoring, settings, progress)
    with recorded("benchmark", config, settings) as measured:
        outcome = known(config.dictionaries, settings) if config.dictionaries else trained_on_layers(config, settings)
        failures = {dictionary: failure for dictionary, failure in outcome.items() if failure is not None}
        dictionaries = tuple(dictionary for dictionary, failure in outcome.items() if failure is None)
        with reported(f"Score {len(dictionaries)} dictionaries") as progress:
            key = step(score_dictionaries)(dictionaries, config.scoring, settings, progress)
        step(log_benchmark)(key, dictionaries, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Benchmark of {names.dictionaries(dictionaries)}",
            content_keys={"benchmark": key},
            figures=scores_of(key, dictionaries, settings) | measured.figures(),
            places={"scores": "kaleidoscope sql 'FROM benchmark'"} | published.places | measured.places,
            missing=published.missing,
            failures=failures,
        )
    )


def check_images(config: ScoringConfig, settings: Settings, progress) -> None:
    """Raise UserError if dictionaries can't be scored on these images."""
    open_benchmark(config, settings, progress)


def log_benchmark(benchmark: str, dictionaries: tuple[str, ...], settings: Settings) -> None:
    """Log the scores of each dictionary in MLflow."""
    for dictionary in dictionaries:
        log_scores(benchmark, dictionary, settings)


def known(keys: tuple[str, ...], settings: Settings) -> dict[str, str | None]:
    """Return {key: None} of trained dictionaries, given by the beginnings of their keys; UserError if one isn't."""
    return dict.fromkeys(key_of(key, settings) for key in keys)


def trained_on_layers(config: BenchmarkConfig, settings: Settings) -> dict[str, str | None]:
    """Extract each layer and train all methods and seeds on it; return {key: None, or why it diverged}."""
    network = load_network(config.network, settings.weights_dir)
    outcome: dict[str, str | None] = {}
    wanted = {layer: config.dictionaries_for(layer, network.layer(layer).channels) for layer in config.layers}
    for layer, configs in wanted.items():
        activation_set = extract_set(config.extraction(layer), settings)
        for of_stream in grouped(configs, lambda each: tuple(getattr(each, field) for field in STREAM_FIELDS)):
            with reported(f"Train {len(of_stream)} dictionaries on {layer}, seed {of_stream[0].seed}") as progress:
                outcome |= step(train_together)(activation_set, of_stream, settings, progress)
    return outcome


def scores_of(benchmark: str, dictionaries: tuple[str, ...], settings: Settings) -> dict[str, str]:
    """Return the main scores for the summary: mean and standard deviation over seeds, of each layer and method."""
    tables = [read_staged(scores_key(benchmark, key), settings) for key in dictionaries]
    if not tables:
        return {}
    about = polars.concat([table["benchmarked_dictionaries"] for table in tables])
    scores = polars.concat([table["benchmark_scores"] for table in tables]).join(about, on="dictionary_id")
    alike = ("activation_set_id", "config_without_seed", "metric")
    means = scores.group_by(alike, maintain_order=True).agg(
        polars.col("dictionary_id").first(),
        polars.col("value").mean().alias("mean"),
        polars.col("value").std().alias("std"),
        polars.len().alias("seeds"),
    )
    figures = {}
    for row in means.filter(
        polars.col("metric").is_in([name for name, each in METRICS.items() if each.main])
    ).to_dicts():
        layer, config = (
            describe(row["dictionary_id"], settings)["layer"],
            dictionary_config(row["dictionary_id"], settings),
        )
        spread = "" if row["std"] is None else f" ± {row['std']:.3f} over {row['seeds']} seeds"
        setting = f"k = {config.k}" if config.has_k else f"λ = {config.sparsity:g}"
        name = f"{layer}, {config.name} {config.features:,}, {setting}: {METRICS[row['metric']].label}"
        figures[name] = f"{row['mean']:.3f}{spread}"
    return figures
