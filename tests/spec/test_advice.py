"""What is allowed but probably not meant."""

from __future__ import annotations

import re

import pytest

from specs import COLUMNS, EVENTS, advice, changed


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert advice(EVENTS) == advice(COLUMNS) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [("messaging", "pricing"), ("control: true}", "control: true, payload: {price: 9}}")],
            "7: variants.1: is a pricing experiment, but coupon has no price.*\n  Hint: add `payl",
        ),
        (
            [("messaging", "incentive_mix")],
            "7: variants.1: is an incentive, but coupon has no cost\n  Hint: add `cost: ",
        ),
        (
            [("assigned.csv", "openers.csv")],
            "10: data.assignments.path: is 'openers.csv', which sounds like a population defined",
        ),
        (
            [("{path: assigned.csv}", "{path: a.csv, keep: [{column: clicked, equals: 1}]}")],
            "10: data.assignments.keep.0: keeps units by 'clicked', which happens after",
        ),
        (
            [("role: primary", "role: primary, anchor: first_event")],
            "15: metrics.0.anchor: is anchored on an event after assignment.*\n  Hint: its numbers",
        ),
        (
            [("role: primary", "role: primary, maturity: all")],
            "15: metrics.0.maturity: counts units whose window is not over.*\n.*`maturity: complet",
        ),
        (
            [("{end: 30d}, role", "{start: -30d, end: 30d}, role")],
            "15: metrics.0.window: starts before the anchor.*\n  Hint: start at 0d",
        ),
        (
            [("{end: 30d}}\n", "{end: 30d}, role: guardrail}\n")],
            "16: metrics.1: is a guardrail without a margin.*\n  Hint: add `non_inferiority_margin",
        ),
        ([("key: coupon", 'key: "\u200fcoupon"')], r"7: variants.1.key: is '\\u200fcoupon', with"),
        ([("key: coupon", "key: 'coupon '")], "7: variants.1.key: is 'coupon ', with blanks or"),
    ],
)
def test_advice(changes: list[tuple[str, str]], message: str) -> None:
    found = advice(changed(EVENTS, *changes))
    assert len(found) == 1, found
    assert re.match(message, found[0]), found


@pytest.mark.parametrize(
    "changes",
    [
        [
            ("messaging", "pricing"),
            ("control: true}", "control: true, payload: {price: 9}}"),
            ("key: coupon", "key: coupon, payload: {price_eur: 8}"),
        ],
        [("messaging", "incentive_mix"), ("key: coupon", "key: coupon, cost: {fixed: 1}")],
        [("messaging", "incentive_mix"), ("assigned.csv", "openers.csv"),
         ("key: coupon", "key: coupon, cost: {fixed: 1}")],
        [("assigned.csv", "opening_offer.csv")],
        [("key: coupon", "key: کوپن‌ویژه")],  # the joiner is part of the Persian word
        [("{end: 30d}}\n",
          "{end: 30d}, role: guardrail, non_inferiority_margin: {absolute: 1}}\n")],
    ],
)  # fmt: skip
def test_no_advice(changes: list[tuple[str, str]]) -> None:
    assert advice(changed(EVENTS, *changes)) == []


def test_segments_after_the_treatment() -> None:
    found = advice(EVENTS + "analysis: {segments: [opened, country]}\n")
    assert len(found) == 1
    assert found[0].startswith("17: analysis.segments.0: is 'opened', which sounds like something")


def test_a_log_is_anchored_on_what_it_likes() -> None:
    text = changed(
        EVENTS,
        ("  - {key: coupon}\n", ""),
        ("{path: assigned.csv}", "{from_events: orders}"),
        ("role: primary", "anchor: first_event"),
    )
    assert advice(text) == []
