"""The strongest rows of each unit, against a plain loop."""

import polars
from hypothesis import given
from hypothesis import strategies as st

from tasks.activations.top_examples import top_examples

ROWS = st.tuples(st.integers(0, 3), st.integers(0, 30), st.sampled_from("abcdef"), st.integers(1, 5))


@given(st.lists(ROWS, unique_by=lambda row: row[:2], max_size=60), st.integers(1, 4))
def test_it_equals_a_plain_loop_and_does_not_mind_the_order(rows, count):
    expected = []
    for unit in sorted({row[0] for row in rows}):
        images = set()
        for row in sorted((row for row in rows if row[0] == unit), key=lambda row: (-row[3], row[1])):
            if row[2] not in images and len(images) < count:
                images.add(row[2])
                expected.append(row)
    schema = {"unit": polars.Int64, "row": polars.Int64, "image": polars.String, "activation": polars.Int64}
    found = polars.DataFrame(rows, schema=schema, orient="row")
    assert top_examples(found, "unit", count).rows() == expected
    half = top_examples(found[: len(rows) // 2], "unit", count)
    assert top_examples(polars.concat([half, found[len(rows) // 2 :]]), "unit", count).rows() == expected
