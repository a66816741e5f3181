"""The local day of an instant, and copies in long tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.instants import epoch_day, to_microseconds
from abtest.sources import duckdb_engine
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.duckdb_times import day_sql
from abtest.sources.tables import Table
from abtest.sources.zones import modern_span, zone_span

if TYPE_CHECKING:
    from pathlib import Path

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Asia/Tehran",
    "Asia/Riyadh",
    "America/St_Johns",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/Caracas",
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def days(zone: str, moments: list[datetime]) -> list[int]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE TABLE t (place INTEGER, moment BIGINT)")
    rows = [f"({place}, {to_microseconds(moment)})" for place, moment in enumerate(moments)]
    connection.execute(f"INSERT INTO t VALUES {', '.join(rows)}")
    found = connection.execute(f"SELECT {day_sql('moment', zone)} FROM t ORDER BY place").fetchall()
    return [day for (day,) in found]


@pytest.mark.parametrize("zone", ZONES)
def test_days_around_every_change_of_a_zone_are_those_of_zoneinfo(zone: str) -> None:
    info = ZoneInfo(zone)
    moments = [EPOCH + timedelta(microseconds=change.at) for change in modern_span(zone).changes]
    near = [moment + step for moment in moments for step in (-SECOND, 0 * SECOND, SECOND)]
    midnights = [
        datetime(year, month, 1, tzinfo=info).astimezone(UTC) + step
        for year in (1969, 1971, 2011, 2012, 2022, 2026, 2099)
        for month in range(1, 13)
        for step in (-SECOND, 0 * SECOND)
    ]
    everything = [*near, *midnights]
    assert days(zone, everything) == [epoch_day(m.astimezone(info)) for m in everything]


@given(st.sampled_from(ZONES), st.integers(-315_619_200, 4_070_908_800))
def test_the_day_of_any_instant(zone: str, seconds: int) -> None:
    moment = EPOCH + seconds * SECOND
    assert days(zone, [moment]) == [epoch_day(moment.astimezone(ZoneInfo(zone)))]


def test_a_zone_without_changes_has_none() -> None:
    assert modern_span("Asia/Riyadh").changes == ()
    assert modern_span("Europe/Berlin") == zone_span(
        "Europe/Berlin", 0, to_microseconds(datetime(2100, 1, 1, tzinfo=UTC))
    )


def test_in_a_long_table_copies_are_estimated_from_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{place},{place % 7}" for place in range(4_000)]
    copied = [*rows, *rows[:2_000]]
    (tmp_path / "a.csv").write_text("id,x\n" + "\n".join(copied) + "\n")
    table = Table(path="a.csv")
    assert DuckDBEngine(tmp_path, "UTC", {}).copies("a", table).found == 2_000
    monkeypatch.setattr(duckdb_engine, "MOST_COMPARED", 1_000)
    found = DuckDBEngine(tmp_path, "UTC", {}).copies("a", table)
    assert found.one_in == 7
    # A binomial count of mean 286 and standard error 16, five of them to each side.
    assert abs(found.found - 2_000 / 7) < 80
    assert found.estimate == 7 * found.found
