"""What a publication passes over, by name."""

from flows.publish import _models
from tasks.dictionary.store import folder_of
from tests.damage import flip
from tests.tasks.tracking.conftest import write_dictionary


def test_a_damaged_dictionary_is_passed_over_by_name(settings):
    write_dictionary("a" * 64, settings, architecture="sae")
    write_dictionary("b" * 64, settings)
    flip(folder_of("b" * 64, settings) / "config.json", 5_000)
    names, damaged = _models(settings)
    assert names == ["topk-sae"]
    [(dictionary, reason)] = damaged.items()
    assert dictionary == f"dictionary {'b' * 64}"
    assert "config.json is damaged (its checksum is wrong): train or import it again" in reason
