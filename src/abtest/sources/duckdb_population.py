"""Who is on a list: dirty ids, repeated customers, and a number that says which customers they are.

The population's hash is

    sum over the rows of (md5(id) as a little-endian integer) // 2**32

in hexadecimal digits. A sum depends neither on the order of the rows nor on the kind of file, and
needs no memory; a repeated row changes it. It tells lists apart that differ by accident; it is no
proof against somebody who forges a list. 2**31 rows fit. (MD5 because the engine gives it as a
number; SHA-256 would cost twice as much. It splits nobody.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sources.duckdb_ids import dirt, dirty, prepare_twins

if TYPE_CHECKING:
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.sources.duckdb_ids import CheckIds

POPULATION_HASH = "md5-sum"
SEEN = ("abtest_md5", "abtest_bad")
"""Columns that the pass adds for itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one pass over a list saw.

    Attributes:
        rows: Rows of the list.
        bad: Rows whose id has dirt of any kind.
        dirt: Rows with each kind of dirt; one id may have several.
        population: The hash of the customers whose ids are clean.
    """

    rows: int
    bad: int
    dirt: dict[str, int]
    population: str


def look(engine: DuckDBEngine, population: str, unit: str, level: CheckIds) -> Seen:
    """One pass over a list.

    Args:
        engine: Where the list is read.
        population: What stands after FROM; it has the ids as text.
        unit: The customer's id as text: an expression.
        level: Which dirt is looked for.
    """
    if level == "full":
        prepare_twins(engine, population)
    kinds = dirt(level)
    number, bad = SEEN
    helpers = f"md5_number({unit}) >> 32 AS {number}, {dirty(level)} AS {bad}"
    counts = [
        "count(*)",
        f"count(*) FILTER ({bad})",
        f"coalesce(sum(CAST({number} AS HUGEINT)) FILTER (NOT {bad}), 0)",
        *(f"count(*) FILTER (CASE WHEN {bad} THEN {test} END)" for test in kinds.values()),
    ]
    row = engine.query(f"SELECT {', '.join(counts)} FROM (SELECT *, {helpers} FROM {population})")[
        0
    ]
    found = dict(zip(kinds, map(int, row[3:]), strict=True))
    return Seen(int(row[0]), int(row[1]), found, f"{int(row[2]):024x}")


def repeated(engine: DuckDBEngine, rows: str, unit: str, where: str = "true") -> int:
    """Rows that repeat a customer."""
    count = f"count({unit}) - count(DISTINCT {unit})"
    return int(engine.query(f"SELECT {count} FROM {rows} WHERE {where}")[0][0])
