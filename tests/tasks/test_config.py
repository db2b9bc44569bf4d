"""Fields that configs share."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.concepts.config import AttackExperimentConfig, ClassImages, ConceptsConfig
from tasks.concepts.facet_study import FacetStudyConfig
from tasks.concepts.tamper_study import TamperStudyConfig
from tasks.vision.images import ImagesConfig

# every field that may be a folder, as the config that has it, and how to read it back
FIELDS = [
    (lambda path: ImagesConfig(folder=path).folder, Path),
    (lambda path: ClassImages(name="zebra", folder=path).folder, Path),
    (lambda path: ConceptsConfig(concepts=[path]).concepts[0], str),
    (lambda path: AttackExperimentConfig(concept=path).concept, str),
    (lambda path: TamperStudyConfig(concepts=["dots", path]).concepts[1], str),
    (lambda path: FacetStudyConfig(facets=["dots", path]).facets[1], str),
    (lambda path: FacetStudyConfig(others=[path]).others[0], str),
]


@pytest.mark.parametrize(("field", "kind"), FIELDS)
def test_a_tilde_in_a_config_is_the_home_folder(monkeypatch, tmp_path, field, kind):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert field("~/photos") == kind(tmp_path / "photos")
    assert field("photos/~") == kind("photos/~")


@pytest.mark.parametrize(("field", "_kind"), FIELDS)
def test_a_url_stays_as_it_is(field, _kind):
    for url in ("s3://bucket/shards/train-{00..12}.tar", "simplecache::https://host/a//b.csv", "memory://~/a"):
        assert field(url) == url


def test_a_config_with_an_address_can_be_handed_on_as_json():
    for address in ("s3://bucket/a.csv", "photographs", Path("photographs")):
        config = ImagesConfig(folder=address)
        assert ImagesConfig.model_validate_json(config.model_dump_json()) == config
        assert config.model_dump(mode="json")["folder"] == str(address)
    with pytest.raises(ValidationError, match="is not text: write a path or a URL"):
        ImagesConfig(folder=3)


@pytest.mark.parametrize(("field", "_kind"), FIELDS)
@pytest.mark.parametrize("wrong", ["", " ", "~nobody-is-called-this"])
def test_a_folder_that_means_nothing_is_refused(field, _kind, wrong):
    with pytest.raises(ValidationError, match=r"write a path|write the whole path"):
        field(wrong)
