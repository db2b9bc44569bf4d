"""Flow `trust`: tamper detection, which checks whether exemplars were perturbed."""

from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.concepts.tamper_detection import Thresholds
from tasks.concepts.tamper_study import TamperStudyConfig, analyse_tampering, checks_with_names, tamper_metrics
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import log_analysis
from tasks.warehouse.labels import label_of


@kaleidoscope_flow
def trust(config: TamperStudyConfig = TamperStudyConfig()) -> Summary:
    """Check sets of exemplars for traces of an attack, with the same random sets; publish.

    Args:
        config: the sets and the layer
    """
    settings = Settings()
    with recorded("trust", config, settings) as measured:
        with reported("Check exemplars") as progress:
            key = step(analyse_tampering)(config, settings, progress)
        figures = step(log_trust)(key, config, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Trust at {config.network} {config.layer}",
            content_keys={"analysis": key},
            figures=figures | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )


def log_trust(key: str, config: TamperStudyConfig, settings: Settings) -> dict[str, str]:
    """Log an analysis to MLflow; return each set's verdict."""
    tables = read_staged(key, settings)
    clean_sets = tables["trust_analyses"]["calibration_sets"].item()
    label = label_of("trust_analysis", key, tables)
    log_analysis("trust", key, label, f"{config.network}/trust", config, tamper_metrics(tables), {}, settings)
    failed: dict[str, list[str]] = {name: [] for name in tables["concepts"]["name"]}
    for check in checks_with_names(tables):
        if not check["passed"]:
            failed[check["name"]].append(f"{check['check_name']} {check['value']:.3g} > {check['threshold']:g}")
    verdicts = {
        name: f"not trusted: {', '.join(reasons)}" if reasons else "trusted" for name, reasons in failed.items()
    }
    return verdicts | {"thresholds": str(Thresholds(clean_sets=clean_sets))}
