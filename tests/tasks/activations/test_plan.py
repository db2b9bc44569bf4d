from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from tasks.activations.plan import plan
from tasks.errors import UserError
from tasks.vision.images import ImagesConfig


def test_images_are_split_and_give_their_share_of_orbits(small_config, settings):
    planned = plan(small_config, settings)
    per_image = planned.rows.group_by("image").agg(polars.len(), polars.col("split").unique())
    assert sorted(per_image["len"]) == [4, 4, 4, 4, 5, 5]
    assert sorted(per_image["split"].list.len()) == [1] * 6
    assert sorted(per_image["split"].list.first()) == ["test"] * 2 + ["train"] * 4
    assert planned.rows["row"].to_list() == list(range(26))
    assert planned.splits == sorted(planned.splits, reverse=True)
    for shard in range(planned.shards):
        assert planned.shard_rows(shard)["split"].unique().to_list() == [planned.splits[shard]]


def test_fewer_orbits_than_images_look_at_as_many_images(small_config, settings):
    planned = plan(small_config.model_copy(update={"orbits": 3, "orbits_per_shard": 2}), settings)
    assert planned.rows["image"].n_unique() == 3
    assert set(planned.rows["split"]) == {"train", "test"}


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"sampling": "uniform"}, {"n_rotations": 4}, {"reflections": False}, {"layer": "block1"}],
)
def test_another_config_is_another_set(small_config, small_template, settings, change):
    assert plan(small_config.model_copy(update=change), settings).key != small_template[0]


def test_a_config_that_does_not_name_reflections_has_them(small_config):
    written = small_config.model_dump(mode="json")
    del written["reflections"]
    assert type(small_config).model_validate(written) == small_config
    assert small_config.reflections


def test_other_pictures_in_the_folder_are_another_set(small_config, settings, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)).save(tmp_path / name)
    config = small_config.model_copy(update={"images": ImagesConfig(folder=tmp_path, frame_size=64)})
    before = plan(config, settings).key
    assert plan(config, settings).key == before
    Image.fromarray(rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)).save(tmp_path / "b.png")
    assert plan(config, settings).key != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "alexnet"}, "unknown network 'alexnet'"),
        ({"layer": "mixed3b"}, "no layer 'mixed3b'"),
        ({"layer": "block5_expand"}, r"has 67 pixels, .* needs 95: frames of 64 .* images\.frame_size"),
        ({"orbits": 100_000}, "16667 orbits are needed from each image"),
        ({"images": ImagesConfig(sources=("folder",), folder=Path("/nowhere/at/all"))}, "does not exist"),
        ({"images": ImagesConfig(sources=("dead-leaves",), scenes=1, frame_size=64)}, "can't be split"),
    ],
)
def test_what_cant_be_extracted_is_refused_in_one_line_and_leaves_nothing(small_config, settings, change, message):
    with pytest.raises(UserError, match=message) as refusal:
        plan(small_config.model_copy(update=change), settings)
    assert "\n" not in str(refusal.value)
    assert not list(settings.data_dir.rglob("*.parquet"))
