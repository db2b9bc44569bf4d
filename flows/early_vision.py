"""Flow `early-vision`: sparse autoencoders on early layers, and the curve detectors that neurons leave missing."""

from typing import Any, Literal

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field, field_validator, model_validator

from flows.config import over, validated
from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.train import metrics_of, stability_of, train_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config, Seed, Whole
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.polysemantic import decompose_neurons
from tasks.report.tuning_figures import detectors_polar
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_findings
from tasks.tuning.curves import analyse_tuning, coverage_metrics, detector_curves
from tasks.tuning.pictures import visualise_features
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network


class EarlyVisionConfig(Config):
    """Which layers, which rows, which dictionaries. The defaults are the demo."""

    network: str = Field("efficientnet_lite0", description="network, by name")
    layers: tuple[str, ...] = Field(
        ("block1_expand", "block5_expand"), min_length=1, description="layers, and branches of layers, by name"
    )
    samplings: tuple[Literal["norm", "uniform"], ...] = Field(
        ("norm",), min_length=1, description="norm: large activations over-sampled; uniform: not; a dictionary for each"
    )
    images: ImagesConfig = Field(ImagesConfig(), description="images to look at")
    rows: Whole = Field(12_000, ge=1, description="positions to sample in each layer")
    rows_per_shard: int = Field(4_000, ge=1, le=100_000, description="rows in a shard: what is in memory at a time")
    test_share: float = Field(0.1, gt=0, le=0.5, description="share of the images kept for the test split")
    features_per_channel: float = Field(
        4, gt=0, le=1e4, description="size of a dictionary, as a multiple of its layer's"
    )
    dictionary: DictionaryConfig = Field(
        DictionaryConfig(architecture="sae", k=8, steps=600, batch_size=512),
        description="the sparse autoencoders; `features` follows from features_per_channel",
    )
    replicas: int = Field(
        0, ge=0, le=10, description="further trainings of each from other seeds, to see which features are stable"
    )
    visualised: Whole = Field(
        12, ge=0, description="features of each dictionary to optimise images for: those to look at first"
    )
    seed: Seed = Field(0, description="draws positions, order of images and split")

    @field_validator("dictionary", mode="before")
    @classmethod
    def _over_the_demo(cls, value: Any) -> Any:
        return over(cls.model_fields["dictionary"].default, value)

    @model_validator(mode="after")
    def _sparse_autoencoders(self) -> "EarlyVisionConfig":
        if self.dictionary.architecture != "sae":
            raise ValueError("dictionary.architecture is group-crosscoder: early vision is studied with an sae")
        return self

    def extraction(self, layer: str, sampling: str) -> ExtractionConfig:
        """Rows of one layer: untransformed, for an SAE sees what the network sees."""
        return ExtractionConfig(
            network=self.network,
            layer=layer,
            images=self.images,
            n_rotations=1,
            reflections=False,
            orbits=self.rows,
            sampling=sampling,
            seed=self.seed,
            orbits_per_shard=self.rows_per_shard,
            test_share=self.test_share,
        )

    def dictionary_for(self, channels: int) -> DictionaryConfig:
        """The SAE of a layer so wide. UserError: it would have no feature, fewer than k, or too many."""
        features = round(self.features_per_channel * channels)
        return validated(DictionaryConfig, dict(self.dictionary) | {"features": features})


@kaleidoscope_flow(name="early-vision", task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def early_vision(config: EarlyVisionConfig = EarlyVisionConfig()) -> Summary:
    """Train an SAE on every layer, tune neurons and features to drawn curves, find what is missing, decompose neurons.

    Args:
        config: which layers, which rows, which dictionaries
    """
    settings = Settings()
    network = load_network(config.network, settings)
    dictionaries = {layer: config.dictionary_for(network.layer(layer).channels) for layer in config.layers}
    made, figures = {}, {}
    with recorded("early-vision", config, settings) as measured:
        for layer in config.layers:
            for sampling in config.samplings:
                name = f"{layer}, {sampling} sampling"
                activation_set = extract_set(config.extraction(layer, sampling), settings)
                dictionary, _ = train_dictionary(activation_set, dictionaries[layer], settings)
                if config.replicas:
                    stability_of(dictionary, config.replicas, settings)
                found = metrics_of(dictionary, settings)
                found |= study_curves(activation_set, dictionary, config.visualised, settings)
                made[name] = dictionary
                figures |= {f"{name}: {what}": value for what, value in found.items()}
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Early vision of {config.network}",
            made=made,
            figures=figures | measured.figures(),
            where=published.where,
            missing=published.missing,
        )
    )


def study_curves(activation_set: str, dictionary: str, visualised: int, settings: Settings) -> dict[str, str]:
    """Steps after a dictionary is trained: tuning of neurons and features, mixtures, pictures; what they found."""
    short = dictionary[:8]
    with reported(f"Tune neurons of {activation_set[:8]}") as progress:
        neurons = step(analyse_tuning, name="tune neurons")(activation_set, None, settings, progress)
    with reported(f"Tune features of {short}") as progress:
        features = step(analyse_tuning, name="tune features")(activation_set, dictionary, settings, progress)
    with reported(f"Decompose neurons by {short}") as progress:
        step(decompose_neurons)(dictionary, settings, progress)
    if visualised:
        with reported(f"Visualise features of {short}") as progress:
            step(visualise_features)(dictionary, features, visualised, settings, progress)
    found = step(log_curves)(dictionary, neurons, features, settings)
    return {
        f"curve detectors, {kind}": f"{found[f'curve_detectors_{kind}']:.0f}, "
        f"largest gap {found[f'largest_curve_gap_{kind}']:.1f}°"
        for kind in ("neurons", "features")
    } | {"missing curve detectors found": f"{found['missing_curve_detectors']:.0f}"}


def log_curves(dictionary: str, neurons: str, features: str, settings: Settings) -> dict[str, float]:
    """Tell MLflow of a dictionary's curve detectors beside its layer's own; returns the metrics."""
    tables = {"neurons": read_staged(neurons, settings), "features": read_staged(features, settings)}
    curves = {kind: detector_curves(of_kind) for kind, of_kind in tables.items()}
    metrics = {
        f"{metric}_{kind}": value
        for kind, curves_un in curves.items()
        for metric, value in coverage_metrics(curves_un).items()
    }
    metrics["missing_curve_detectors"] = float(tables["features"]["curve_detectors"]["missing"].sum())
    layer = tables["neurons"]["unit_sets"]["layer"].item()
    figure = detectors_polar(curves, f"Curve detectors of {layer}")
    log_findings(dictionary, metrics, settings, {"curve_detectors": figure})
    return metrics
