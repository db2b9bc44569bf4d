"""The reader writes a sheet for each feature and finds the scale of the plots."""

import polars as pl
import pytest

from tasks.report.sheets import sheet
from tasks.report.text import feature_name
from tests.sample_tables.planted import CROSSCODER, DEAD, FEATURES, GROUP_ORDER, N_ROTATIONS, SAE
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


def test_each_feature_with_examples_has_a_sheet_of_its_patches(site, tables):
    examples = tables["feature_examples"].filter(pl.col("feature").is_in(LIVE))
    names = {feature_name(dictionary, feature) for dictionary in (SAE, CROSSCODER) for feature in LIVE}
    written = {path.stem: path for path in (site / "patches").iterdir() if "neuron" not in path.stem}
    assert written.keys() == names
    for feature in (0, 5):
        patches = examples.filter(dictionary_id=SAE, feature=feature).sort("rank")["patch"].to_list()
        assert len(patches) == 4
        assert written[feature_name(SAE, feature)].read_bytes() == sheet(patches)


def test_captions_say_how_a_patch_was_turned(tables):
    examples = snapshot_of(tables).examples()
    first, *_, last = examples[CROSSCODER, 0]
    assert (first.sheet, first.at, last.at) == (feature_name(CROSSCODER, 0), "0", "100%")
    names = {0: "as is", 1: "rotated 45°", N_ROTATIONS: "mirrored", GROUP_ORDER - 1: "mirrored, rotated 315°"}
    seen = tables["feature_examples"].filter(dictionary_id=CROSSCODER).sort("feature", "rank")
    named = zip(seen["element"], (each for feature in LIVE for each in examples[CROSSCODER, feature]), strict=True)
    captions = {element: example.transform for element, example in named if element in names}
    assert captions == names
