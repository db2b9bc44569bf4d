"""Keys of dictionaries in forms: what is offered, and that a choice stands for its key."""

import pytest
from pydantic import ValidationError

from tasks.concepts.config import AttackExperimentConfig
from tasks.config import Config
from tasks.dictionary.keys import DictionaryKeys, trained_choices
from tests.tasks.tracking.conftest import write_dictionary

SAE, CROSSCODER = "1" * 64, "2" * 64


class Asked(Config):
    dictionaries: DictionaryKeys = ()


def field() -> dict:
    return Asked.model_json_schema()["properties"]["dictionaries"]


def test_the_form_offers_trained_dictionaries_and_takes_other_keys(settings):
    write_dictionary(SAE, settings, architecture="sae")
    write_dictionary(CROSSCODER, settings, seed=3)
    names = [
        f"efficientnet_lite0 blocks.5 · TopK sparse autoencoder of 10 features, seed 0 · {SAE}",
        f"efficientnet_lite0 blocks.5 · TopK group crosscoder of 10 features, seed 3 · {CROSSCODER}",
    ]
    known, other = field()["anyOf"]
    assert known["items"]["enum"] == names
    assert other["items"] == {"type": "string"}
    assert field()["default"] == []
    assert Asked(dictionaries=names).dictionaries == (SAE, CROSSCODER)
    assert Asked(dictionaries=[CROSSCODER, "other"]) == Asked(dictionaries=[names[1], "other"])
    assert AttackExperimentConfig(dictionaries=names[:1]).dictionaries == (SAE,)


def test_without_dictionaries_the_field_is_a_list_of_texts():
    assert field()["items"] == {"type": "string"}


@pytest.mark.parametrize("spoil", [lambda file: file.unlink(), lambda file: file.write_bytes(b"{")])
def test_a_damaged_dictionary_is_not_offered(settings, spoil):
    write_dictionary(SAE, settings)
    spoil(settings.dictionaries_dir / SAE / "config.json")
    assert [*trained_choices(settings)] == []


def test_what_is_no_text_is_refused():
    with pytest.raises(ValidationError, match="valid string"):
        Asked(dictionaries=[3])
