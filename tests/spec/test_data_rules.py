"""Rules about tables and streams of events."""

from __future__ import annotations

import re

import pytest

from specs import EVENTS, advice, changed, faults, loaded

ORDERS = "orders: {path: orders.csv, at: ordered_at, value: amount}"
REFUNDS = "refunds: {path: refunds.csv, at: refunded_at}"


def streams(orders: str = "", refunds: str = "") -> str:
    """The small spec with more keys for its streams."""
    return changed(
        EVENTS, (ORDERS, f"{ORDERS[:-1]}{orders}}}"), (REFUNDS, f"{REFUNDS[:-1]}{refunds}}}")
    )


def test_a_whole_stream() -> None:
    text = streams(
        ", id: order_id, repeated_ids: copies, currency: {column: money}, decimal: ',', "
        "time: day_number, day_zero: 2026-01-05, net: {events: refunds}, "
        "renewals: {column: channel, is_in: [auto, 7]}, "
        "exclude: [{name: tests, column: email, ends_with: '@shop.example'}]",
        ", id: order_id, value: amount, date_format: '%d.%m.%Y'",
    )
    assert faults(text) == []
    stream = loaded(text).spec.data.events["orders"]
    assert [rule.label for rule in stream.excluded] == ["tests", "renewals"]
    assert stream.excluded[1].is_in == ("auto", "7")
    assert stream.net is not None
    assert stream.net.by == "id"


@pytest.mark.parametrize(
    ("orders", "refunds", "message"),
    [
        (
            ", repeated_ids: copies",
            "",
            "orders.repeated_ids: is copies, but the stream has no `id`",
        ),
        (", day_zero: 2026-01-05", "", "orders.day_zero: is there, but time is timestamp"),
        (", time: epoch_seconds, date_format: '%d.%m.%Y'", "", "time is epoch_seconds; it must be"),
        (", date_format: 'DD.MM.YYYY'", "", r"date_format: is 'DD.MM.YYYY'; it must name a day"),
        (", exclude: [{column: keep, equals: x}]", "", "exclude.0: is called keep, which is what"),
        (
            ", net: {events: refund}",
            "",
            r'net.events: is .refund.*\n  Hint: did you mean "refunds"',
        ),
        (", net: {events: orders}", "", "net.events: is 'orders', which is no other stream"),
        (", net: {events: refunds}", "", "net.by: is id, but not both streams have an `id`"),
        (", net: {events: refunds, by: unit}", "", "net.by: is unit, but not both streams have a"),
        (
            ", id: i, net: {events: refunds}",
            ", id: i, net: {events: orders}",
            "net: takes refunds off, which has a net of its own",
        ),
        (", query: SELECT 1", "", "orders: has a query; it must then have a path that starts with"),
        (", exclude: [{column: x}]", "", "exclude.0: names no condition"),
        (", excludes: [{column: x}]", "", r'unknown key\n  Hint: did you mean "exclude"'),
    ],
)
def test_what_does_not_go_together(orders: str, refunds: str, message: str) -> None:
    found = faults(streams(orders, refunds))
    assert any(re.search(message, fault) for fault in found), found


def test_values_are_taken_off_values() -> None:
    orders = f"{ORDERS.replace(', value: amount', '')[:-1]}, id: i, net: {{events: refunds}}}}"
    refunds = f"{REFUNDS[:-1]}, id: i, value: amount}}"
    found = faults(changed(EVENTS, (ORDERS, orders), (REFUNDS, refunds)))
    wanted = "orders.net: has values to take off (refunds), but this stream has no `value`"
    assert any(wanted in fault for fault in found), found


def test_a_password_is_refused_and_not_shown() -> None:
    address = "postgresql://crm:s3cret@db/shop, table: orders"
    found = faults(changed(EVENTS, ("path: orders.csv", f"path: {address}")))
    assert len(found) == 1
    assert re.match(
        r"\d+: data.events.orders.path: holds a password; .*\n  Hint: .*PGPASSWORD", found[0]
    )
    assert "s3cret" not in found[0]


def test_a_database_needs_a_table() -> None:
    found = faults(changed(EVENTS, ("path: orders.csv", "path: postgresql://crm@db/shop")))
    assert len(found) == 1
    assert re.search("orders: is a database; it must say which `table`.*\n  Hint: add", found[0])


def test_units_left_out_by_what_the_treatment_moves() -> None:
    text = changed(
        EVENTS,
        ("{path: assigned.csv}", "{path: assigned.csv, exclude: [{column: clicked, equals: 1}]}"),
    )
    assert any("leaves units out by 'clicked'" in found for found in advice(text))
