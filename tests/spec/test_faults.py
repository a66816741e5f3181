"""Every fault at once, each with its line, its rule and the nearest valid key; none twice."""

from __future__ import annotations

import re

import pytest

from abtest.errors import SpecError
from abtest.spec import parse_spec
from specs import COLUMNS, EVENTS, changed, faults, loaded

MANY = """\
spec: abtest/v1
key: win back
kind: pricng
unit: id
variants:
  - {key: control, control: true, weight: 50}
  - {key: coupon, weight: 40, pyload: {}}
data:
  assignments: {path: assigned.csv}
  events:
    orders: {path: orders.csv, at: ordered_at}
metrics:
  - {key: a, kind: conversion, events: orders, windw: {end: 30d}}
  - {key: b, kind: sum, events: order, window: {start: 30d, end: 20d}}
  - {key: c, kind: sume, events: orders, window: {end: 20d}}
  - {key: d, kind: ratio, numerator: b, denominator: a}
"""


def test_every_fault_is_listed_at_once_in_file_order() -> None:
    assert faults(MANY) == [
        (
            "2: key: is 'win back'; it must be at most 64 Latin letters, digits, dots, "
            "underscores and hyphens, the first a letter or digit"
        ),
        (
            "3: kind: is 'pricng'; it must be 'pricing', 'messaging' or 'incentive_mix'\n"
            '  Hint: did you mean "pricing"?'
        ),
        (
            "5: variants: has weights that sum to 90; they must sum to 100\n"
            "  Hint: shares sum to 100, 1000 or 10000; "
            "small parts such as 2 and 1 may sum to anything"
        ),
        '7: variants.1.pyload: unknown key\n  Hint: did you mean "payload"?',
        (
            "12: metrics: has no primary metric; it must have at least one\n"
            "  Hint: add `role: primary` to the metric that decides"
        ),
        '13: metrics.0.windw: unknown key\n  Hint: did you mean "window"?',
        (
            "14: metrics.1.events: is 'order', which is no stream of data.events\n"
            '  Hint: did you mean "orders"?'
        ),
        "14: metrics.1.window: ends at 20d, which is not after its start 30d; it must end later",
        (
            "15: metrics.2.kind: is 'sume', which is no kind abtest knows\n"
            '  Hint: did you mean "sum"?'
        ),
    ]


def test_a_mapping_gets_the_same_faults_without_lines() -> None:
    with pytest.raises(SpecError, match="it must be text") as caught:
        parse_spec({"spec": "abtest/v1", "key": 3, "unit": "id"})
    assert {fault.dotted for fault in caught.value.faults} == {
        "key",
        "kind",
        "data",
        "metrics",
        "variants",
    }
    assert {(fault.line, fault.file) for fault in caught.value.faults} == {(0, "")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Words for types: nobody should have to know JSON.
        ("key: winback", "key: 7", '2: key: is 7; it must be text\n  Hint: put it in quotes: "7"'),
        ("key: coupon", "key: true", "7: variants.1.key: is true; it must be text"),
        ("key: coupon", "key: null", "7: variants.1.key: is nothing; it must be text"),
        ("key: coupon", "key: ''", "7: variants.1.key: is ''; it must have at least 1 character"),
        ("key: coupon", "key: x, weight: 0.5", "7: variants.1.weight: is 0.5; .* whole number"),
        ("key: coupon", "key: x, weight: -3", "7: variants.1.weight: .* at least 0$"),
        ("key: coupon", f"key: x, weight: {'9' * 400}", "7: .*weight: .* at most 1,000,000"),
        ("key: coupon", "key: x, cost: 4", "7: variants.1.cost: is 4; it must be a mapping"),
        ("key: coupon", "key: x, payload: 4", "7: variants.1.payload: is 4; it must be a mapping"),
        ("key: coupon", "key: x, cost: {fixed: -1}", "7: .*fixed: is -1; it must be at least 0$"),
        ("key: coupon", "key: x, control: yes", "control: is 'yes'; it must be true or false"),
        ("unit: id", "unit: ''", "4: unit: is ''; it must have at least 1 character"),
        ("as_of: 2026-03-01", "as_of: soon", "9: data.as_of: is 'soon'; it must be a date such"),
        ("as_of: 2026-03-01", "as_of: 0001-01-01T00:00+14:00", "9: .*a year between 1000 and 3000"),
        ("as_of: 2026-03-01", "currency: EUROSANDCENTS", "9: .* it must have at most 10 char"),
        ("{path: assigned.csv}", "assigned.csv", "10: data.assignments: .* must be a mapping"),
        ("{path: assigned.csv}", "[a]", "10: data.assignments: is a list; it must be a mapping"),
        ("{path: assigned.csv}", "{path: ''}", "10: data.assignments.path: is ''; it must have"),
        ("value: amount", "value: 3", "12: .*value: must be a column's name or {product: "),
        ("value: amount", "value: {product: [a]}", "12: .*product.1: is missing"),
        ("value: amount", "value: {product: [a, b, c]}", "12: .* has 3 items; .* at most 2"),
        ("value: amount", "value: {}", "12: .*value: must be a column's name or {product: "),
        ("at: refunded_at", "at: t, keep: [{column: c}]", "13: .*keep.0: names no condition"),
        (
            "at: refunded_at",
            "at: t, keep: [{column: c, abve: 3}]",
            '13: .*keep.0.abve: .*\n.*"above"',
        ),
        ("at: refunded_at", "at: t, lag: 2", "13: .*lag: is 2; .* such as 30d, 12h or 4w"),
        ("{end: 30d}, role", "30d, role", "15: metrics.0.window: is '30d'; it must be a mapping"),
        ("{end: 30d}, role", "{end: 30}, role", "15: metrics.0.window.end: is 30; it must be a le"),
        ("{end: 30d}, role", "{end: \u0663\u0660d}, role", "15: .*end: is '\u0663\u0660d'; it"),
        ("{end: 30d}, role", "{end: 0d}, role", "15: .*window: ends at 0d, .*after its start 0d"),
        (
            "{end: 30d}, role",
            "{end: 36h, calendar: true}, role",
            "15: .*window: counts calendar days; start and end must be whole days",
        ),
        (
            "role: primary",
            "role: primary, mde: {relative: 0}",
            "15: .*relative: is 0; it must be above 0$",
        ),
        (
            "role: primary",
            "role: primary, mde: {}",
            "15: .*mde: must name exactly one of relative and absolute",
        ),
        ("kind: conversion, ", "", "15: metrics.0: has no kind\n  Hint: add `kind: "),
        ("kind: conversion", "kind: null", "15: metrics.0.kind: is nothing, which is no kind"),
        ("kind: conversion", "kind: [a]", "15: metrics.0.kind: is a list, which is no kind"),
        ("kind: conversion", "kind: convrsion", '15: metrics.0.kind: .*\n.*"conversion"'),
        (
            "kind: conversion",
            "kind: repeat_purchase, anchor: first_event, prior: {lookback: 9d}",
            "15: metrics.0: has a prior, which needs the anchor to be assignment",
        ),
        ("spec: abtest/v1", "spec: abtest/v2", "1: spec: is 'abtest/v2'; it must be 'abtest/v1'"),
    ],
)
def test_one_wrong_value_is_one_fault(old: str, new: str, message: str) -> None:
    found = faults(changed(EVENTS, (old, new)))
    more = "weight" in new and "has weights for some" in str(found)
    assert len(found) - more == 1, found
    assert any(re.search(message, fault) for fault in found), found


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("schedule: {timezone: Europe/Belin}", 'timezone: .*IANA.*\n.*did you mean "Europe/Berlin'),
        ("schedule: {timezone: x}", "timezone: is 'x'; it must be a zone of the IANA database"),
        ("schedule: {start: 2026-13-01}", "start: is '2026-13-01'; it must be a date such as 2026"),
        ("schedule: {start: 2026-W10-1}", "start: .* it must be a date such as 2026-01-05$"),
        ("schedule: {start: 2026-01-05T09:00}", "start: .* it must be a date such as 2026-01-05$"),
        (
            "schedule: {start: 2026-03-01, enrol_until: 2026-03-01}",
            "schedule: enrols until 2026-03-01, which is not after its start 2026-03-01",
        ),
        ("assignment: {coverage: 0.12345}", "coverage: is 0.12345; it must have at most four dec"),
        ("assignment: {coverage: 10}", "coverage: is 10; it must be at most 1$"),
        ("assignment: {coverage: '1'}", "coverage: is '1'; it must be a number$"),
        ("assignment: {coverage: .nan}", "coverage: is '.nan'; it must be a number$"),
        ("assignment: {seed: 'a:b'}", "seed: is 'a:b'; it must be at most 64 Latin letters"),
        ("assignment: {hash: md5}", "hash: is 'md5'; it must be 'sha256-52'$"),
        ("assignment: {layer: {key: a, slots: [5]}}", "slots.0: is 5; it must be a list$"),
        ("assignment: {layer: {key: a, slots: []}}", "slots: has 0 items; .* at least 1$"),
        ("assignment: {phases: [{form: 2026-01-05, coverage: 1}]}", 'form: .*\n.*"from"'),
        ("analysis: {alpha: 1}", "alpha: is 1; it must be below 1$"),
        ("analysis: {methods: {again: {kind: welsh}}}", 'again.kind: .*\n.*"welch"'),
        ("analysis: {methods: {again: welch}}", "again: is 'welch'; it must be a mapping"),
        ("analysis: {methods: {a b: {kind: welch}}}", "a b: is 'a b'; it must be at most 64"),
        ("analysis: {bayes: {modl: x}}", 'modl: unknown key\n.*"model"'),
        ("analysis: {sequential: {engine: x}}", "engine: is 'x'; it must be 'lan_demets' or"),
        (
            "analysis: {sequential: {engine: lan_demets, looks: 0}}",
            "looks: is 0; it must be 'nightly' or at least 1$",
        ),
        ("decision: {rule: {require: [primry]}}", 'require.0: .*\n.*"primary"'),
        ("decision: {margin_pct: .inf}", "margin_pct: is '.inf'; it must be a number$"),
        ("zzz: 1", "zzz: unknown key\n  Hint: it can be spec, key, title, "),
        (
            "covariates: {a: {kind: count, events: orders, window: {start: 0d, end: 3d}}}",
            "window: reaches past the anchor, .*; it must end by 0d",
        ),
        (
            "covariates: {a: {kind: count, events: orders, window: {start: 0d, end: 0d}}}",
            "window: must end after its start",
        ),
    ],
)
def test_one_wrong_block_is_one_fault(more: str, message: str) -> None:
    found = faults(f"{EVENTS}{more}\n")
    assert len(found) == 1, found
    assert re.search(f"^17: .*{message}", found[0]), found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("variants:", "varaints:", '5: varaints: unknown key\n.*"variants"'),
        ("assignments:", "asignments:", '10: data.asignments: unknown key\n.*"assignments"'),
        ("metrics:", "metric:", '14: metric: unknown key\n.*"metrics"'),
        ("data:", "dta:", '8: dta: unknown key\n.*"data"'),
        ("unit: id", "untis: id", '4: untis: unknown key\n.*"unit"'),
        ("control: true", "contrl: true", '6: variants.0.contrl: unknown key\n.*"control"'),
        ("role: primary", "rle: primary", '15: metrics.0.rle: unknown key\n.*"role"'),
        ("role: primary", "role: primry", "15: metrics.0.role: is 'primry'"),
        ("value: amount", "vale: amount", '12: .*vale: unknown key\n.*"value"'),
        ("{path: assigned.csv}", "{pth: assigned.csv}", '10: .*pth: unknown key\n.*"path"'),
        ("at: ordered_at", "att: ordered_at", '12: .*orders.att: unknown key\n.*"at"'),
        ("control: true", "control: yes", "6: variants.0.control: is 'yes'"),
        ("{end: 30d}, role", "{end: x}, role", "15: metrics.0.window.end: is 'x'"),
        ("unit: id", "unit: 3", "4: unit: is 3; it must be text"),
        ("  events:\n", "  evnts:\n", '11: data.evnts: unknown key\n.*"events"'),
    ],
)
def test_what_only_follows_from_a_fault_is_not_said(old: str, new: str, message: str) -> None:
    found = faults(changed(EVENTS, (old, new)))
    assert len(found) == 1, found
    assert re.search(message, found[0]), found


def test_a_misspelt_weight_is_not_also_a_missing_one() -> None:
    text = changed(EVENTS, ("control: true", "control: true, weight: 50"))
    found = faults(changed(text, ("key: coupon", "key: coupon, wieght: 50")))
    assert found == ['7: variants.1.wieght: unknown key\n  Hint: did you mean "weight"?']


def test_rules_still_run_where_the_only_metric_has_a_fault() -> None:
    text = changed(
        COLUMNS, ("key: control,", "key: control, weight: 50,"), ("kind: mean", "kind: m")
    )
    text = changed(
        text, ("key: coupon", "key: coupon, weight: 40"), ("column: retained", "colum: x")
    )
    assert [fault.partition(":")[0] for fault in faults(text)] == ["5", "11", "12"]


@pytest.mark.parametrize("block", ["data: [1]", "data:", "data: 3"])
def test_rules_about_data_wait_for_data(block: str) -> None:
    head, tail = EVENTS[: EVENTS.index("data:")], EVENTS[EVENTS.index("metrics:") :]
    found = faults(f"{head}{block}\n{tail}")
    assert len(found) == 1, found
    assert "8: data: is " in found[0]
    assert "it must be a mapping" in found[0]


@pytest.mark.parametrize(
    ("block", "count"),
    [("metrics: []", 1), ("metrics:", 1), ("metrics: x", 1), ("metrics: [m, 3, null]", 4)],
)
def test_metrics_that_are_none(block: str, count: int) -> None:
    found = faults(EVENTS[: EVENTS.index("metrics:")] + block + "\n")
    assert len(found) == count, found


def test_places_count_every_item_of_the_file() -> None:
    """The fault of the last metric keeps its place although two before it were taken out."""
    text = EVENTS + (
        "  - {key: x, kind: nothing}\n"
        "  - {key: y, kind: count, events: orders, window: {end: 0d}}\n"
        "  - {key: z, kind: ratio, numerator: revenu, denominator: again}\n"
    )
    assert [fault.partition(" is ")[0] for fault in faults(text)] == [
        "17: metrics.2.kind:",
        "18: metrics.3.window: ends at 0d, which",
        "19: metrics.4.denominator:",
        "19: metrics.4.numerator:",
    ]


def test_a_block_style_spec_names_the_line_of_each_key() -> None:
    text = EVENTS + (
        "  - key: orders_30d\n    kind: count\n    events: ordrs\n    window:\n      ende: 30d\n"
    )
    found = faults(text)
    assert found == [
        (
            "19: metrics.2.events: is 'ordrs', which is no stream of data.events\n"
            '  Hint: did you mean "orders"?'
        ),
        '21: metrics.2.window.ende: unknown key\n  Hint: did you mean "end"?',
    ]


def test_a_valid_spec_has_no_faults() -> None:
    assert faults(EVENTS) == faults(COLUMNS) == []
    assert loaded(EVENTS).spec.key == "winback"
