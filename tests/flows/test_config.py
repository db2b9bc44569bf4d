import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from flows.atlas import AtlasConfig
from flows.config import fields_of, read_config
from flows.demo import DemoConfig
from flows.sweep import SweepConfig
from flows.train import TrainConfig
from tasks.errors import UserError


class Images(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...] = ()
    seed: int = 0


class Run(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: str = "mixed3b"
    n_rotations: int = Field(8, ge=1)
    images: Images = Images()

    @field_validator("layer")
    @classmethod
    def _known(cls, layer: str) -> str:
        if layer == "mixed9z":
            raise ValueError("no such layer")
        return layer


def error_lines(assignments: list[str]) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_config(Run, None, assignments)
    return str(caught.value).splitlines()


def test_assignments_stand_over_the_file(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('layer = "conv2d2"\n[images]\nseed = 3\nsources = ["folder"]\n')
    config = read_config(Run, file, ["images.seed=5", "n_rotations = 32"])
    assert config == Run(layer="conv2d2", n_rotations=32, images=Images(sources=("folder",), seed=5))


def test_values_are_toml_and_else_text():
    assert read_config(Run, None, ["layer=mixed3b_5x5"]).layer == "mixed3b_5x5"
    assert read_config(Run, None, ['layer="a=b"']).layer == "a=b"
    assert read_config(Run, None, ['images.sources=["folder", "dead-leaves"]']).images.sources == (
        "folder",
        "dead-leaves",
    )


@given(st.integers(1), st.integers(), st.text("abcdefghijk_0123456789", min_size=1).filter(lambda text: text[0] > "9"))
def test_every_config_can_be_written_as_assignments(n_rotations, seed, layer):
    config = Run(n_rotations=n_rotations, layer=layer, images=Images(seed=seed))
    assignments = [f"n_rotations={n_rotations}", f'layer="{layer}"', f"images.seed={seed}"]
    assert read_config(Run, None, assignments) == config


def test_an_unknown_field_names_what_was_meant():
    assert error_lines(["n_rotation=4"]) == ["unknown field n_rotation; did you mean n_rotations?"]
    assert error_lines(["images.xyz=4"]) == ["unknown field images.xyz; there are sources, seed"]


def test_each_wrong_field_has_one_line():
    lines = error_lines(["n_rotations=0", "images.seed=many", "layer=mixed9z"])
    assert lines == [
        "layer: no such layer",
        "n_rotations: Input should be greater than or equal to 1, not 0",
        "images.seed: Input should be a valid integer, unable to parse string as an integer, not 'many'",
    ]


@pytest.mark.parametrize("assignment", ["layer", "layer.name=3", ""])
def test_what_is_no_assignment_is_refused(assignment):
    [line] = error_lines(["layer=conv2d2", assignment])
    assert assignment.split("=")[0] in line


def test_a_file_that_is_missing_or_no_toml(tmp_path):
    with pytest.raises(UserError, match=r"can't read config .*nowhere.toml: No such file"):
        read_config(Run, tmp_path / "nowhere.toml", [])
    (tmp_path / "broken.toml").write_text("layer = ")
    with pytest.raises(UserError, match=r"broken.toml is not valid TOML: Invalid value"):
        read_config(Run, tmp_path / "broken.toml", [])


def test_of_many_fields_an_error_lists_the_sections():
    with pytest.raises(UserError) as refused:
        read_config(DemoConfig, None, ["no_such_field=1"])
    assert str(refused.value) == "unknown field no_such_field; there are tuning, early_vision, atlas, concepts, attack"


def test_a_part_of_the_atlas_keeps_the_demos_other_fields():
    config = read_config(AtlasConfig, None, ["sae.steps=7", "extraction.images.seed=9"])
    demo = AtlasConfig()
    assert config.sae == demo.sae.model_copy(update={"steps": 7})
    images = demo.extraction.images.model_copy(update={"seed": 9})
    assert config.extraction == demo.extraction.model_copy(update={"images": images})
    assert config.crosscoder == demo.crosscoder


def test_fields_of_sections_are_dotted():
    assert fields_of(Run) == ["layer", "n_rotations", "images.sources", "images.seed"]


@pytest.mark.parametrize(
    ("model", "assignment"),
    [
        (TrainConfig, "dictionary.harmonics=9"),
        (AtlasConfig, "crosscoder.harmonics=9"),
        (SweepConfig, "variants=[{harmonics=9}]"),
    ],
)
def test_more_harmonics_than_rotations_can_show_are_refused_before_the_extraction(model, assignment):
    with pytest.raises(UserError, match="harmonics = 9 is more than 16 rotations can represent: set at most 8"):
        read_config(model, None, [assignment])
    read_config(model, None, [assignment, "extraction.n_rotations=18"])


@pytest.mark.parametrize(
    ("model", "assignments", "message"),
    [
        (TrainConfig, [], "scales are no group: .* set orbit_reuse = false"),
        (TrainConfig, ["dictionary.orbit_reuse=false", "dictionary.harmonics=2"], "harmonics = 2 is for rotations"),
        (TrainConfig, ["dictionary.architecture=steerable-crosscoder"], "steerable-crosscoder is for rotations"),
        (AtlasConfig, ["sae.orbit_reuse=false"], "scales are no group: .* set orbit_reuse = false"),
        (SweepConfig, ["variants=[{}]"], "scales are no group: .* set orbit_reuse = false"),
        (TrainConfig, ["extraction.octaves=0.3"], "no whole number of steps of 1/4 octave"),
    ],
)
def test_what_scales_cannot_do_is_refused_before_the_extraction(model, assignments, message):
    with pytest.raises(UserError, match=message):
        read_config(model, None, ["extraction.transformations=scale", *assignments])
    read_config(TrainConfig, None, ["extraction.transformations=scale", "dictionary.orbit_reuse=false"])
    read_config(TrainConfig, None, ["extraction.transformations=hue", "dictionary.harmonics=8"])


def test_features_that_are_no_whole_prototypes_are_refused_before_the_extraction():
    chosen = ["dictionary.architecture=steerable-crosscoder", "dictionary.features=1000"]
    with pytest.raises(UserError, match="features = 1000 is no multiple of the 32 elements of D_16"):
        read_config(TrainConfig, None, chosen)
    assert read_config(TrainConfig, None, [*chosen, "extraction.n_rotations=10"]).dictionary.reads_all_blocks
