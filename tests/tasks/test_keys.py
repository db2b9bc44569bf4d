"""Content keys: of canonical JSON, however long its arrays are."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.keys import Streamed, content_key

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(plain)
def test_a_key_is_the_hash_of_canonical_json(value):
    document = {"kind": "k", "version": 3, "made_from": {"value": value}}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert content_key("k", 3, value=value) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("length", [1, 2, 100_000])
def test_a_streamed_array_has_the_key_of_a_list(length):
    items = [[f"{number}", "é"] for number in range(length)]
    assert content_key("k", 1, x=Streamed(tuple(item) for item in items)) == content_key("k", 1, x=items)


def test_what_is_not_json_has_no_key():
    with pytest.raises(TypeError, match="set has no canonical form"):
        content_key("k", 1, x={1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_key("k", 1, x=float("nan"))
