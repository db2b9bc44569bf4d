"""Flow `extract`: orbits of activations of one layer, as shards."""

from flows.steps import Summary, kaleidoscope_flow, mapped, recorded, reported, say, show, step
from tasks.activations import extract as extraction
from tasks.activations import plan as planning
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.settings import Settings
from tasks.staging import stage_tables


@kaleidoscope_flow
def extract(config: ExtractionConfig = ExtractionConfig()) -> Summary:
    """Extract the activations of one layer on transformed image patches, and store them in shards.

    Args:
        config: the network, the layer, the images, the group and the sampling
    """
    settings = Settings()
    with recorded("extract", config, settings) as measured:
        key = extract_set(config, settings)
    acts = ActivationSet.open(key, settings)
    return show(
        Summary(
            title=f"{config.network} {config.layer}: activations of {sum(s.orbits for s in acts.shards):,} orbits",
            content_keys={"activation set": key},
            figures={
                "group order |G|": f"{acts.group.order}",
                "channels": f"{acts.channels}",
                "shards": f"{len(acts.shards)}",
                "size": f"{sum(s.bytes for s in acts.shards) / 2**20:,.1f} MiB",
            }
            | measured.figures(),
            places={"shards": str(settings.activations_dir / key)},
        )
    )


def extract_set(config: ExtractionConfig, settings: Settings) -> str:
    """Run the steps of the extraction and return the activation set's key."""
    with reported("Choose orbits") as progress:
        key, shards = step(plan)(config, settings, progress)
    mapped("Extract shards", extraction.extract_shard, [(key, shard) for shard in range(shards)])
    step(finish)(key, settings)
    return key


def plan(config: ExtractionConfig, settings: Settings, progress) -> tuple[str, int]:
    """Plan the extraction; return the activation set's key and the number of its shards."""
    planned = planning.plan(config, settings, progress)
    if planned.centre_note:
        say(planned.centre_note)
    return planned.key, planned.shards


def finish(key: str, settings: Settings) -> None:
    """Write the set's manifest and stage its tables for the warehouse."""
    extraction.finish(key, settings)
    stage_tables(key, activation_tables(ActivationSet.open(key, settings)), settings)
