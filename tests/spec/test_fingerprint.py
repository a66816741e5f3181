"""The fingerprint knows what the spec says and nothing of how it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from abtest.spec import parse_spec
from specs import COLUMNS, EVENTS, changed, loaded

PLAIN: dict[str, Any] = yaml.safe_load(EVENTS)
FULL = (
    EVENTS
    + """\
title: T
owner: o
hypothesis: h
assignment: {seed: s, coverage: 0.5, overrides: {"007": coupon}, layer: {key: l, slots: [[0, 9]]}}
schedule: {start: 2026-01-05, enrol_until: 2026-01-19, timezone: Asia/Tehran}
covariates: {pre: {kind: sum, events: orders, window: {start: -36h, end: 0d}}}
analysis:
  alpha: 0.1
  covariates: [pre]
  methods: {revenue: {kind: welch}}
  bayes: {rope: {relative: 0.01}}
  sequential: {engine: lan_demets, looks: 3}
decision: {value: {events: orders}, margin_pct: 40, horizon: 60d, rule: {require: [primary]}}
"""
)


def fingerprint(text: str) -> str:
    return loaded(text).spec.fingerprint()


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", [EVENTS, COLUMNS, FULL])
def test_it_is_64_hex_digits_and_the_same_twice(text: str) -> None:
    assert len(bytes.fromhex(fingerprint(text))) == 32
    assert fingerprint(text) == fingerprint(text)


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda t: f"# a comment\n\n{t}\n\n# another\n", id="comments"),
        pytest.param(lambda t: t.replace("{", "{ ").replace("}", " }"), id="blanks"),
        pytest.param(lambda t: t.replace("key: coupon", "key:    'coupon'"), id="quotes"),
        pytest.param(lambda t: t.replace("\n", "\r\n"), id="line ends"),
        pytest.param(lambda t: t.replace("30d", "720h"), id="the same length of time"),
        pytest.param(lambda t: t + "analysis: {alpha: 0.05}\n", id="a default written out"),
    ],
)
def test_it_does_not_change_with_the_writing(rewrite: Any) -> None:
    assert fingerprint(rewrite(EVENTS)) == fingerprint(EVENTS)


def test_it_does_not_change_with_the_order_of_keys() -> None:
    plain = loaded(FULL).spec.to_dict()
    assert parse_spec(reversed_keys(plain)).spec.fingerprint() == fingerprint(FULL)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key: winback", "key: winback2"),
        ("kind: conversion", "kind: retention"),
        ("unit: id", "unit: ID"),
        ("key: control,", "key: Control,"),
        ("control: true", "control: true, payload: {a: 1}"),
        ("2026-03-01", "2026-03-02"),
        ("assigned.csv", "assigned2.csv"),
        ("value: amount", "value: amount2"),
        ("at: refunded_at", "at: refunded"),
        ("end: 30d}, role", "end: 31d}, role"),
        ("role: primary", "role: primary, desired_change: decrease"),
        ("coverage: 0.5", "coverage: 0.6"),
        ('"007"', '"7"'),
        ("-36h", "-37h"),
        ("alpha: 0.1", "alpha: 0.11"),
        ("margin_pct: 40", "margin_pct: 41"),
        ("title: T", "title: t"),
        ("seed: s", "seed: t"),
        ("Asia/Tehran", "Asia/Dubai"),
        ("[[0, 9]]", "[[0, 8]]"),
        ("looks: 3", "looks: nightly"),
    ],
)
def test_it_changes_with_what_the_spec_says(old: str, new: str) -> None:
    assert fingerprint(changed(FULL, (old, new))) != fingerprint(FULL)


def test_the_order_of_variants_is_part_of_what_it_says() -> None:
    """The hash deals variants out in their order."""
    plain = {**PLAIN, "variants": list(reversed(PLAIN["variants"]))}
    assert parse_spec(plain).spec.fingerprint() != fingerprint(EVENTS)


@pytest.mark.parametrize("text", [EVENTS, COLUMNS, FULL])
def test_a_spec_survives_the_way_through_json(text: str) -> None:
    spec = loaded(text).spec
    plain = json.loads(json.dumps(spec.to_dict(), allow_nan=False))
    again = parse_spec(plain).spec
    assert again == spec
    assert again.fingerprint() == spec.fingerprint()
    assert again.to_dict() == spec.to_dict()
