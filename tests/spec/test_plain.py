"""Specs that are passed as objects from a notebook."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from abtest.errors import SpecError
from abtest.spec import parse_spec
from abtest.spec.plain import plain_mapping
from specs import COLUMNS, EVENTS


def spec() -> dict[str, Any]:
    data = yaml.safe_load(EVENTS)
    assert isinstance(data, dict)
    return data


def test_what_a_notebook_holds_becomes_plain() -> None:
    given = {
        "day": date(2026, 1, 5),
        "time": datetime(2026, 1, 5, 9, tzinfo=UTC),
        "path": Path("a") / "b.csv",
        "decimal": Decimal("0.05"),
        "numbers": (np.int64(3), np.float64(0.5), np.bool_(True)),  # noqa: FBT003 - a value
        "nothing": None,
        7: "key",
    }
    assert plain_mapping(given) == {
        "day": "2026-01-05",
        "time": "2026-01-05T09:00:00+00:00",
        "path": str(Path("a") / "b.csv"),
        "decimal": 0.05,
        "numbers": [3, 0.5, True],
        "nothing": None,
        "7": "key",
    }


def test_dates_of_another_yaml_reader_are_read() -> None:
    assert isinstance(spec()["data"]["as_of"], date)
    assert parse_spec(spec()).spec.data.as_of == "2026-03-01"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"title": b"x"}, "title: is of type bytes; it must be text, a number or a list"),
        ({"title": {1, 2}}, "title: is of type set"),
        ({"title": "\ud800"}, r"title: is '\\ud800'; it must be valid Unicode"),
        ({"title": np.arange(3)}, "title: is of type ndarray"),
        ({"analysis": {"alpha": float("inf")}}, "analysis.alpha: is inf; .* finite number"),
        ({"analysis": {"alpha": Decimal("NaN")}}, "analysis.alpha: is nan"),
        ({"analysis": {(1, 2): 3}}, r"analysis: has the key \(1, 2\); keys must be text"),
        ({True: 3}, "has the key True; keys must be text"),
    ],
)
def test_values_that_no_spec_can_hold(more: dict[Any, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_spec({**spec(), **more})


def test_all_of_them_are_named_at_once() -> None:
    with pytest.raises(SpecError, match=r"(?s)title: .*\nowner: "):
        parse_spec({**spec(), "title": b"x", "owner": b"y"})


@pytest.mark.parametrize("given", [None, 3, "spec: abtest/v1", [("spec", "abtest/v1")]])
def test_what_is_no_mapping(given: Any) -> None:
    with pytest.raises(SpecError, match=r"it must be a mapping\n  Hint: Pass the path"):
        parse_spec(given)


def test_a_mapping_that_holds_itself() -> None:
    endless = spec()
    endless["assignment"] = {"overrides": endless}
    with pytest.raises(SpecError, match="nested more than 50 levels deep"):
        parse_spec(endless)


def test_the_given_mapping_is_not_changed() -> None:
    given = {**yaml.safe_load(COLUMNS), "titel": "x"}
    before = repr(given)
    with pytest.raises(SpecError, match='titel: unknown key\n  Hint: did you mean "title"'):
        parse_spec(given)
    assert repr(given) == before
