"""Rows that are left out on purpose, and how many: nothing is dropped silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from abtest import DataError
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import EventsTable
from abtest.sources.wanted import Wanted
from sources.tables_by_hand import write

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = """order,email,segment,channel,amount,at
1,a@x.org,b2c,web,10,2026-01-01
2,a@shop.example,b2c,web,10,2026-01-02
3,a@shop.example,b2b,web,10,2026-01-03
4,a@x.org,reseller,web,10,2026-01-04
5,a@x.org,b2c,auto,10,2026-01-05
6,,,,10,2026-01-06
C7,a@shop.example,b2c,web,10,2026-01-07
8,a@x.org,b2c,web,-5,2026-01-08
1,a@x.org,b2c,web,10,2026-01-01
1,a@x.org,b2c,web,11,2025-12-31
,a@x.org,b2c,web,10,2026-01-09
,a@x.org,b2c,web,10,2026-01-09
"""
RULES: dict[str, Any] = {
    "id": "order",
    "repeated_ids": "copies",
    "keep": ({"column": "order", "not_starts_with": "C"}, {"column": "amount", "above": 0}),
    "exclude": (
        {"name": "test_customers", "column": "email", "ends_with": "@shop.example"},
        {"column": "segment", "is_in": ("b2b", "reseller")},
    ),
    "renewals": {"column": "channel", "equals": "auto"},
}


def orders(folder: Path, content: str = ORDERS, **block: Any) -> tuple[DuckDBEngine, EventsTable]:
    write(folder / "orders.csv", content)
    table = EventsTable.model_validate({"path": "orders.csv", "at": "at", **block})
    return DuckDBEngine(folder, "UTC", {}), table


def kept(engine: DuckDBEngine, table: EventsTable) -> list[tuple[Any, ...]]:
    wanted = [Wanted("order", "order", "text"), Wanted("amount", "amount", "number")]
    rows = engine.collect(engine.scan("orders", table, wanted))
    return sorted((tuple(row.values()) for row in rows), key=repr)


def test_each_row_counts_under_the_first_rule_that_leaves_it_out(tmp_path: Path) -> None:
    """By hand: C7, 8 and two rows without an order are not kept; 3 is a test before it is b2b."""
    engine, table = orders(tmp_path, **RULES)
    assert engine.left_out("orders", table) == {
        "keep": 4,
        "test_customers": 2,
        "segment": 1,
        "renewals": 1,
        "repeated_ids": 2,
    }
    # Of three rows called 1 the earliest is read; missing cells never meet a rule.
    assert kept(engine, table) == [("1", 11.0), ("6", 10.0)]


def test_rows_read_and_rows_left_out_are_all_rows(tmp_path: Path) -> None:
    engine, table = orders(tmp_path, **RULES)
    total = len(ORDERS.splitlines()) - 1
    assert sum(engine.left_out("orders", table).values()) + len(kept(engine, table)) == total


def test_a_table_without_rules_is_not_read_for_it(tmp_path: Path) -> None:
    engine, table = orders(tmp_path, "order,amount,at\n1,2\n")
    assert engine.left_out("orders", table) == {}
    assert engine.left_out("orders", EventsTable(path="nowhere.csv", at="at")) == {}


def test_rules_that_leave_nothing_out_count_zero(tmp_path: Path) -> None:
    engine, table = orders(tmp_path, exclude=({"column": "segment", "equals": "vip"},))
    assert engine.left_out("orders", table) == {"segment": 0}


def test_rows_without_an_id_are_no_copies_of_each_other(tmp_path: Path) -> None:
    engine, table = orders(tmp_path, id="order", repeated_ids="copies")
    assert [order for order, _ in kept(engine, table)].count(None) == 2
    assert engine.left_out("orders", table) == {"repeated_ids": 2}


def test_copies_by_id_are_no_copies_that_were_kept(tmp_path: Path) -> None:
    content = "order,amount,at\n1,5,2026-01-01\n1,5,2026-01-01\n"
    engine, table = orders(tmp_path, content, id="order", repeated_ids="copies")
    assert engine.copies("orders", table).found == 0
    engine, table = orders(tmp_path, content, id="order")
    assert engine.copies("orders", table).found == 1


def test_lines_of_one_order_stay(tmp_path: Path) -> None:
    engine, table = orders(tmp_path, id="order")
    assert len(kept(engine, table)) == 12


def test_numbers_are_checked_in_rows_that_are_kept(tmp_path: Path) -> None:
    content = "order,kind,amount,at\n1,order,5,\n2,note,n/a,\n3,order,500,\n"
    keep = ({"column": "kind", "equals": "order"},)
    exclude = ({"name": "wholesale", "column": "amount", "above": 100},)
    engine, table = orders(tmp_path, content, keep=keep, exclude=exclude)
    assert kept(engine, table) == [("1", 5.0)]
    assert engine.left_out("orders", table) == {"keep": 1, "wholesale": 1}
    engine, table = orders(tmp_path, content, exclude=exclude)
    with pytest.raises(DataError, match="'amount': 1 value is not a number, the first 'n/a'"):
        kept(engine, table)
    with pytest.raises(DataError, match="'amount': 1 value is not a number, the first 'n/a'"):
        engine.left_out("orders", table)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    for block in (
        {"exclude": ({"column": "segmnt", "equals": "b2b"},)},
        {"renewals": {"column": "segmnt", "equals": "b2b"}},
        {"currency": {"column": "segmnt"}},
        {"id": "segmnt", "repeated_ids": "copies"},
    ):
        engine, table = orders(tmp_path, **block)
        with pytest.raises(
            DataError, match=r"no column 'segmnt'\n  Hint: did you mean \"segment\""
        ):
            kept(engine, table)


MONEY = "order,amount,at,money\n1,5,,EUR\n2,5,,USD\n3,5,,\n4,5,,EUR\n5,5,,USD\n"


@pytest.mark.parametrize("currency", ["EUR", None])
def test_two_currencies_are_refused_with_their_counts(tmp_path: Path, currency: str | None) -> None:
    """Without data.currency the first row says which one it should be."""
    write(tmp_path / "orders.csv", MONEY)
    engine = DuckDBEngine(tmp_path, "UTC", {}, currency=currency)
    table = EventsTable.model_validate(
        {"path": "orders.csv", "at": "at", "currency": {"column": "money"}}
    )
    message = (
        r"'money': 3 rows are not in EUR: USD 2, none 1\n  Hint: Keep one currency with `keep:"
    )
    with pytest.raises(DataError, match=message):
        kept(engine, table)


def test_other_money_than_the_spec_says(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", "order,amount,at,money\n1,5,,EUR\n")
    engine = DuckDBEngine(tmp_path, "UTC", {}, currency="IRR")
    table = EventsTable.model_validate(
        {"path": "orders.csv", "at": "at", "currency": {"column": "money"}}
    )
    with pytest.raises(DataError, match="1 row is not in IRR: EUR 1"):
        kept(engine, table)


def test_one_currency_that_is_kept(tmp_path: Path) -> None:
    keep = ({"column": "money", "equals": "EUR"},)
    engine, table = orders(tmp_path, MONEY, keep=keep, currency={"column": "money"})
    assert [order for order, _ in kept(engine, table)] == ["1", "4"]
    assert engine.left_out("orders", table) == {"keep": 3}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"exclude": ({"column": "x"},)}, "names no condition; it must have one of above, below"),
        ({"exclude": ({"column": "x", "name": "y"},)}, "names no condition"),
        ({"exclude": ({"column": "x", "is_in": ()},)}, "should have at least 1 item"),
        ({"renewals": {"column": "x"}}, "names no condition"),
        ({"net": {"events": "refunds", "by": "amount"}}, "Input should be 'id' or 'unit'"),
        ({"path": "a.csv", "query": "SELECT 1"}, "path that starts with postgresql://"),
        ({"path": "postgresql://a@b/c"}, "must say which `table`, or have a `query`"),
        ({"path": "postgresql://a@b/c", "table": "t", "query": "q"}, "has table and query"),
    ],
)
def test_what_a_spec_cannot_say(block: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EventsTable.model_validate({"path": "a.csv", "at": "at", **block})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://crm:s3cret@db/shop",
        "postgresql://crm:s3@cret@db/shop",
        "postgresql://crm:s3/cret@db/shop",
        "postgres://crm:s3cret@db/shop",
        "postgresql://db/shop?user=crm&password=s3cret",
        "postgresql://db/shop?pass%77ord=s3cret",
        "postgresql://db/shop?sslpassword=s3cret",
    ],
)
def test_a_password_has_no_place_in_a_spec(address: str) -> None:
    with pytest.raises(ValidationError, match="holds a password; it must not"):
        EventsTable.model_validate({"path": address, "at": "at", "table": "orders"})


@pytest.mark.parametrize(
    "address",
    ["postgresql://crm@db:5432/shop", "postgresql://db:5432/shop", "postgresql:///shop?user=crm"],
)
def test_addresses_without_one(address: str) -> None:
    assert EventsTable.model_validate({"path": address, "at": "at", "table": "t"}).path == address
