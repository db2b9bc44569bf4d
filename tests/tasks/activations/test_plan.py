from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from tasks.activations.plan import ExtractionConfig, plan
from tasks.checksums import document_sha256, read_document
from tasks.errors import UserError
from tasks.vision.images import ImagesConfig
from tests.tasks.activations.small_set import before_centres


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
    ("photographs", "key", "sha256", "test"),
    [
        (
            None,
            "28de8fc7ec71028fafae18542a4743ff13a46f9853404a58b48f8e1ef28f366f",
            "1b6278892393ea5364f4125a2c9537e45a9ae837e8b414227864dd846b424251",
            ["0.png", "zebra/a.png"],
        ),
        (
            4,
            "aa22d650bd596620d6162353f15afe719a27743961b813e6444600243089d1ea",
            "849a7cd3bc926afc824921741d002a64d6d57023e85c7f9ee380be03c3d8dada",
            ["zebra/a.png"],
        ),
    ],
)
def test_a_folder_of_photographs_keeps_the_plan_it_always_had(
    photographs, key, sha256, test, settings, tmp_path, monkeypatch
):
    """Key, split and bytes are those that the code before lists, tables and shards wrote (commit f2e64e4)."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(11)
    for name in ("zebra/b.png", "zebra/a.png", "horse/é.png", "horse/c.png", "0.png", "z.png"):
        (tmp_path / "photographs" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (80, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photographs" / name)
    (tmp_path / "photographs" / "broken.jpg").write_bytes(b"x")
    (tmp_path / "photographs" / "list.csv").write_text("path,label\n0.png,zebra\n")
    images = ImagesConfig(
        sources=("folder",), folder=Path("photographs"), frame_size=64, photographs=photographs, seed=3
    )
    config = ExtractionConfig(
        layer="block1_depthwise", images=images, n_rotations=3, orbits=20, test_share=0.3, seed=5,
        centre="receptive field",
    )  # fmt: skip
    planned = plan(config, settings.model_copy(update={"images_dir": None}))
    document = before_centres(read_document(planned.folder / "plan.json", ""))
    assert (planned.key, document_sha256(document)) == (key, sha256)
    tested = set(planned.rows.filter(split="test")["image"])
    assert [frame.name for frame in planned.images.frames if frame.image in tested] == test


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
