"""Flow `early-vision`: sparse autoencoders on early layers, and the curve detectors missing among the neurons."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator, model_validator

from flows.config import over, validated
from flows.extract import extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, mapped, recorded, reported, show, step
from flows.symmetry import ablate, draw_and_match
from flows.train import metrics_of, stability_of, train_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.activations.sampling import Sampling
from tasks.config import Config, Seed, Whole
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.polysemantic import decompose_neurons
from tasks.report.figures.curves import detectors_polar
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_findings
from tasks.tuning.curves import analyse_tuning, coverage_metrics, detector_curves
from tasks.tuning.pictures import visualise_features
from tasks.vision.images import ImagesConfig
from tasks.vision.names import LayerNames, NetworkName
from tasks.vision.networks import load_network


class EarlyVisionConfig(Config):
    """The configuration of the flow. The defaults need no files of yours."""

    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    layers: LayerNames = Field(
        ("block1_expand", "block5_expand"), min_length=1, description="names of layers, or of branches of layers"
    )
    samplings: tuple[Sampling, ...] = Field(
        ("norm",),
        min_length=1,
        description="how positions are drawn: norm over-samples large activations, uniform doesn't; "
        "a dictionary is trained for each",
    )
    images: ImagesConfig = Field(ImagesConfig(), description="images whose activations are extracted")
    rows: Whole = Field(12_000, ge=1, description="number of positions to sample in each layer")
    rows_per_shard: int = Field(4_000, ge=1, le=100_000, description="rows per shard; memory holds one shard")
    test_share: float = Field(0.1, gt=0, le=0.5, description="share of the images in the test split")
    features_per_channel: float = Field(
        4, gt=0, le=1e4, description="number of features of a dictionary per channel of its layer"
    )
    dictionary: DictionaryConfig = Field(
        DictionaryConfig(architecture="sae", k=8, steps=600, batch_size=512),
        description="training of the sparse autoencoders; `features` is computed from features_per_channel",
    )
    replicas: int = Field(
        0,
        ge=0,
        le=10,
        description="number of further trainings of each dictionary with other seeds, to measure the stability of "
        "features",
    )
    visualised: Whole = Field(
        12,
        ge=0,
        description="number of features of each dictionary to optimise images for; missing curve detectors first, "
        "then the most confident of each stimulus type",
    )
    ablated: Whole = Field(
        4,
        ge=0,
        description="number of features of each dictionary, the densest, whose ablation's effect on the logits is "
        "measured",
    )
    seed: Seed = Field(0, description="random seed of the positions, the order of the images and the split")

    @field_validator("dictionary", mode="before")
    @classmethod
    def _over_the_demo(cls, value: Any) -> Any:
        return over(cls.model_fields["dictionary"].default, value)

    @model_validator(mode="after")
    def _sparse_autoencoders(self) -> "EarlyVisionConfig":
        if self.dictionary.architecture != "sae":
            raise ValueError(
                f"dictionary.architecture is {self.dictionary.architecture}: early-vision trains an sae only, set sae"
            )
        return self

    def extraction(self, layer: str, sampling: str) -> ExtractionConfig:
        """Return the extraction of one layer, without transforms, since an SAE encodes untransformed activations."""
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
        """Return the config of the SAE for a layer of so many channels.

        Raises UserError if it would have no feature, fewer than k, or too many.
        """
        features = round(self.features_per_channel * channels)
        return validated(DictionaryConfig, dict(self.dictionary) | {"features": features})


@kaleidoscope_flow(name="early-vision")
def early_vision(config: EarlyVisionConfig = EarlyVisionConfig()) -> Summary:
    """Train an SAE on every layer, find curve detectors among neurons and features, decompose polysemantic neurons.

    Args:
        config: the layers, the rows and the dictionaries
    """
    settings = Settings()
    network = load_network(config.network, settings.weights_dir)
    dictionaries = {layer: config.dictionary_for(network.layer(layer).channels) for layer in config.layers}
    keys: dict[str, str] = {}
    figures: dict[str, str] = {}
    with recorded("early-vision", config, settings) as measured:
        activation_sets: dict[str, str] = {}
        for layer in config.layers:
            for sampling in config.samplings:
                name = f"{layer}, {sampling} sampling"
                activation_sets[name] = extract_set(config.extraction(layer, sampling), settings)
                keys[name], _ = train_dictionary(activation_sets[name], dictionaries[layer], settings)
                if config.replicas:
                    stability_of(keys[name], config.replicas, settings)
                ablate(keys[name], config.ablated, settings)
        tuned = tune([(activation_sets[name], keys[name]) for name in keys])
        for name, (neurons, features) in zip(keys, tuned, strict=True):
            metrics = metrics_of(keys[name], settings)
            metrics |= study_curves(keys[name], neurons, features, config.visualised, settings)
            figures |= {f"{name}: {metric}": value for metric, value in metrics.items()}
        draw_and_match(tuple(keys.values()), settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Early vision of {config.network}",
            content_keys=keys,
            figures=figures | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )


def tune(dictionaries: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Analyse the tuning of neurons and features; return the keys of both for each (activation set, dictionary)."""
    # neurons first, because the responses of features are encoded from theirs
    neurons = mapped("Tune neurons", analyse_tuning, [(activation_set, None) for activation_set, _ in dictionaries])
    features = mapped("Tune features", analyse_tuning, dictionaries)
    return list(zip(neurons, features, strict=True))


def study_curves(dictionary: str, neurons: str, features: str, visualised: int, settings: Settings) -> dict[str, str]:
    """Decompose neurons, visualise features, log the curve detectors; return summary figures.

    neurons, features: keys of the tuning of the layer's neurons and of the dictionary's features.
    """
    short = dictionary[:8]
    with reported(f"Decompose neurons by {short}") as progress:
        step(decompose_neurons)(dictionary, settings, progress)
    if visualised:
        with reported(f"Visualise features of {short}") as progress:
            step(visualise_features)(dictionary, features, visualised, settings, progress)
    metrics = step(log_curves)(dictionary, neurons, features, settings)
    return {
        f"curve detectors, {kind}": f"{metrics[f'curve_detectors_{kind}']:.0f}, "
        f"largest gap {metrics[f'largest_curve_gap_{kind}']:.1f}°"
        for kind in ("neurons", "features")
    } | {"missing curve detectors found": f"{metrics['missing_curve_detectors']:.0f}"}


def log_curves(dictionary: str, neurons: str, features: str, settings: Settings) -> dict[str, float]:
    """Log the curve detectors of a dictionary and of its layer's neurons in MLflow; return the metrics."""
    tables = {"neurons": read_staged(neurons, settings), "features": read_staged(features, settings)}
    curves = {kind: detector_curves(kind_tables) for kind, kind_tables in tables.items()}
    metrics = {
        f"{metric}_{kind}": value
        for kind, curves_un in curves.items()
        for metric, value in coverage_metrics(curves_un).items()
    }
    metrics["missing_curve_detectors"] = float(tables["features"]["curve_detectors"]["missing"].sum())
    layer = tables["neurons"]["unit_sets"]["layer"].item()
    title = f"Curve detectors of {layer}"
    log_findings(
        dictionary, "curve detectors", metrics, settings, lambda: {"curve_detectors": detectors_polar(curves, title)}
    )
    return metrics
