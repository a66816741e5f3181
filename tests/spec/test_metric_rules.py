"""The rules about metrics and covariates, broken and kept."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from abtest.metrics.base import EventMetric
from abtest.spec.covariates import EventCovariate
from specs import COLUMNS, EVENTS, advice, changed, faults, loaded

W = "events: orders, window: {end: 30d}"
SURVEYS = changed(
    EVENTS,
    ("    refunds:", "    surveys: {path: s.csv, at: answered_at, value: score}\n    refunds:"),
)


def metric(text: str) -> str:
    return f"  - {{key: m, {text}}}\n"


def only(found: list[str], message: str) -> None:
    assert len(found) == 1, found
    assert re.match(message, found[0]), found


@pytest.mark.parametrize(
    "text",
    [
        f"kind: retention, {W}",
        "kind: retention, events: orders, window: {start: 28d, end: 35d}",
        f"kind: inactivity, days: 30, {W}",
        f"kind: crr, prior: {{lookback: 365d}}, {W}",
        f"kind: time_to_event, {W}",
        f"kind: time_to_event, maturity: censored, {W}",
        f"kind: conversion, maturity: [complete, censored], {W}",
        f"kind: repeat_purchase, maturity: censored, {W}",
        f"kind: conversion, anchor: refunds, {W}",
        f"kind: count, anchor: first_event, maturity: all, {W}",
    ],
)
def test_metrics_on_events_that_are_right(text: str) -> None:
    assert faults(EVENTS + metric(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "kind: quantile, column: spend",
        "kind: quantile, column: spend, q: 0.9",
        "kind: survival, duration: week, event: arrest",
        "kind: survival, duration: week, event: arrest, horizon: 52, desired_change: decrease",
    ],
)
def test_metrics_on_columns_that_are_right(text: str) -> None:
    assert faults(COLUMNS + metric(text)) == []
    only(faults(EVENTS + metric(text)), r"17: metrics.2: reads a column, but the data has no unit")


@pytest.mark.parametrize(
    "text",
    [
        "scale: nps",
        "scale: csat",
        "scale: csat, score: mean, points: 7",
        "scale: csat, score: top_box, top: 4",
        "scale: csat, points: 10, score: top_box, top: 9",
    ],
)
def test_surveys_that_are_right(text: str) -> None:
    asked = metric(f"kind: survey, {text}, events: surveys, window: {{end: 30d}}")
    assert faults(SURVEYS + asked) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scale: nps, score: mean", ": has score, which is for csat; nps has one score only"),
        ("scale: nps, points: 5, top: 4", ": has points and top, which is for csat"),
        ("scale: csat, score: top_box", ": must have top with `score: top_box`, and only with it"),
        ("scale: csat, top: 4", ": must have top with `score: top_box`, and only with it"),
        (
            "scale: csat, score: top_box, top: 6",
            ": has a top of 6; it must be at most .* answer, 5",
        ),
        ("scale: csat, points: 11", ".points: is 11; it must be at most 10"),
        ("scale: ces", ".scale: is 'ces'; it must be 'csat' or 'nps'"),
        ("score: mean", ".scale: is missing"),
    ],
)
def test_surveys_that_are_not(text: str, message: str) -> None:
    asked = metric(f"kind: survey, {text}, events: surveys, window: {{end: 30d}}")
    only(faults(SURVEYS + asked), rf"18: metrics.2{message}")


def test_a_survey_needs_answers() -> None:
    asked = metric("kind: survey, scale: nps, events: refunds, window: {end: 30d}")
    found = faults(EVENTS + asked)
    only(found, r"13: data.events.refunds.value: is missing; metric m is its score\n  Hint: add `v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: retention, events: orders, window: {start: 28d}", ".window.end: is missing"),
        (f"kind: inactivity, {W}", ".days: is missing"),
        (f"kind: inactivity, days: 0, {W}", ".days: is 0; it must be at least 1"),
        (
            f"kind: inactivity, days: 31, {W}",
            ": asks for 31 days without an event in a window of 3",
        ),
        (
            "kind: inactivity, days: 7, events: orders, window: {start: 7d, end: 30d}",
            r": has a window that starts at 7d; it must start at 0d\n  Hint: days says",
        ),
        (f"kind: crr, anchor: first_event, {W}", ": is anchored on first_event, when every unit"),
        (
            "kind: crr, events: orders, window: {start: -1d, end: 30d}",
            ": has a period that starts at -1d; it must start at 0d or later",
        ),
        (
            "kind: crr, prior: {lookback: 36h}, events: orders, window: {end: 9d, calendar: true}",
            ": counts calendar days; the lookback must be whole days",
        ),
        (f"kind: crr, prior: {{lookback: 0d}}, {W}", ".prior.lookback: is 0d; it must be above 0d"),
        (
            "kind: time_to_event, events: orders, window: {start: 1d, end: 30d}",
            ": has a window that starts at 1d; it must start at 0d",
        ),
        (
            "kind: time_to_event, events: orders, window: {end: 36h}",
            ": has a window that ends at 36h; it must end at whole days",
        ),
        (
            f"kind: time_to_event, maturity: complete, {W}",
            ".maturity: is 'complete'; it must be 'censored'",
        ),
    ],
)
def test_metrics_that_make_no_sense(text: str, message: str) -> None:
    only(faults(EVENTS + metric(text)), rf"17: metrics.2{message}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"kind: sum, {W}", "a sum is none, it must be complete or all"),
        (f"kind: count, {W}", "a count is none"),
        (f"kind: churn, {W}", "a churn is none"),
        ("kind: retention, events: orders, window: {start: 28d, end: 35d}", "a retention is none"),
        (
            "kind: conversion, events: orders, window: {start: 28d, end: 35d}",
            "a bracket that starts at 28d is none, the window must start at 0d",
        ),
        (
            "kind: conversion, events: orders, window: {end: 36h}",
            "it counts days, so the window must end at whole days, not 36h",
        ),
    ],
)
@pytest.mark.parametrize("maturity", ["censored", "[complete, censored]"])
def test_curves_are_of_first_events_only(text: str, why: str, maturity: str) -> None:
    found = faults(EVENTS + metric(f"{text}, maturity: {maturity}"))
    start = "17: metrics.2.maturity: reads a time to a first event off a survival curve; "
    only(found, re.escape(start + why))


@pytest.mark.parametrize(
    "maturity", ["censord", "7", "[censored, complete]", "[complete]", "[complete, all]", "{a: b}"]
)
def test_maturities_that_are_none(maturity: str) -> None:
    found = faults(EVENTS + metric(f"kind: conversion, maturity: {maturity}, {W}"))
    only(
        found, r"17: metrics.2.maturity: is .*; it must be complete, censored, all or \[complete, c"
    )


def test_both_readings() -> None:
    text = metric(f"kind: conversion, maturity: [complete, censored], {W}")
    found = loaded(EVENTS + text).spec.metrics[2]
    assert isinstance(found, EventMetric)
    assert found.readings == ("complete", "censored")
    assert found.read_as("censored").readings == ("censored",)
    assert found.summary is not found.read_as("censored").summary


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        (
            "asignment",
            r"is 'asignment'; it must be assignment, .*\n  Hint: did you mean \"assignment",
        ),
        ("refund", r"is 'refund'; it must be .*\n  Hint: did you mean \"refunds"),
        ("orders", "is 'orders', the metric's own stream; it must be first_event"),
        ("7", "is 7; it must be text"),
    ],
)
def test_anchors_that_are_none(anchor: str, message: str) -> None:
    found = faults(EVENTS + metric(f"kind: conversion, anchor: {anchor}, {W}"))
    only(found, f"17: metrics.2.anchor: {message}")


@pytest.mark.parametrize(("anchor", "stream"), [("first_event", "orders"), ("refunds", "refunds")])
def test_anchors_after_the_assignment(anchor: str, stream: str) -> None:
    text = EVENTS + metric(f"kind: conversion, anchor: {anchor}, {W}")
    found = loaded(text).spec.metrics[2]
    assert isinstance(found, EventMetric)
    assert found.anchor_stream == stream
    only(advice(text), "17: metrics.2.anchor: is anchored on an event after assignment")


COVARIATE = "covariates:\n  a: {kind: count, events: orders, window: {start: -90d, end: 0d}}\n"


@pytest.mark.parametrize("kind", ["count", "sum", "conversion"])
def test_covariates_of_events(kind: str) -> None:
    text = EVENTS + changed(COVARIATE, ("count", kind))
    covariate = loaded(text).spec.covariates["a"]
    assert isinstance(covariate, EventCovariate)
    as_metric = covariate.metric("a")
    assert (as_metric.kind, as_metric.events) == (kind, "orders")
    assert (as_metric.window.start, as_metric.window.end) == (timedelta(-90), timedelta(0))


def test_covariates_of_columns() -> None:
    column = "covariates:\n  tier: {kind: column, column: tier}\n"
    assert faults(COLUMNS + column) == []
    only(faults(EVENTS + column), r"18: covariates.tier: reads a column, but the data has no units")
    outcome = COLUMNS + changed(column, ("column: tier", "column: retained"))
    only(
        faults(outcome), "14: covariates.tier.column: is 'retained', an outcome: retained reads it"
    )
    opened = COLUMNS + changed(column, ("column: tier", "column: opened"))
    only(
        advice(opened), "14: covariates.tier.column: is 'opened', which sounds like something after"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("end: 0d", "end: 1d", ".window: reaches past the anchor, where the treatment may have"),
        ("start: -90d", "start: 0d", ".window: must end after its start"),
        ("kind: count", "kind: retention", ".kind: is 'retention', which is no kind abtest knows"),
        ("events: orders", "events: order", r".events: is 'order', which is no stream"),
    ],
)
def test_covariates_that_make_no_sense(old: str, new: str, message: str) -> None:
    found = faults(EVENTS + changed(COVARIATE, (old, new)))
    only(found, rf"18: covariates.a{message}")


def test_covariates_that_the_data_cannot_give() -> None:
    text = EVENTS + changed(COVARIATE, ("count, events: orders", "sum, events: refunds"))
    only(faults(text), "13: data.events.refunds.value: is missing; covariate a adds it up")
    events = "  events: {orders: {path: o.csv, at: t}}\nmetrics:"
    without = changed(COLUMNS, ("metrics:", events)) + COVARIATE
    only(faults(without), "15: covariates.a: counts events, but the data has no assignments")
