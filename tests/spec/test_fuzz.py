"""Whatever is done to a valid spec, the answer is a spec or a list of faults."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abtest.errors import SpecError
from abtest.spec.load import draft_document, draft_mapping
from abtest.spec.yaml_text import parse_document
from specs import COLUMNS, EVENTS

MORE = """\
assignment: {seed: s, coverage: 0.5, overrides: {"007": coupon}, layer: {key: l, slots: [[0, 9]]}}
schedule: {start: 2026-01-05, enrol_until: 2026-01-19, timezone: Asia/Tehran}
covariates: {pre: {kind: sum, events: orders, window: {start: -9d, end: 0d}}}
analysis: {alpha: 0.1, covariates: [pre], methods: {revenue: {kind: welch}}}
decision: {value: {events: orders}, margin_pct: 40, horizon: 60d, rule: {require: [primary]}}
"""
RATIO = "  - {key: aov, kind: ratio, numerator: revenue, denominator: revenue}\n"
TEXTS = [EVENTS + RATIO + MORE, COLUMNS]
PLAIN = [parse_document(text).data for text in TEXTS]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.sampled_from(
    ["key", "kind", "window", "events", "orders", "coupon", "ratio", "sum", "mean", "30d", "-1d",
     "variants", "data", "units", "weight", "control", "path", "<<", "", "\ud800", "\x00", "{end}"]
)  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), words
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into plain data."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += places(item, (*path, key))
    return found


def mutate(data: Any, path: tuple[Any, ...], how: str, value: Any) -> None:
    """Change one place, if an earlier change has left it there."""
    try:
        for step in path[:-1]:
            data = data[step]
        if how == "delete":
            del data[path[-1]]
        elif how == "rename" and isinstance(data, dict):
            data[str(path[-1])[:-1]] = data.pop(path[-1])
        else:
            data[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


@QUICK
@given(st.data())
def test_changed_values(data: st.DataObject) -> None:
    plain = copy.deepcopy(data.draw(st.sampled_from(PLAIN)))
    paths = places(plain)
    for _ in range(data.draw(st.integers(1, 3))):
        how = data.draw(st.sampled_from(["set", "set", "delete", "rename"]))
        mutate(plain, data.draw(st.sampled_from(paths)), how, data.draw(values))
    try:
        draft = draft_mapping(plain)
    except SpecError as error:
        assert str(error)  # noqa: PT017 - either is fine
        return
    if draft.faults:
        assert all(fault.message for fault in draft.faults)
        assert len({(f.path, f.message) for f in draft.faults}) == len(draft.faults)
        return
    spec = draft.loaded.spec
    json.dumps(spec.to_dict(), allow_nan=False)
    assert len(spec.fingerprint()) == 64
    assert draft_mapping(spec.to_dict()).loaded.spec == spec


@QUICK
@given(
    st.sampled_from(TEXTS),
    st.integers(0, 900),
    st.integers(0, 20),
    st.text("{}[]:,-&*!|>'\"%@`#? \n\tabc0", max_size=6) | st.text(max_size=3),
)
def test_changed_text(text: str, start: int, length: int, put: str) -> None:
    try:
        document = parse_document(text[:start] + put + text[start + length :], "e.yaml")
    except SpecError as error:
        assert str(error).startswith("e.yaml")  # noqa: PT017 - either is fine
        return
    last = text.count("\n") + put.count("\n") + 1
    assert all(0 < fault.line <= last for fault in draft_document(document, Path()).faults)


@pytest.mark.parametrize("text", TEXTS)
def test_each_key_may_be_missing(text: str) -> None:
    plain = parse_document(text).data
    for path in places(plain):
        less = copy.deepcopy(plain)
        mutate(less, path, "delete", None)
        messages = [str(fault) for fault in draft_mapping(less).faults]
        assert len(messages) == len(set(messages)), (path, messages)
