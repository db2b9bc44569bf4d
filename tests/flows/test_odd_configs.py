"""Odd values in every field of every flow's config: a config that can work, or one line for each mistake."""

import math
from collections.abc import Iterator
from typing import Any, get_args

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from flows import FLOWS
from flows.config import config_class_of, flow_named, read_config
from flows.train import next_seeds
from tasks.config import MOST, Config
from tasks.errors import LONGEST, UserError
from tasks.warehouse.database import schema

CONFIGS = {flow: config_class_of(flow_named(flow)) for flow in FLOWS}

LARGEST_FLOAT = 1e30
"""Within what float32 holds, in which dictionaries are trained."""

odd_numbers = st.sampled_from(
    ["inf", "-inf", "nan", "-0.0", "0", "-1", "1", "0.5", "1e300", "1e-320", "2147483647", "2147483648", "3000000000"]
)
odd_texts = st.sampled_from(
    [
        '""',
        '" "',
        '"~nobody-is-called-this"',
        '"\\u0000"',
        '"<script>"',
        '"a\\nb"',
        "plain",
        "",
        "=",
        "'",
        "[",
        "1979-05-27",
    ]
) | st.text(max_size=20)
odd_sizes = st.sampled_from(
    ["[" * 2000, "[" * 80 + "]" * 80, "{a=" * 500, "9" * 5000, "0x" + "f" * 5000, '"' + "a" * 9999]
)
odd_values = st.one_of(
    odd_numbers,
    odd_texts,
    odd_sizes,
    st.sampled_from(["true", "[]", "{}", "[{}]", "[1]", "[inf]", '[""]', "{k=1}", '[["a"]]', "[nan, nan]"]),
)


def sections(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every field of a config, and of the configs in it, dotted."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from sections(part, f"{prefix}{name}.")


def numbers_in(value: Any) -> Iterator[int | float]:
    match value:
        case dict():
            for each in value.values():
                yield from numbers_in(each)
        case list() | tuple():
            for each in value:
                yield from numbers_in(each)
        case int() | float():
            yield value


@pytest.mark.parametrize("flow", FLOWS)
@run_settings(max_examples=150)
@given(data=st.data())
def test_odd_values_are_a_config_or_one_line_each(flow, data):
    model = CONFIGS[flow]
    fields = data.draw(st.lists(st.sampled_from([*sections(model), "no_such_field", ""]), min_size=1, max_size=3))
    assignments = [f"{field}={data.draw(odd_values)}" for field in fields]
    try:
        config = read_config(model, None, assignments)
    except UserError as error:
        for line in str(error).split("\n"):
            assert line.isprintable()
            assert 0 < len(line) <= 10 * LONGEST
        return
    for number in numbers_in(config.model_dump()):
        assert abs(number) <= (MOST if isinstance(number, int) else LARGEST_FLOAT)
    assert model.model_validate_json(config.model_dump_json()) == config  # as Prefect hands it to a worker


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "9" * 5000, "a" * 9999, "[" * 5000, '"\\u0000" = 1'])
def test_an_odd_file_is_one_line(flow, text, tmp_path):
    file = tmp_path / "odd.toml"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        read_config(CONFIGS[flow], file, [])
    [line] = str(refused.value).split("\n")
    assert line.isprintable()


def all_configs() -> list[type[Config]]:
    found, waiting = [], [Config]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        found += [each for each in below if each.__module__.startswith(("tasks.", "flows."))]
    return found


def test_every_flow_takes_a_config_that_refuses_infinities():
    assert set(CONFIGS.values()) <= set(all_configs())


def largest(field: dict[str, Any]) -> float | None:
    """The largest whole number that a field of a form takes; None for a field of something else."""
    kinds = [field, *field.get("anyOf", []), field.get("items", {})]
    integers = [kind for kind in kinds if kind.get("type") == "integer"]
    limits = [kind.get("maximum", max(kind.get("enum", [math.inf]))) for kind in integers]
    return max(limits, default=None)


@pytest.mark.parametrize("model", all_configs(), ids=lambda model: model.__name__)
def test_the_largest_number_of_a_field_fits_every_column_of_its_name(model):
    """A model's schema is its form in the Prefect UI too."""
    columns = [pair for table in schema().values() for pair in zip(table.columns, table.types, strict=True)]
    form = model.model_json_schema()
    for part in (form, *form.get("$defs", {}).values()):
        for name, field in part.get("properties", {}).items():
            if (most := largest(field)) is None:
                continue
            assert most <= MOST, f"{part['title']}.{name}"
            for kind in {kind for column, kind in columns if column == name and "INT" in kind}:
                assert duckdb.sql(f"SELECT {most}::{kind}").fetchone() == (most,)


def test_a_seed_after_the_largest_is_one_too():
    assert next_seeds(0, 3) == [1, 2, 3]
    assert next_seeds(MOST - 1, 3) == [MOST, 0, 1]


@pytest.mark.parametrize(
    ("assignments", "line"),
    [
        (["dictionary.learning_rate=inf"], "dictionary.learning_rate: Input should be a finite number, not inf"),
        (["dictionary.sparsity=inf"], "dictionary.sparsity: Input should be a finite number, not inf"),
        (["dictionary.sparsity=nan"], "dictionary.sparsity: Input should be a finite number, not nan"),
        (
            ["dictionary.seed=3000000000"],
            "dictionary.seed: Input should be less than or equal to 2147483647, not 3000000000",
        ),
    ],
)
def test_what_once_ended_in_a_traceback_or_blocked_every_publication(assignments, line):
    with pytest.raises(UserError) as refused:
        read_config(CONFIGS["train"], None, assignments)
    assert str(refused.value) == line


def test_a_dictionary_without_features_is_refused_before_the_extraction():
    config = read_config(CONFIGS["early-vision"], None, ["features_per_channel=0.001"])
    with pytest.raises(UserError, match="features: Input should be greater than or equal to 1, not 0"):
        config.dictionary_for(64)
