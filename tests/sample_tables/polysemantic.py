"""`sql/schema/07_polysemantic.sql`: the layer's neurons as mixtures of the SAE's features."""

from tests.sample_tables.dictionaries import EXAMPLE_RANKS, example_columns
from tests.sample_tables.planted import DEAD, FEATURES, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together

SILENT_NEURON = 39
TOP_ROWS = 20


def planted_mixture(neuron: int) -> dict[int, float]:
    """Features of the SAE that carry a neuron, and their shares: odd neurons have one, even ones two if they live."""
    features = {neuron: 0.6, neuron + 1: 0.3} if neuron % 2 == 0 else {neuron: 0.9}
    return {feature: share for feature, share in features.items() if feature not in DEAD and neuron != SILENT_NEURON}


def polysemantic_rows() -> Tables:
    return together(_one_neuron(neuron) for neuron in range(FEATURES))


def _one_neuron(neuron: int) -> Tables:
    key, mixture = {"dictionary_id": SAE, "neuron": neuron}, planted_mixture(neuron)
    active = {"max_activation": 10.0, "density": 0.2, "top_rows": TOP_ROWS, "bias": 0.1}
    active |= {"explained": 0.1, "carried": 0.0, "suppressed": 0.0}
    if mixture:
        active |= {"explained": 0.7, "carried": 0.9, "suppressed": 0.1}
    return {
        "neurons": [row("neurons", **key, **{} if neuron == SILENT_NEURON else active)],
        "neuron_features": [
            row("neuron_features", **key, rank=rank, feature=each, share=share, rows_carried=round(share * TOP_ROWS))
            for rank, (each, share) in enumerate(mixture.items(), start=1)
        ],
        "neuron_examples": [
            example | key
            for rank, feature in enumerate(mixture, start=1)
            for example in _examples(neuron, feature, 10.0 - rank)
        ],
    }


def _examples(neuron: int, feature: int, activation: float) -> list[Row]:
    activations = [activation - rank for rank in EXAMPLE_RANKS]
    return rows("neuron_examples", **example_columns(neuron, feature), activation=activations)
