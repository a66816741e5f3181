"""Tables in a real PostgreSQL server."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abtest import DataError, analyze
from abtest.instants import to_microseconds
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.duckdb_postgres import PostgresTable
from abtest.sources.tables import EventsTable
from abtest.sources.wanted import Wanted
from postgres_server import PASSWORD, Postgres, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

NINE = to_microseconds(datetime(2026, 1, 5, 9, tzinfo=UTC))
SCHEMA = """
CREATE TABLE orders (
    id bigint, customer varchar, amount numeric(10, 2), at timestamptz, local timestamp, day date,
    paid boolean, score double precision, code numeric(10, 2), note text,
    mood mood, "Odd ""name" int
);
INSERT INTO orders VALUES
    (1, '007', 1.50, '2026-01-05 10:00+01', '2026-01-05 10:00', '2026-01-05', true, 0.1, 17850.00,
     E'a "word",\\nquoted', 'good', 1),
    (2, ' 7', NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, '', NULL, NULL),
    (3, 'آ', 2.00, '2026-01-06', '2026-01-06', '2026-01-06', false, 2, 8, 'x', 'bad', 2),
    (3, 'آ', 2.00, '2026-01-06', '2026-01-06', '2026-01-06', false, 2, 8, 'x', 'bad', 2),
    (3, 'آ', 2.00, '2026-01-06', '2026-01-06', '2026-01-06', false, 2, 8, 'y', 'bad', 2);
CREATE SCHEMA sales;
CREATE VIEW sales.big AS SELECT * FROM orders WHERE amount > 1.6;
CREATE TABLE twins (id int, "ID" int);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install abtest[postgres]")
    with postgres(tmp_path_factory.mktemp("server")) as found:
        found.run(f"CREATE TYPE mood AS ENUM ('good', 'bad'); {SCHEMA}")
        yield found


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def table(server: Postgres, **block: Any) -> EventsTable:
    given = block or {"table": "orders"}
    return EventsTable.model_validate({"path": server.address, "at": "at", "id": "id", **given})


def rows(server: Postgres, *wanted: tuple[str, Any], **block: Any) -> list[tuple[Any, ...]]:
    engine = DuckDBEngine(Path(), "Europe/Berlin", {})
    columns = [Wanted(f"{column}:{type_}", column, type_) for column, type_ in wanted]
    found = engine.collect(engine.scan("orders", table(server, **block), columns))
    return sorted((tuple(row.values()) for row in found), key=repr)


pytestmark = pytest.mark.integration


def test_every_type_is_read(server: Postgres) -> None:
    found = rows(
        server,
        ("id", "text"),
        ("customer", "text"),
        ("amount", "number"),
        ("at", "instant"),
        ("local", "instant"),
        ("paid", "flag"),
        ("score", "number"),
        ("code", "text"),
        ("note", "text"),
        ("mood", "text"),
        ('Odd "name', "text"),
    )
    day = NINE // 86_400_000_000
    first = ("1", "007", 1.5, NINE, day, NINE, day, 1, 0.1, "17850", 'a "word",\nquoted', "good",
             "1")  # fmt: skip
    assert found[0] == first
    nothing = ("2", " 7", *[None] * 11)
    assert found[1] == nothing
    assert [row[10] for row in found[2:]] == ["x", "x", "y"]


def test_dates_start_in_the_zone(server: Postgres) -> None:
    midnight = to_microseconds(datetime(2026, 1, 4, 23, tzinfo=UTC))
    assert rows(server, ("day", "instant"))[0][0] == midnight


def test_views_schemas_and_queries(server: Postgres) -> None:
    assert rows(server, ("customer", "text"), table="sales.big") == [("آ",)] * 3
    assert rows(server, ("customer", "text"), table="public.orders")[0] == (" 7",)
    query = "SELECT customer, at, id FROM orders WHERE id < 2 -- the first;"
    assert rows(server, ("customer", "text"), query=query) == [("007",)]
    query = "SELECT customer, at, id FROM orders WHERE id < 2;\n"
    assert rows(server, ("customer", "text"), query=query) == [("007",)]


def test_integers_copies_and_fingerprints(server: Postgres) -> None:
    engines = [DuckDBEngine(Path(), "UTC", {}) for _ in range(2)]
    shuffled = {"query": "SELECT * FROM orders ORDER BY random()"}
    for engine, block in zip(engines, ({"table": "orders"}, shuffled), strict=True):
        engine.collect(
            engine.scan("orders", table(server, **block), [Wanted("c", "customer", "text")])
        )
    assert engines[0].fingerprints() == engines[1].fingerprints()
    assert len(engines[0].fingerprints()["orders"]) == 64
    # Three rows agree in the columns that were read, but one of them differs in its note.
    assert engines[0].copies("orders", table(server)).found == 1
    assert engines[0].holds_integers("orders", table(server), "id")
    assert not engines[0].holds_integers("orders", table(server), "code")


def test_only_the_columns_that_are_needed_travel(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    original = PostgresTable.copy_to

    def spy(self: PostgresTable, path: Path, columns: Any) -> None:
        asked.append(tuple(columns))
        original(self, path, columns)

    monkeypatch.setattr(PostgresTable, "copy_to", spy)
    engine = DuckDBEngine(Path(), "UTC", {})
    wanted = [Wanted("u", "customer", "text")]
    block = table(
        server, table="orders", value="amount", keep=({"column": "paid", "equals": "true"},)
    )
    engine.collect(engine.scan("orders", block, wanted))
    engine.collect(engine.scan("orders", block, [Wanted("v", "amount", "number")]))
    engine.copies("orders", block)
    assert [sorted(columns) for columns in asked] == [
        ["abtest:row", "amount", "at", "customer", "id", "paid"]
    ]


def test_nothing_can_be_changed(server: Postgres) -> None:
    query = "DELETE FROM orders RETURNING id, customer, at"
    with pytest.raises(DataError, match="cannot be read: "):
        rows(server, ("customer", "text"), query=f"WITH x AS ({query}) SELECT * FROM x")
    assert len(rows(server, ("customer", "text"))) == 5


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"table": "order"},
            r'no table .order.\n  Hint: did you mean "orders"\? It has: .*orders, sal',
        ),
        ({"table": "nope.orders"}, "no table 'nope.orders'"),
        ({"query": "SELECT * FROM nope"}, 'relation "nope" does not exist'),
        ({"query": "SELECT id, id FROM orders"}, "more than one column called 'id'"),
        ({"table": "twins"}, "columns 'id' and 'ID', which differ in case only"),
    ],
)
def test_what_is_not_there(server: Postgres, block: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(server, ("customer", "text"), **block)


def test_a_wrong_password_appears_nowhere(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "another-s3cret")
    with pytest.raises(DataError, match=r"password authentication failed") as caught:
        rows(server, ("customer", "text"))
    assert "s3cret" not in str(caught.value)


def test_no_server(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install abtest[postgres]")
    with pytest.raises(
        DataError, match=r"shop, table orders cannot be read: .*\n  Hint: Is the se"
    ):
        PostgresTable(f"postgresql://crm@/shop?host={tmp_path}", "orders", None)


def test_the_password_is_refused_in_an_address(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path, "UTC", {"orders": "postgresql://crm:s3cret@localhost/shop"})
    with pytest.raises(DataError, match="holds a password") as caught:
        engine.columns("orders", EventsTable(path="x", at="at", table="orders"))
    assert "s3cret" not in str(caught.value)


def test_an_address_without_a_table() -> None:
    with pytest.raises(DataError, match=r"^postgresql://db/shop is a database; it must say which"):
        PostgresTable("postgresql://crm@db/shop", None, None)


def test_the_driver_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DataError, match=r"needs the driver psycopg.*\n  Hint: pip install 'abtest"):
        PostgresTable(f"postgresql://crm@/shop?host={tmp_path}", "orders", None)


def test_a_whole_analysis_never_shows_the_password(server: Postgres) -> None:
    server.run(
        "CREATE TABLE assigned AS SELECT i AS id, CASE WHEN i % 2 = 0 THEN 'control' ELSE 'coupon' "
        "END AS variant, timestamptz '2026-01-05 10:00+01' AS assigned_at "
        "FROM generate_series(1, 100) AS i;"
        "CREATE TABLE log AS SELECT i AS id, timestamptz '2026-01-07' AS at, 5.25 AS amount "
        "FROM generate_series(1, 100, 3) AS i;"
    )
    spec = {
        "spec": "abtest/v1",
        "key": "by-server",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": {
            "as_of": "2026-03-01",
            "assignments": {"path": server.address, "table": "assigned"},
            "events": {
                "orders": {
                    "path": server.address,
                    "query": "SELECT * FROM log",
                    "at": "at",
                    "value": "amount",
                }
            },
        },
        "metrics": [
            {"key": "bought", "kind": "conversion", "events": "orders", "window": {"end": "30d"},
             "role": "primary"},
            {"key": "revenue", "kind": "sum", "events": "orders", "window": {"end": "30d"}},
        ],
    }  # fmt: skip
    result = analyze(spec).to_dict()
    values = {
        record["metric"]: (record["value"], record["value_control"]) for record in result["results"]
    }
    # Of the ids 1, 4, ..., 100 seventeen are even.
    assert values["bought"] == (17 / 50, 17 / 50)
    assert values["revenue"] == pytest.approx((17 * 5.25 / 50, 17 * 5.25 / 50), rel=1e-15)
    assert sorted(result["data_fingerprints"]) == ["assignments", "orders"]
    assert PASSWORD not in json.dumps(result)
