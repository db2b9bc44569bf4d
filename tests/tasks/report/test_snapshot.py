"""The reader writes each picture once and finds the scale of the plots."""

import hashlib

import polars as pl
import pytest

from tests.sample_tables.planted import CROSSCODER, DEAD, FEATURES, GROUP_ORDER, N_ROTATIONS
from tests.tasks.report.conftest import snapshot_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


@pytest.mark.parametrize(("least", "floor"), [(0.4, -0.25), (-0.1, -0.25), (-0.3, -0.5), (-0.99, -1.0)])
def test_no_cosine_falls_below_the_centre_of_the_polar_plots(tables, least, floor):
    blocks = tables["transform_blocks"].with_columns(
        cosine_to_identity=pl.when(element=3)
        .then(least)
        .otherwise(pl.col("cosine_to_identity").clip(lower_bound=least))
    )
    assert snapshot_of(tables | {"transform_blocks": blocks}).floor == floor


def test_each_distinct_patch_is_written_once(site, tables):
    blobs = set(tables["feature_examples"]["patch"])
    assert len(blobs) < tables["feature_examples"].height
    written = {path.stem: path.read_bytes() for path in (site / "patches").iterdir()}
    assert sorted(written.values()) == sorted(blobs)
    assert all(hashlib.sha256(blob).hexdigest().startswith(name) for name, blob in written.items())


def test_captions_say_how_a_patch_was_turned(tables, tmp_path):
    examples = snapshot_of(tables).export_examples(tmp_path)
    names = {0: "as is", 1: "rotated 45°", N_ROTATIONS: "mirrored", GROUP_ORDER - 1: "mirrored, rotated 315°"}
    seen = tables["feature_examples"].filter(dictionary_id=CROSSCODER).sort("feature", "rank")
    named = zip(seen["element"], (each for feature in LIVE for each in examples[CROSSCODER, feature]), strict=True)
    captions = {element: example.transform for element, example in named if element in names}
    assert captions == names
