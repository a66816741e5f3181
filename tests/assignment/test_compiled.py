"""The compiled form: what it looks like, and what is refused instead of guessed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from abtest.assignment import Experiment
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule
from abtest.errors import AssignmentError

SMALL: dict[str, Any] = {
    "format": "abtest-assignment/v1",
    "formula": "sha256-52",
    "key": "exp-1",
    "seed": "exp-1",
    "variants": [{"key": "control", "weight": 1}, {"key": "coupon", "weight": 1}],
    "coverage_parts": 10_000,
}
INSTANT = "2026-01-05T00:00:00+00:00"


def test_the_whole_form() -> None:
    plus_one = timezone(timedelta(hours=1))
    overrides: dict[str | int, str] = {7: "control", "\u0645": "\u062a\u062e\u0641\u06cc\u0641"}
    experiment = Experiment(
        "winback",
        [("control", 1), ("\u062a\u062e\u0641\u06cc\u0641", 0)],
        seed="winback-2026",
        coverage_parts=2_500,
        layer=Layer("lifecycle", [(0, 5_000)]),
        holdout=Holdout("holdout-2026", 500),
        overrides=overrides,
        phases=[
            Phase(datetime(2026, 1, 8, 1, tzinfo=plus_one), 10_000, (1, 3)),
            Phase(
                datetime(2026, 1, 9, tzinfo=plus_one),
                ranges=[[(3 * 2**50, 2**52)], [(0, 3 * 2**50)]],
            ),
        ],
        schedule=Schedule(enrol_until=datetime(2026, 1, 19, tzinfo=plus_one)),
    )
    text = experiment.to_json()
    assert text.isascii()
    assert json.loads(text) == {
        "format": "abtest-assignment/v1",
        "formula": "sha256-52",
        "key": "winback",
        "seed": "winback-2026",
        "variants": [
            {"key": "control", "weight": 1},
            {"key": "\u062a\u062e\u0641\u06cc\u0641", "weight": 0},
        ],
        "coverage_parts": 2_500,
        "layer": {"salt": "lifecycle", "slots": [[0, 5_000]]},
        "holdout": {"salt": "holdout-2026", "share_parts": 500},
        "overrides": {"7": "control", "\u0645": "\u062a\u062e\u0641\u06cc\u0641"},
        "phases": [
            {"from": "2026-01-08T00:00:00+00:00", "coverage_parts": 10_000, "weights": [1, 3]},
            {
                "from": "2026-01-08T23:00:00+00:00",
                "ranges": [[[3 * 2**50, 2**52]], [[0, 3 * 2**50]]],
            },
        ],
        "schedule": {"enrol_until": "2026-01-18T23:00:00+00:00"},
    }
    assert Experiment.from_json(text) == experiment
    assert Experiment.from_json(MappingProxyType(json.loads(text))) == experiment


def test_parts_that_are_absent_are_left_out() -> None:
    assert json.loads(Experiment("exp-1", [("control", 1), ("coupon", 1)]).to_json()) == SMALL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "abtest-assignment/v2"}, "format is 'abtest-assignment/v2'; it must be"),
        ({"format": None}, "format is None; it must be 'abtest-assignment/v1'"),
        ({"formula": "md5-52"}, "formula is 'md5-52'; it must be 'sha256-52'"),
        ({"ranges": []}, "has the unknown key 'ranges'; it must be one of format, formula, key"),
        ({"key": None}, "key is None"),
        ({"seed": None}, "seed is None"),
        ({"variants": {}}, "variants is {}; it must be a list"),
        ({"variants": ["a"]}, "variants is 'a'; it must be an object"),
        ({"variants": [{"key": "a"}]}, "variants has no 'weight'"),
        ({"variants": [{"key": "a", "weight": 1, "x": 1}]}, "variants has the unknown key 'x'"),
        ({"variants": [{"key": "a", "weight": 1.0}]}, "weights is 1.0"),
        ({"variants": [{"key": "a", "weight": True}]}, "weights is True"),
        ({"coverage_parts": 1.0}, "coverage_parts is 1.0"),
        ({"layer": None}, "layer is None; it must be an object"),
        ({"layer": {"salt": "a"}}, "layer has no 'slots'"),
        ({"layer": {"salt": "a", "slots": [[1]]}}, "layer.slots holds .* it must hold pairs"),
        ({"holdout": {"salt": "a", "share": 1}}, "holdout has the unknown key 'share'"),
        ({"overrides": []}, r"overrides is \[\]; it must be an object"),
        ({"overrides": {"C1": "gift"}}, "the variant 'gift'; it must be one of"),
        ({"overrides": {"C1": ["coupon"]}}, "it must be one of"),
        ({"phases": {}}, "phases is {}; it must be a list"),
        ({"phases": [{"coverage_parts": 1}]}, "phases has no 'from'"),
        ({"phases": [{"from": INSTANT}]}, "A phase changes nothing"),
        ({"phases": [{"from": INSTANT, "ranges": 5}]}, "phase.ranges is 5; it must be a list of l"),
        ({"phases": [{"from": INSTANT, "ranges": [[[0, 1]], []]}]}, r"ranges leave out \[1, "),
        ({"phases": [{"from": "soon", "coverage_parts": 1}]}, "phases.from is 'soon'; it must be"),
        ({"phases": [{"from": 5, "coverage_parts": 1}]}, "phases.from is 5; it must be an inst"),
        ({"phases": [{"from": "2026-01-05", "coverage_parts": 1}]}, "phase.start is .* time zone"),
        ({"schedule": {"start": None}}, "schedule.start is None; it must be an instant"),
        ({"schedule": {"end": INSTANT}}, "schedule has the unknown key 'end'"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused(change: dict[str, Any], message: str) -> None:
    for compiled in ({**SMALL, **change}, json.dumps({**SMALL, **change})):
        with pytest.raises(AssignmentError, match=message):
            Experiment.from_json(compiled)


@pytest.mark.parametrize("name", SMALL)
def test_a_missing_key_is_named(name: str) -> None:
    rest = {key: value for key, value in SMALL.items() if key != name}
    with pytest.raises(AssignmentError, match=f"{name} is None|has no '{name}'"):
        Experiment.from_json(rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON: Expecting value"),
        ("{", "is not valid JSON"),
        ("\ufeff{}", "is not valid JSON: Unexpected UTF-8 BOM"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"coverage_parts": ' + "9" * 5_000 + "}", "is not valid JSON"),
        ("[]", "format is None"),
        ("5", "format is None"),
        ('{"key": "a", "key": "b"}', "holds the key 'key' twice"),
    ],
    ids=lambda text: text[:12],
)
def test_bad_json_is_one_message(text: str, message: str) -> None:
    with pytest.raises(AssignmentError, match=message):
        Experiment.from_json(text)


@pytest.mark.parametrize("value", [None, 5, b"{}", ["a"]])
def test_only_text_or_a_mapping_can_be_read(value: object) -> None:
    with pytest.raises(AssignmentError, match="format is None"):
        Experiment.from_json(value)  # type: ignore[arg-type]
