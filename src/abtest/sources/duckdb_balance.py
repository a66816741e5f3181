"""How the variants of an assigned list compare in its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.errors import DataError
from abtest.sources.duckdb_sql import is_number, literal, quote, value_sql
from abtest.stats.balance import independence, standardized_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.sources.duckdb_engine import DuckDBEngine

MAX_LEVELS = 50


def balance_of(
    engine: DuckDBEngine, output: str, column: str, variants: Sequence[str]
) -> dict[str, Any]:
    """An attribute by variant, of those that were split: levels with a test, or means.

    Args:
        engine: Where the output is read.
        output: What stands after FROM.
        column: The attribute.
        variants: The variants, control first.

    Raises:
        DataError: There is no such column, or it has too many values and is no number.
    """
    types = {row[0]: row[1] for row in engine.query(f"DESCRIBE SELECT * FROM {output}")}
    if column not in types:
        raise DataError(f"the list has no column {column!r}", f"It has: {', '.join(types)}.")
    split = f"(SELECT * FROM {output} WHERE reason = 'split')"
    number = value_sql(column, types[column], "number", "UTC")
    levels, numbers, given = engine.query(
        f"SELECT count(DISTINCT {quote(column)}), count({number}), count({quote(column)}) "
        f"FROM {split}"
    )[0]
    if levels <= MAX_LEVELS and not (is_number(types[column]) and levels > 2):
        return _levels(engine, split, column, variants)
    if numbers == given:
        return _means(engine, split, number, variants)
    raise DataError(
        f"column {column!r} has {levels:,} different values; to compare variants it must have at "
        f"most {MAX_LEVELS}, or hold numbers"
    )


def _levels(
    engine: DuckDBEngine, split: str, column: str, variants: Sequence[str]
) -> dict[str, Any]:
    rows = engine.query(
        f"SELECT variant, coalesce(CAST({quote(column)} AS VARCHAR), '(missing)'), count(*) "
        f"FROM {split} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    counts = {(variant, level): n for variant, level, n in rows}
    levels = sorted({level for _, level, _ in rows})
    table = {name: {level: counts.get((name, level), 0) for level in levels} for name in variants}
    test = independence([list(of_variant.values()) for of_variant in table.values()])
    return {"counts": table, "statistic": test.statistic, "df": test.df, "pvalue": test.pvalue}


def _means(
    engine: DuckDBEngine, split: str, number: str, variants: Sequence[str]
) -> dict[str, Any]:
    rows = engine.query(
        f"SELECT variant, count({number}), avg({number}), var_samp({number}) FROM {split} "
        f"WHERE variant IN ({', '.join(map(literal, variants))}) GROUP BY 1"
    )
    moments = {name: (mean, variance) for name, n, mean, variance in rows if n > 1}
    control = moments.get(variants[0])
    found = {name: {"n": n, "mean": mean} for name, n, mean, _ in sorted(rows)}
    for name, of_variant in found.items():
        if control is not None and name in moments and name != variants[0]:
            difference = standardized_difference(control, moments[name])
            of_variant["standardized_difference"] = difference
    return {"means": found}
