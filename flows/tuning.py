"""Flow `tuning`: unsupervised tuning dimensions of layers, and the stimulus parameters that they follow."""

import polars
from pydantic import Field

from flows.extract import extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, mapped, recorded, show, step
from tasks.activations.plan import ExtractionConfig, ExtractionPlan
from tasks.activations.sampling import Sampling
from tasks.config import Config, Seed, Whole
from tasks.dictionary.keys import DictionaryKeys
from tasks.dictionary.store import describe
from tasks.dimensions.analyse import analyse_dimensions, dimension_metrics
from tasks.dimensions.config import CONTROLS, DimensionsConfig, Method, Source
from tasks.dimensions.paths import render_path, shown_dimensions
from tasks.keys import content_key
from tasks.report.figures.dimensions import completeness_figure, dimension_figures, identification_figure
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_analysis, study_run
from tasks.vision.images import ImagesConfig
from tasks.vision.names import LayerNames, NetworkName
from tasks.vision.networks import load_network
from tasks.warehouse.labels import activation_set_tables, dictionary_labels, dictionary_tables, label_of

VERSION = 1
SHOWN_PARAMETERS = ("orientation", "frequency", "phase", "colour")


class TuningConfig(Config):
    """The configuration of the flow. The default network is a bank of Gabor filters, which has a known ground truth."""

    network: NetworkName = Field("gabor-bank", description="name of the network")
    layers: LayerNames = Field(("gabor",), description="names of layers, or of branches of layers")
    dictionaries: DictionaryKeys = Field(
        (),
        description="keys of trained dictionaries whose features are analysed as well, on their own activation sets",
    )
    methods: tuple[Method, ...] = Field(
        ("pca", "ica", "nmf", "kernel-pca", "neurons", "random"),
        min_length=1,
        description="methods that find the dimensions; neurons and random are controls",
    )
    sources: tuple[Source, ...] = Field(
        ("gratings", "patches"),
        min_length=1,
        description="rows to find the dimensions in, each analysed separately: activations on gratings or on patches",
    )
    images: ImagesConfig = Field(ImagesConfig(), description="images whose activations are extracted")
    rows: Whole = Field(3_000, ge=2, description="number of positions to sample in each layer")
    rows_per_shard: int = Field(1_000, ge=1, le=100_000, description="rows per shard; memory holds one shard")
    sampling: Sampling = Field(
        "uniform", description="how positions are drawn: norm over-samples large activations, uniform doesn't"
    )
    n_rotations: int = Field(
        1,
        ge=1,
        le=360,
        description="number of rotations of the group; above 1, rows are orbits, and dimensions are compared with the "
        "group's harmonics",
    )
    reflections: bool = Field(False, description="whether the group has reflections")
    test_share: float = Field(
        0.1, gt=0, le=0.5, description="share of the images in the test split, on which dimensions are evaluated"
    )
    components: Whole = Field(32, ge=1, description="number of dimensions per method")
    frames: Whole = Field(
        24, ge=0, description="number of whole test images on which the network runs with dimensions kept or removed"
    )
    rendered: Whole = Field(
        2,
        ge=0,
        description="number of first dimensions, of each method that is not a control, to render images along; "
        "those that follow orientation or frequency are rendered as well; 0: render none",
    )
    permutations: Whole = Field(
        999, ge=99, description="number of permutations of the stimuli's labels, for the p-values"
    )
    seed: Seed = Field(0, description="random seed of the positions, the split, the random basis and the permutations")

    def extraction(self, layer: str) -> ExtractionConfig:
        """Return the extraction of one layer."""
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
        """Return the config of one method on one source of rows."""
        return DimensionsConfig(
            method=method,
            source=source,
            components=self.components,
            frames=self.frames,
            permutations=self.permutations,
            seed=self.seed,
        )


@kaleidoscope_flow
def tuning(config: TuningConfig = TuningConfig()) -> Summary:
    """Find the tuning dimensions of layers and dictionaries, the parameters they follow and their pictures; publish.

    Args:
        config: the layers, the rows and the methods
    """
    settings = Settings()
    network = load_network(config.network, settings.weights_dir)
    for layer in config.layers:
        network.layer(layer)  # an unknown layer is an error before anything is computed
    keys: dict[str, str] = {}
    figures: dict[str, str] = {}
    with recorded("tuning", config, settings) as measured:
        subjects: list[tuple[str, str | None]]
        subjects = [(extract_set(config.extraction(layer), settings), None) for layer in config.layers]
        subjects += [(describe(key, settings)["activation_set"], key) for key in config.dictionaries]
        for activation_set, dictionary in subjects:
            for source in config.sources:
                study_keys, study_figures = study_dimensions(activation_set, dictionary, source, config, settings)
                keys |= study_keys
                figures |= study_figures
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Tuning dimensions of {config.network}",
            content_keys=keys,
            figures=figures | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )


def study_dimensions(
    activation_set: str, dictionary: str | None, source: str, config: TuningConfig, settings: Settings
) -> tuple[dict[str, str], dict[str, str]]:
    """Run every method on one source of rows of a layer or dictionary; return (keys, summary figures), both by name."""
    of = f"{(dictionary or activation_set)[:8]} in {source}"
    searches = [(activation_set, dictionary, config.search(method, source)) for method in config.methods]
    analyses = mapped(f"Dimensions of {of}", analyse_dimensions, searches)
    keys: dict[Method, str] = dict(zip(config.methods, analyses, strict=True))
    shown = [
        (method, dimension)
        for method, key in keys.items()
        if config.rendered and method not in CONTROLS
        for dimension in shown_dimensions(key, config.rendered, settings)
    ]
    rendered = mapped(f"Render {of}", render_path, [(keys[method], dimension) for method, dimension in shown])
    paths: dict[Method, list[str]] = {method: [] for method in config.methods}
    for (method, _), path in zip(shown, rendered, strict=True):
        paths[method].append(path)
    metrics = step(log_dimensions)(activation_set, dictionary, keys, paths, config, source, settings)
    subject = (
        f"features of {dictionary_labels(config.dictionaries, settings)[dictionary]}"
        if dictionary
        else network_and_layer(activation_set, settings)[1]
    )
    return (
        {f"{subject}, {method} in {source}": key for method, key in keys.items()},
        {f"{subject}, {method} in {source}": one_line_of(values) for method, values in metrics.items()},
    )


def log_dimensions(
    activation_set: str,
    dictionary: str | None,
    keys: dict[Method, str],
    paths: dict[Method, list[str]],
    config: TuningConfig,
    source: str,
    settings: Settings,
) -> dict[str, dict[str, float]]:
    """Log a study in MLflow, with a nested run for each method; return the metrics by method."""
    tables: dict[str, dict[str, polars.DataFrame]] = {
        method: merged(*(read_staged(staged, settings) for staged in (key, *paths[method])))
        for method, key in keys.items()
    }
    metrics = {method: dimension_metrics(method_tables) for method, method_tables in tables.items()}
    experiment = "/".join(network_and_layer(activation_set, settings))
    study = content_key("tuning", VERSION, analyses=keys, paths=paths)
    of_units = (
        dictionary_tables(dictionary, settings) if dictionary else activation_set_tables(activation_set, settings)
    )
    labels = {method: label_of("dimension_analysis", key, tables[method] | of_units) for method, key in keys.items()}
    label = f"{' '.join(network_and_layer(activation_set, settings))} · tuning dimensions on {source}"
    tags = {"source": source, "activation_set": activation_set}
    with study_run("tuning", study, label, experiment, settings, tags) as run:
        for method, key in keys.items():
            log_analysis(
                "dimensions",
                key,
                labels[method],
                experiment,
                config.search(method, source),
                metrics[method],
                dimension_figures(tables[method]),
                settings,
                parent=run.run_id,
            )
        run.log({"identification": identification_figure(tables), "completeness": completeness_figure(tables)}, {})
    return metrics


def merged(*staged: dict[str, polars.DataFrame]) -> dict[str, polars.DataFrame]:
    """Concatenate the tables of several stages; tables of the same name are appended."""
    tables: dict[str, polars.DataFrame] = {}
    for stage_tables in staged:
        for name, table in stage_tables.items():
            tables[name] = polars.concat([tables[name], table], how="diagonal_relaxed") if name in tables else table
    return tables


def network_and_layer(activation_set: str, settings: Settings) -> tuple[str, str]:
    """Return the names of the network and the layer of an activation set."""
    config = ExtractionPlan.open(activation_set, settings).config
    return config.network, config.layer


def one_line_of(metrics: dict[str, float]) -> str:
    """Return one line with a method's explained variance and its largest R² for each parameter."""
    r_squared = [f"{name} {metrics[f'r_squared_{name}']:.2f}" for name in SHOWN_PARAMETERS]
    return f"explains {metrics['explained_variance']:.2f}; R² {', '.join(r_squared)}"
