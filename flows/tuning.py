"""Flow `tuning`: tuning dimensions of layers, found without supervision, and what they follow."""

from typing import Literal

import polars
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.activations.plan import ExtractionConfig, ExtractionPlan
from tasks.config import Config, Seed, Whole
from tasks.dictionary.store import describe
from tasks.dimensions.analyse import analyse_dimensions, dimension_metrics
from tasks.dimensions.config import CONTROLS, DimensionsConfig, Method
from tasks.dimensions.paths import render_path, shown_dimensions
from tasks.keys import content_key
from tasks.report.dimension_figures import completeness_figure, dimension_figures, identification_figure
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_analysis, study_run
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network

VERSION = 1
SHOWN_PARAMETERS = ("orientation", "frequency", "phase", "colour")


class TuningConfig(Config):
    """Which layers, which rows, which methods. The defaults are a bank of Gabor filters, where the truth is known."""

    network: str = Field("gabor-bank", description="network, by name")
    layers: tuple[str, ...] = Field(("gabor",), description="layers, and branches of layers, by name")
    dictionaries: tuple[str, ...] = Field(
        (), description="keys of trained dictionaries whose features are looked at too, on the rows of their own set"
    )
    methods: tuple[Method, ...] = Field(
        ("pca", "ica", "nmf", "kernel-pca", "neurons", "random"),
        min_length=1,
        description="how dimensions are sought; neurons and random are the controls",
    )
    sources: tuple[Literal["patches", "gratings"], ...] = Field(
        ("gratings", "patches"), min_length=1, description="rows that they are sought in, each on its own"
    )
    images: ImagesConfig = Field(ImagesConfig(), description="images to look at")
    rows: Whole = Field(3_000, ge=2, description="positions to sample in each layer")
    rows_per_shard: int = Field(1_000, ge=1, le=100_000, description="rows in a shard: what is in memory at a time")
    sampling: Literal["norm", "uniform"] = Field("uniform", description="norm: large activations over-sampled")
    n_rotations: int = Field(
        1, ge=1, le=360, description="above 1: rows are orbits, and dimensions are compared with the group's harmonics"
    )
    reflections: bool = Field(False, description="mirrored too")
    test_share: float = Field(0.1, gt=0, le=0.5, description="share of the images that dimensions are judged on")
    components: Whole = Field(32, ge=1, description="dimensions that each method finds")
    frames: Whole = Field(24, ge=0, description="whole images on which the network runs with dimensions taken out")
    rendered: Whole = Field(
        2,
        ge=0,
        description="dimensions of a method, but not of the controls, to render images along: the first, and "
        "those that follow orientation and frequency",
    )
    permutations: Whole = Field(999, ge=99, description="of the stimuli's labels, for p-values")
    seed: Seed = Field(0, description="draws positions, split, random basis and permutations")

    def extraction(self, layer: str) -> ExtractionConfig:
        """Rows of one layer."""
        return ExtractionConfig(
            network=self.network,
            layer=layer,
            images=self.images,
            n_rotations=self.n_rotations,
            reflections=self.reflections,
            orbits=self.rows,
            sampling=self.sampling,
            seed=self.seed,
            orbits_per_shard=self.rows_per_shard,
            test_share=self.test_share,
        )

    def search(self, method: Method, source: str) -> DimensionsConfig:
        """One method on one source of rows."""
        return DimensionsConfig(
            method=method,
            source=source,
            components=self.components,
            frames=self.frames,
            permutations=self.permutations,
            seed=self.seed,
        )


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def tuning(config: TuningConfig = TuningConfig()) -> Summary:
    """Find the tuning dimensions of layers and dictionaries, what each follows, holds and looks like; publish.

    Args:
        config: which layers, which rows, which methods
    """
    settings = Settings()
    network = load_network(config.network, settings)
    for layer in config.layers:
        network.layer(layer)  # one that isn't there is named before anything is made
    made, figures = {}, {}
    with recorded("tuning", config, settings) as measured:
        subjects = [(extract_set(config.extraction(layer), settings), None) for layer in config.layers]
        subjects += [(describe(key, settings)["activation_set"], key) for key in config.dictionaries]
        for activation_set, dictionary in subjects:
            for source in config.sources:
                found, figures_of = study_dimensions(activation_set, dictionary, source, config, settings)
                made |= found
                figures |= figures_of
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Tuning dimensions of {config.network}",
            made=made,
            figures=figures | measured.figures(),
            where=published.where,
            missing=published.missing,
        )
    )


def study_dimensions(
    activation_set: str, dictionary: str | None, source: str, config: TuningConfig, settings: Settings
) -> tuple[dict[str, str], dict[str, str]]:
    """Every method on one source of rows of one subject; (keys, what was found), by name."""
    keys = {}
    for method in config.methods:
        search = config.search(method, source)
        with reported(f"Dimensions of {activation_set[:8]} by {method} in {source}") as progress:
            keys[method] = step(analyse_dimensions)(activation_set, dictionary, search, settings, progress)
    paths = {method: [] for method in config.methods}
    for method, key in keys.items():
        if config.rendered and method not in CONTROLS:
            with reported(f"Render {method} of {activation_set[:8]} in {source}") as progress:
                shown = shown_dimensions(key, config.rendered, settings)
                for done, dimension in enumerate(shown):
                    paths[method].append(step(render_path)(key, dimension, settings))
                    progress(done + 1, len(shown))
    metrics = step(log_dimensions)(activation_set, keys, paths, config, source, settings)
    subject = f"features of {dictionary[:8]}" if dictionary else network_and_layer(activation_set, settings)[1]
    return (
        {f"{subject}, {method} in {source}": key for method, key in keys.items()},
        {f"{subject}, {method} in {source}": told(found) for method, found in metrics.items()},
    )


def log_dimensions(
    activation_set: str,
    keys: dict[str, str],
    paths: dict[str, list[str]],
    config: TuningConfig,
    source: str,
    settings: Settings,
) -> dict[str, dict[str, float]]:
    """Tell MLflow of a study, a nested run for each method; returns the metrics by method."""
    frames = {
        method: together(*(read_staged(made, settings) for made in (key, *paths[method])))
        for method, key in keys.items()
    }
    metrics = {method: dimension_metrics(of_method) for method, of_method in frames.items()}
    experiment = "/".join(network_and_layer(activation_set, settings))
    study = content_key("tuning", VERSION, analyses=keys, paths=paths)
    with study_run("tuning", study, experiment, settings, {"source": source}) as run:
        for method, key in keys.items():
            log_analysis(
                "dimensions",
                key,
                experiment,
                config.search(method, source),
                metrics[method],
                dimension_figures(frames[method]),
                settings,
                parent=run.run_id,
            )
        run.log({"identification": identification_figure(frames), "completeness": completeness_figure(frames)}, {})
    return metrics


def together(*made: dict) -> dict:
    """Frames of several stages about the same thing: tables of one name, one below the other."""
    tables = {}
    for frames in made:
        for table, frame in frames.items():
            tables[table] = polars.concat([tables[table], frame], how="diagonal_relaxed") if table in tables else frame
    return tables


def network_and_layer(activation_set: str, settings: Settings) -> tuple[str, str]:
    """Names of what an activation set was extracted from."""
    config = ExtractionPlan.open(activation_set, settings).config
    return config.network, config.layer


def told(metrics: dict[str, float]) -> str:
    """One line on what a method found."""
    follows = [f"{name} {metrics[f'r_squared_{name}']:.2f}" for name in SHOWN_PARAMETERS]
    return f"explains {metrics['explained_variance']:.2f}; R² {', '.join(follows)}"
