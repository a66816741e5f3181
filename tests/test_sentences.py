"""Sentences keep what they were made of, through JSON and back."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

from abtest.sentences import Sentence, collect, joined, plural, restore, sentence

NESTED = sentence(
    "{found} in {variant}, until {day:date}.",
    found=plural("{n:,} row has no {what}", "{n:,} rows have no {what}", 1200, what="id"),
    variant="کوپن",
    day="2026-03-01",
)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (sentence("No row occurs twice."), "No row occurs twice."),
        (sentence("{n:,} of {total:,}", n=1200, total=9), "1,200 of 9"),
        (
            sentence("{x:.2%}, {y:+,.1%}, {z:,.4g}", x=0.01234, y=-12.5, z=0.5),
            "1.23%, -1,250.0%, 0.5",
        ),
        (plural("{n:,} row", "{n:,} rows", 1), "1 row"),
        (plural("{n:,} row", "{n:,} rows", 0), "0 rows"),
        (joined(", ", ["a", sentence("{n:,}", n=1000)]), "a, 1,000"),
        (NESTED, "1,200 rows have no id in \u200eکوپن\u200e, until 2026-03-01."),
        (sentence("{x:.2f}", x=np.float64(2)), "2.00"),
    ],
)
def test_a_sentence_is_its_english_text(made: Sentence, text: str) -> None:
    assert made == text
    assert hash(made) == hash(text)


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{n.__class__}", {"n": 1}),
        ("{n[0]}", {"n": "abc"}),
        ("{n!r}", {"n": 1}),
        ("{n:>99999999}", {"n": 1}),
        ("{m}", {"n": 1}),
    ],
)
def test_a_template_asks_for_values_and_nothing_else(template: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no value for"):
        sentence(template, **values)


def test_parts_survive_json() -> None:
    data = {"notes": [str(NESTED), "No row occurs twice."], "n": 3}
    known = json.loads(json.dumps(collect({"notes": (NESTED, sentence("No row occurs twice."))})))
    assert list(known) == [str(NESTED)]  # a constant is its own message
    found: Any = restore(data, known)
    assert found == data
    assert found["notes"][0].to_dict() == NESTED.to_dict()
    assert not isinstance(found["notes"][1], Sentence)


@pytest.mark.parametrize(
    "parts",
    [
        None,
        3,
        {},
        {"template": "Another text.", "values": {}},
        {"template": "{x.real}", "values": {"x": 1}},
        {"template": "{n:,}", "more": "{n:,}", "values": {"m": 1}},
    ],
)
def test_parts_that_give_another_text_are_ignored(parts: Any) -> None:
    found = restore("1,200 rows", {"1,200 rows": parts})
    assert found == "1,200 rows"
    assert not isinstance(found, Sentence)


def test_copies_keep_the_parts() -> None:
    for twin in (copy.deepcopy(NESTED), pickle.loads(pickle.dumps(NESTED))):  # noqa: S301 - ours
        assert twin == NESTED
        assert twin.to_dict() == NESTED.to_dict()


def test_numbers_of_other_libraries_become_python_s() -> None:
    values: dict[str, Any] = {"n": np.int64(3), "x": np.float64(0.5), "y": float("inf")}
    made = sentence("{n:,} {x:.1f} {y}", **values)
    assert json.dumps(made.to_dict()["values"]) == '{"n": 3, "x": 0.5, "y": "inf"}'
