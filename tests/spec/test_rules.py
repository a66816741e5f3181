"""Each rule between the parts of a spec, broken and kept."""

from __future__ import annotations

import re

import pytest

from specs import COLUMNS, EVENTS, changed, faults

V = "  - {key: control, control: true}\n  - {key: coupon}\n"
LOG = changed(
    EVENTS,
    (V, "  - {key: everyone}\n"),
    ("{path: assigned.csv}", "{from_events: orders}"),
)
RATIO = "  - {key: aov, kind: ratio, numerator: revenue, denominator: n}\n"
COUNT = "  - {key: n, kind: count, events: orders, window: {end: 30d}}\n"


def weights(*given: int | None) -> str:
    lines = [f"  - {{key: v{i}, weight: {w}}}\n" for i, w in enumerate(given) if w is not None]
    lines += [f"  - {{key: v{i}}}\n" for i, w in enumerate(given) if w is None]
    lines[0] = lines[0].replace("}", ", control: true}")
    return changed(EVENTS, (V, "".join(lines)))


@pytest.mark.parametrize("given", [(50, 50), (50, 25, 25), (1, 1), (2, 1), (20, 20), (33, 33, 33)])
def test_weights_that_can_be_meant(given: tuple[int, ...]) -> None:
    assert faults(weights(*given)) == []


@pytest.mark.parametrize("given", [(500, 250, 250), (9_000, 1_000), (100, 0), (9, 8), (None, None)])
def test_weights_in_other_parts(given: tuple[int | None, ...]) -> None:
    assert faults(weights(*given)) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((50, 40), "has weights that sum to 90; they must sum to 100\n  Hint: shares sum to 100"),
        ((60, 50), "has weights that sum to 110; they must sum to 100"),
        ((0, 0), "has weights that sum to 0; at least one must be positive"),
        ((50, None), "has weights for some variants but not for v1\n  Hint: give every variant"),
    ],
)
def test_weights_that_cannot(given: tuple[int | None, ...], message: str) -> None:
    found = faults(weights(*given))
    assert len(found) == 1
    assert re.match(f"5: variants: {message}", found[0]), found


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (
            "  - {key: a}\n  - {key: b}\n",
            "5: variants: has no control; it must have exactly one\n  Hint: mark one variant with",
        ),
        (
            "  - {key: a, control: true}\n  - {key: b, control: true}\n",
            r"5: variants: has 2 controls \(a, b\); it must have exactly one",
        ),
        (
            "  - {key: a, control: true}\n  - {key: a}\n",
            "5: variants: has 2 variants called 'a'; keys must differ",
        ),
        (
            "  - {key: 1, control: true}\n  - {key: '1'}\n",
            "5: variants: has 2 variants called '1'; keys must differ",
        ),
    ],
)
def test_variants(variants: str, message: str) -> None:
    found = faults(changed(EVENTS, (V, variants)))
    assert len(found) == 1, found
    assert re.match(message, found[0]), found


def test_variants_or_factors() -> None:
    none = faults(changed(EVENTS, ("variants:\n" + V, "")))
    assert len(none) == 1
    assert none[0].startswith("1: variants: is missing; a spec must have variants, or factors")
    both = EVENTS + (
        "factors:\n  order: [gift]\n  levels: {gift: [false, true]}\n  control: {gift: false}\n"
    )
    assert faults(both) == [
        (
            "17: factors: is there as well as variants; it must be one of the two\n"
            "  Hint: with factors the variants are the cells"
        )
    ]
    assert faults(changed(both, ("variants:\n" + V, ""))) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key: revenue", "key: again", "14: metrics: has 2 metrics called 'again'; keys must diff"),
        (", role: primary", "", "14: metrics: has no primary metric.*\n  Hint: add `role: pri"),
        ("events: orders, window: {end: 30d}, role", "events: order, window: {end: 30d}, role",
         '15: metrics.0.events: is .order., which is no stream of data.events\n.*"orders"'),
        (", value: amount", "", "12: data.events.orders.value: is missing; metric revenue adds it"),
        ("unit: id", "unit: null", "4: unit: is null; with assignments it must name the column"),
        (
            "data:\n",
            "data:\n  units: {path: u.csv, variant: v}\n",
            "8: data: has assignments as well as units.variant; it must say once",
        ),
    ],
)  # fmt: skip
def test_metrics_on_events(old: str, new: str, message: str) -> None:
    found = faults(changed(EVENTS, (old, new)))
    assert len(found) == 1, found
    assert re.match(message, found[0]), found


def test_events_need_assignments() -> None:
    found = faults(changed(EVENTS, ("  assignments: {path: assigned.csv}\n", "")))
    assert found[0].startswith("8: data: says nowhere who got which variant; it must have")
    assert [fault[:52] for fault in found[1:]] == [
        "14: metrics.0: counts events, but the data has no as",
        "15: metrics.1: counts events, but the data has no as",
    ]


def test_columns_need_unit_rows() -> None:
    metric = "  - {key: spend, kind: mean, column: spend}\n"
    found = faults(EVENTS + metric)
    assert len(found) == 1
    assert found[0].startswith("17: metrics.2: reads a column, but the data has no unit rows")
    assert faults(COLUMNS + metric.replace("key: spend", "key: other")) == []


def test_a_log_has_one_variant() -> None:
    assert faults(LOG) == []
    found = faults(changed(EVENTS, ("{path: assigned.csv}", "{from_events: orders}")))
    assert len(found) == 1
    assert found[0].startswith("10: data.assignments.from_events: enrols every unit in one variant")
    found = faults(changed(LOG, ("from_events: orders", "from_events: ordrs")))
    assert found == [
        (
            "9: data.assignments.from_events: is 'ordrs', which is no stream of data.events\n"
            '  Hint: did you mean "orders"?'
        )
    ]


def test_a_single_variant_needs_neither_control_nor_primary_metric() -> None:
    assert faults(changed(LOG, (", role: primary", ""))) == []


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        (RATIO.replace("revenue", "revenu"), "numerator: is 'revenu', which is no metric\n.*reven"),
        (RATIO.replace("r: n", "r: again"), "denominator: is 'again', a conversion; it must be a"),
    ],
)
def test_parts_of_a_ratio(ratio: str, message: str) -> None:
    assert faults(EVENTS + COUNT + RATIO) == []
    found = faults(EVENTS + COUNT + ratio)
    assert len(found) == 1, found
    assert re.match(f"18: metrics.3.{message}", found[0]), found


@pytest.mark.parametrize("part", ["window: {end: 60d}", "window: {end: 30d}, anchor: first_event"])
def test_parts_of_a_ratio_agree(part: str) -> None:
    found = faults(EVENTS + COUNT.replace("window: {end: 30d}", part) + RATIO)
    assert found == [
        "18: metrics.3: has parts with different windows, anchors or maturity; they must agree"
    ]


def test_parts_of_a_ratio_may_be_columns_of_unit_rows() -> None:
    assert faults(COLUMNS + RATIO) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("assignment: {overrides: {C1: cupon}}", 'overrides.C1: is .cupon., .*\n.*"coupon"'),
        ("assignment: {overrides: {C1: 7}}", "overrides.C1: is '7', which is no variant"),
        ("analysis: {methods: {agin: {kind: welch}}}", 'methods.agin: is no metric\n.*"again"'),
        ("analysis: {methods: {again: {kind: welch}}}", "again: is welch, which does not fit a co"),
        ("analysis: {covariates: [pre]}", "covariates.0: is 'pre', which is no covariate"),
        ("assignment: {stratify: id}", "stratify: is 'id', the unit itself"),
        (
            "covariates: {pre: {kind: count, events: x, window: {start: -9d, end: 0d}}}",
            "covariates.pre.events: is 'x', which is no stream of data.events",
        ),
        ("decision: {value: {events: x}}", "decision.value.events: is 'x', which is no stream"),
        ("decision: {redemptions: refund}", 'decision.redemptions: .*\n.*"refunds"'),
        ("decision: {horizon: 0d}", "decision.horizon: is 0d; it must be above 0d"),
    ],
)
def test_names_that_are_not_declared(more: str, message: str) -> None:
    found = faults(f"{EVENTS}{more}\n")
    assert len(found) == 1, found
    assert re.match(f"17: .*{message}", found[0]), found


@pytest.mark.parametrize(
    "more",
    [
        "assignment: {overrides: {C1: coupon}}",
        "analysis: {methods: {revenue: {kind: welch}}}",
        (
            "covariates: {a: {kind: count, events: orders, window: {start: -9d, end: 0d}}}\n"
            "analysis: {covariates: [a]}"
        ),
        "decision: {value: {events: orders}, redemptions: refunds, horizon: 60d}",
    ],
)
def test_names_that_are(more: str) -> None:
    assert faults(f"{EVENTS}{more}\n") == []


def test_money_from_a_price_needs_what_the_goods_cost() -> None:
    pricing = changed(EVENTS, ("messaging", "pricing")) + "decision: {value: {events: orders}"
    found = faults(pricing + "}\n")
    assert len(found) == 1
    assert found[0].startswith("17: decision: asks for money but has no unit_cost\n  Hint: a price")
    assert faults(pricing + ", unit_cost: {column: cogs}}\n") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "value: amount",
            "value: amount, lag: -2d",
            "12: data.events.orders.lag: is -2d; .* 0d or",
        ),
        (
            "kind: conversion",
            "kind: repeat_purchase, prior: {lookback: -9d}",
            "15: metrics.0.prior.lookback: is -9d; it must be above 0d\n  Hint: 365d",
        ),
    ],
)
def test_lengths_of_time_that_cannot_be_negative(old: str, new: str, message: str) -> None:
    found = faults(changed(EVENTS, (old, new)))
    assert len(found) == 1, found
    assert re.match(message, found[0]), found


@pytest.mark.parametrize(
    "block",
    [
        "5",
        "{kind: colum, column: age}",
        "{kind: count, events: orders, window: {start: -30d, end: 3d}}",
    ],
)
def test_a_broken_covariate_is_one_fault(block: str) -> None:
    """That it is no covariate then would be a second, and misleading."""
    found = faults(f"{EVENTS}covariates: {{before: {block}}}\nanalysis: {{covariates: [before]}}\n")
    assert found
    assert not any("no covariate" in fault for fault in found)
