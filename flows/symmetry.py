"""Flow `symmetry`: what trained dictionaries' features respond to, and how they transform."""

from pydantic import BaseModel, ConfigDict, Field

from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.dictionary.analyse import analyse
from tasks.dictionary.store import trained
from tasks.errors import UserError
from tasks.frames import read_frames
from tasks.settings import Settings


class SymmetryConfig(BaseModel):
    """Which dictionaries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dictionaries: tuple[str, ...] = Field((), description="keys of trained dictionaries; default: all")


@kaleidoscope_flow
def symmetry(config: SymmetryConfig = SymmetryConfig()) -> Summary:
    """Read the symmetry of every feature from its transform blocks, find its strongest examples and neighbours.

    Args:
        config: which dictionaries
    """
    settings = Settings()
    with recorded("symmetry", config, settings) as measured:
        dictionaries = config.dictionaries or trained(settings)
        if not dictionaries:
            raise UserError(f"no trained dictionary in {settings.dictionaries_dir}; run `kaleidoscope run train` first")
        analyses = {dictionary: analyse_dictionary(dictionary, settings) for dictionary in dictionaries}
    return show(
        Summary(
            title=f"Features of {len(analyses)} dictionaries",
            made={f"analysis of {dictionary[:8]}": key for dictionary, key in analyses.items()},
            figures={
                f"{dictionary[:8]} {name}": value
                for dictionary, key in analyses.items()
                for name, value in types_of(key, settings).items()
            }
            | measured.figures(),
            where={"frames": str(settings.frames_dir)},
        )
    )


def analyse_dictionary(dictionary: str, settings: Settings) -> str:
    """Step of the flow; returns the key of the frames."""
    with reported(f"Analyse {dictionary[:8]}") as progress:
        return step(analyse)(dictionary, settings, progress)


def types_of(analysis: str, settings: Settings) -> dict[str, str]:
    """Features of each symmetry type; nothing for a dictionary without transform blocks."""
    frames = read_frames(analysis, settings)
    if "feature_symmetry" not in frames:
        return {}
    counts = frames["feature_symmetry"]["type"].value_counts().sort("count", "type", descending=[True, False])
    return {f"features: {kind}": f"{count}" for kind, count in counts.iter_rows()}
