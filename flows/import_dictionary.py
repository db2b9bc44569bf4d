"""Flow `import-dictionary`: evaluate, analyse and register a sparse autoencoder that another library trained."""

from typing import Any, Literal

from pydantic import Field, field_validator

from flows.config import over
from flows.early_vision import study_curves, tune
from flows.extract import extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.symmetry import ablate, draw_and_match
from flows.train import file_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config, Folder, Whole
from tasks.dictionary.config import ImportedConfig
from tasks.dictionary.exchange import importing
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.dictionary.store import describe, dictionary_config, read_metrics
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.networks import load_network


class ImportDictionaryConfig(Config):
    """The configuration of the flow. The default extraction is that of `early-vision`, for one layer."""

    folder: Folder | None = Field(None, description="folder that the library wrote; needed")
    library: Literal[*LIBRARIES] = Field(  # type: ignore[valid-type]  # mypy reads no Literal of computed values
        "sae-lens", description="library that wrote the folder"
    )
    scaling: Literal[*SCALINGS] | None = Field(  # type: ignore[valid-type]  # as `library`
        None,
        description="scaling of the activations that the dictionary was trained on: "
        + "; ".join(f"{name}, {meaning}" for name, meaning in SCALINGS.items())
        + "; default: the one that its files ask for",
    )
    extraction: ExtractionConfig = Field(
        ExtractionConfig(n_rotations=1, reflections=False, orbits=12_000, orbits_per_shard=4_000),
        description="extraction of the activation set on which the dictionary is evaluated and analysed; skipped if "
        "the set exists",
    )
    visualised: Whole = Field(12, ge=0, description="number of features to optimise images for")
    ablated: Whole = Field(
        4, ge=0, description="number of features, the densest, whose ablation's effect on the logits is measured"
    )

    @field_validator("extraction", mode="before")
    @classmethod
    def _over_the_default(cls, value: Any) -> Any:
        return over(cls.model_fields["extraction"].default, value)


@kaleidoscope_flow(name="import-dictionary")
def import_dictionary(config: ImportDictionaryConfig = ImportDictionaryConfig()) -> Summary:
    """Import a dictionary of another library: evaluate it, find its features' examples and curves, register, publish.

    Args:
        config: the folder, the library and the activations
    """
    settings = Settings()
    if config.folder is None:
        raise UserError("folder is not set: set it to the folder that the library wrote")
    layer = load_network(config.extraction.network, settings.weights_dir).layer(config.extraction.layer)
    importing.read_foreign(config.folder, config.library, layer.channels)  # a mistake shows before a long extraction
    with recorded("import-dictionary", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        with reported("Evaluate each scaling") as progress:
            dictionary = step(importing.import_dictionary)(
                activation_set, config.folder, config.library, config.scaling, settings, progress
            )
        file_dictionary(dictionary, settings)
        ablate(dictionary, config.ablated, settings)
        draw_and_match((dictionary,), settings)
        [(neurons, features)] = tune([(activation_set, dictionary)])
        curves = study_curves(dictionary, neurons, features, config.visualised, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"{config.library}'s dictionary on {config.extraction.network} {config.extraction.layer}",
            content_keys={"activation set": activation_set, "dictionary": dictionary},
            figures=evaluation_of(dictionary, settings) | curves | measured.figures(),
            places={"dictionary": str(settings.dictionaries_dir / dictionary)} | published.places | measured.places,
            missing=published.missing,
        )
    )


def evaluation_of(dictionary: str, settings: Settings) -> dict[str, str]:
    """Return an imported dictionary's figures for a summary, with the FVU under each scaling."""
    config, metrics = dictionary_config(dictionary, settings), read_metrics(dictionary, settings)
    assert isinstance(config, ImportedConfig), "an imported dictionary is stored with such a config"
    fvu_of = describe(dictionary, settings)["fvu_by_scaling"]
    best = importing.best_scaling(fvu_of)
    advice = "" if best == config.scaling else f"; with {best} less variance stays unexplained"
    return {
        "method": config.method,
        "scaling": f"{config.scaling}{advice}",
        "fraction of variance unexplained": f"{metrics['fvu']:.3f}",
        **{f"the same with scaling {name}": f"{fvu:.3g}" for name, fvu in fvu_of.items() if name != config.scaling},
        "active features per row (L0)": f"{metrics['l0']:.1f}",
        "features inactive on all test rows": f"{metrics['dead_fraction']:.1%} (rows: {metrics['rows']:,.0f})",
    }
