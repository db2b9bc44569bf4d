"""Flow `concepts`: TCAV, which measures how much concepts matter for classes."""

from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.concepts.analyse import analyse_concepts, concept_metrics
from tasks.concepts.config import ConceptsConfig
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.cavs import register_cavs
from tasks.tracking.runs import log_analysis
from tasks.warehouse.labels import label_of


@kaleidoscope_flow
def concepts(config: ConceptsConfig = ConceptsConfig()) -> Summary:
    """Test concepts × classes × layers of a network against random sets; register the CAVs; publish.

    Args:
        config: the concepts, classes and layers
    """
    settings = Settings()
    with recorded("concepts", config, settings) as measured:
        with reported("Test concepts") as progress:
            key = step(analyse_concepts)(config, settings, progress)
        figures = step(log_concepts)(key, config, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Concepts in {config.network}",
            content_keys={"analysis": key},
            figures=figures | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )


def log_concepts(key: str, config: ConceptsConfig, settings: Settings) -> dict[str, str]:
    """Log an analysis to MLflow and register its CAVs; return the score of each test."""
    tables = read_staged(key, settings)
    label, metrics = label_of("concept_analysis", key, tables), concept_metrics(tables)
    run = log_analysis("concepts", key, label, f"{config.network}/concepts", config, metrics, {}, settings)
    register_cavs(key, run, settings)
    names = dict(tables["concepts"].select("concept_id", "name").iter_rows())
    return {
        f"{names[test['concept_id']]} for {test['class_name']}, {test['layer']}": (
            f"{test['score']:.2f} ± {test['score_std']:.2f} (random {test['random_score']:.2f}), p {test['p_holm']:.2g}"
        )
        for test in tables["tcav_tests"].iter_rows(named=True)
    }
