"""The registry of the benchmark's metrics: tables, views and summaries read it."""

from typing import NamedTuple


class Metric(NamedTuple):
    """label: the name that people read; counted: what `n` counts; main: whether ViSAEBench reports it by itself."""

    label: str
    higher_is_better: bool
    counted: str
    main: bool = False


class Score(NamedTuple):
    """A metric's value, and the number of things that it is measured on."""

    value: float
    n: int


METRICS = {
    "localisation": Metric("localisation (Moran's I)", True, "features", main=True),
    "fvu": Metric("FVU, ViSAEBench's", False, "positions", main=True),
    "fvu_about_channel_means": Metric("FVU, methods §3.6", False, "positions"),
    "probe_ratio": Metric("probe after / before", True, "test images", main=True),
    "probe_accuracy_before": Metric("probe on activations", True, "test images"),
    "probe_accuracy_after": Metric("probe on reconstructions", True, "test images"),
    "sparse_probing": Metric("sparse probing", True, "test images", main=True),
    "monosemanticity": Metric("monosemanticity", True, "features", main=True),
    "cross_domain": Metric("cross-domain", True, "domains", main=True),
    "cross_domain_fvu": Metric("cross-domain: FVU", False, "domains"),
    "cross_domain_coverage": Metric("cross-domain: features that fire there too", True, "domains"),
    "cross_domain_overlap": Metric("cross-domain: overlap of firing features", True, "domains"),
    "cross_domain_accuracy": Metric("cross-domain: sparse probe", True, "domains"),
    "absorption": Metric("absorption", False, "classes tested", main=True),
}
"""{metric: what it is}, in the order of ViSAEBench."""
