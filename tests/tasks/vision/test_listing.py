import numpy as np
import pytest

from tasks.vision import listing
from tasks.vision.listing import Listing

ENTRIES = [("b.png", None), ("é.png", "zebra"), ("\udcff.png", "3"), ("a/c.png", None)]


@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
def test_entries_are_those_that_were_given(monkeypatch, rows_at_once):
    monkeypatch.setattr(listing, "ROWS_AT_ONCE", rows_at_once)
    made = Listing.of(iter(ENTRIES))
    assert len(made) == 4
    assert list(made.entries()) == ENTRIES
    assert list(made.entries(np.array([2, 0, 3]))) == [ENTRIES[2], ENTRIES[0], ENTRIES[3]]
    assert list(made.only(lambda name, label: label is None).entries()) == [ENTRIES[0], ENTRIES[3]]
    assert len(Listing.of([])) == 0


def test_names_sort_as_text_does():
    names = ["b", "\udcff", "\ue000", "a", "é", "\U0001f993"]
    made = Listing(Listing.of((name, None) for name in names).table.sort("name"))
    assert [name for name, _ in made.entries()] == sorted(names)
