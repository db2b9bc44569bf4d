"""The study on small sets: its rows are those of the plain functions, load, pass every audit; bad input is named."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from tasks.concepts.attack import away_from, towards
from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import AttackConfig, CavConfig
from tasks.concepts.exemplars import drawn_exemplars, random_sets
from tasks.concepts.facet_study import FacetStudyConfig, _probed, analyse_facets, facet_metrics, subject_of
from tasks.concepts.facets import FacetConfig, facet_visualisations, probe_separation
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig, open_frames
from tasks.vision.networks import load_network
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load
from tests.tasks.concepts.test_analyse import write_noise

CONFIG = FacetStudyConfig(
    layer="block4",
    unit=3,
    facet_layer="block2_expand",
    drawn=4,
    generic=ImagesConfig(sources=("dead-leaves",), scenes=5),
    generic_images=4,
    others=("checks",),
    attack=AttackConfig(steps=3, step_size=3),
    visualisation=FacetConfig(objective="channel", channel_size=48, steps=4),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Settings, str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("facets") / "data")
    return settings, analyse_facets(CONFIG, settings)


@pytest.fixture(scope="module")
def sets():
    """Facets and generic sets, as the study has them."""
    facets = [drawn_exemplars(name, CONFIG.drawn, 224, CONFIG.seed) for name in CONFIG.facets]
    [scenes] = random_sets(open_frames(CONFIG.generic, Settings()), 1, CONFIG.generic_images, CONFIG.seed)
    return facets, [scenes, drawn_exemplars("checks", CONFIG.drawn, 224, CONFIG.seed)]


@pytest.fixture(scope="module")
def probed(sets):
    return list(_probed(load_network(CONFIG.network, None), *sets, CONFIG, lambda done, total: None))


def pooled(images):
    return layer_activations(load_network(CONFIG.network, None), CONFIG.facet_layer, images.frames_ncyx, "mean")


def test_attacks_keep_to_the_ball_and_reach_their_goal(sets, probed):
    facets, _ = sets
    assert [(each.facet.name, each.attack) for each in probed] == [
        (facet, attack) for facet in CONFIG.facets for attack in ("clean", "noise", "negative", "positive")
    ]
    for own, other in (facets, facets[::-1]):
        clean, noise, negative, positive = (each.images for each in probed if each.facet is own)
        assert clean is own
        for changed in (noise, negative, positive):
            assert (changed.frames_ncyx.int() - own.frames_ncyx.int()).abs().max() == CONFIG.attack.epsilon
            assert changed.origin == "attacked"
        own_mean_c, other_mean_c = pooled(own).mean(0), pooled(other).mean(0)
        for objective, attacked in ((away_from(own_mean_c), negative), (towards(other_mean_c), positive)):
            gained, by_noise, before = (
                objective(pooled(images)[:, :, None, None]) for images in (attacked, noise, clean)
            )
            assert gained.mean() > before.mean()
            assert gained.mean() > by_noise.mean()
        assert positive.name == f"{own.name}-towards-{other.name}-8"


def test_rows_are_those_of_the_plain_functions(made, sets, probed):
    settings, key = made
    tables, (facets, generic) = read_staged(key, settings), sets
    generic_nc = torch.cat([pooled(each) for each in generic])
    probes = [fit_cav(pooled(each.images), generic_nc, CONFIG.cav) for each in probed]
    network = load_network(CONFIG.network, None)
    *faceted, plain = facet_visualisations(
        network, "block4", torch.eye(40)[3], CONFIG.facet_layer, probes, CONFIG.visualisation
    )
    pictures_ncyx = (255 * torch.stack([plain, *faceted])).round().byte()

    rows = tables["facet_pictures"].rows(named=True)
    assert [row["attack"] for row in rows] == ["plain", *2 * ["clean", "noise", "negative", "positive"]]
    assert [row["facet_id"] for row in rows] == [None, *4 * [facets[0].key], *4 * [facets[1].key]]
    assert [row["probe_images_id"] for row in rows] == [None, *(each.images.key for each in probed)]
    assert [row["target_facet_id"] for row in rows if row["attack"] == "positive"] == [facets[1].key, facets[0].key]
    assert [row["target_facet_id"] for row in rows if row["attack"] != "positive"] == 7 * [None]
    for row, picture_cyx in zip(rows, pictures_ncyx, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(row["picture"])), float)
        assert abs(shown - picture_cyx.permute(1, 2, 0).numpy()).mean() < 12  # WebP
    assert [row["accuracy"] for row in rows[1:]] == [probe.accuracy for probe in probes]
    for row, probe, clean in zip(rows[1:], probes, [*4 * [probes[0]], *4 * [probes[4]]], strict=True):
        assert row["cosine"] == pytest.approx((probe.vector_d @ clean.vector_d).item(), abs=1e-6)

    logits_fn, _ = probe_separation(network, CONFIG.facet_layer, [probes[0], probes[4]], pictures_ncyx)
    readings = tables["facet_readings"].pivot("facet_id", index="place", values="logit").sort("place")
    for facet, logits_n in zip(facets, logits_fn, strict=True):
        assert readings[facet.key].to_list() == pytest.approx(logits_n.tolist(), abs=1e-4)

    metrics = facet_metrics(tables)
    assert len(metrics) == 2 * (2 + 4 * 4)
    assert metrics["logit/dots/positive"] == pytest.approx(logits_fn[1, 8].item(), abs=1e-4)
    assert metrics["target_logit/stripes/plain"] == pytest.approx(logits_fn[1, 0].item(), abs=1e-4)
    assert metrics["cosine/stripes/clean"] == pytest.approx(1)


def test_tables_load_and_pass_every_audit(made):
    settings, key = made
    load(key, read_staged(key, settings), settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
        origins = connection.execute("SELECT origin, count(*) FROM concepts GROUP BY origin").fetchall()
    assert [result for result in audits if not result.passed] == []
    assert dict(origins) == {"drawn": 4, "attacked": 6}


def test_it_is_done_once(made, monkeypatch):
    settings, key = made
    monkeypatch.setattr("tasks.concepts.facet_study._probed", None)
    assert analyse_facets(CONFIG, settings) == key


def test_a_class_is_its_logit():
    network = load_network("efficientnet_lite0", None)
    subject = subject_of(network, FacetStudyConfig(of_class="zebra"))
    assert (subject.layer, subject.unit, subject.name) == ("head", 340, "zebra")
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        along_n = network.activations(images, "head").mean((2, 3)) @ subject.direction_c
        logits_nk = network.logits(images)
    torch.testing.assert_close(along_n[0] - along_n[1], logits_nk[0, 340] - logits_nk[1, 340], rtol=1e-3, atol=1e-4)


def test_what_is_given_comes_back_through_json():
    for config in (FacetStudyConfig(), FacetStudyConfig(of_class="zebra"), CONFIG):
        assert FacetStudyConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"unit": 3}, "give a unit with its layer, or a class"),
        ({"layer": "block4"}, "give a unit with its layer, or a class"),
        ({"layer": "block4", "unit": 3, "of_class": "zebra"}, "and not both"),
        ({"facets": ("stripes",)}, "give two or more facets"),
        ({"facets": ("stripes", "dots", "stripes")}, "each once"),
        ({"cav": CavConfig(pool="none")}, "give pool mean, not none"),
        ({"attack": {"epsilon": 0}}, "0 leaves every image as it is"),
    ],
)
def test_a_study_that_cannot_be_is_refused(given, complaint):
    with pytest.raises(ValidationError, match=complaint):
        FacetStudyConfig(**given)


def test_bad_input_is_named(made, tmp_path):
    settings, _ = made
    one, some = write_noise(tmp_path / "one", 1), write_noise(tmp_path / "some", 2)
    unitless = {"layer": None, "unit": None}
    for change, complaint in (
        ({"facets": ("stripes", str(one))}, "holds only one distinct image that can be read"),
        ({"facets": (str(some), "dots"), "others": (str(some),)}, "sets some and some share an image"),
        ({"facets": ("stripes", "checks")}, "sets checks and checks share an image"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"unit": 40}, "efficientnet_lite0 block4 has no unit 40: its channels are 0 to 39"),
        ({"facet_layer": "conv9"}, "has no layer 'conv9'"),
        ({"facet_layer": "block5"}, "facet layer block5 .* does not lead to block4"),
        ({"of_class": "crane", **unitless}, r"crane.*crane \(bird\)"),
        ({"generic_images": 6}, "1 random sets of 6 need 6 images, and the pool has 5"),
    ):
        with pytest.raises(UserError, match=complaint) as objective_of_images:
            analyse_facets(CONFIG.model_copy(update=change), settings)
        assert "\n" not in str(objective_of_images.value)
