"""How the variants of an assigned list compare in its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.errors import DataError
from abtest.sources.duckdb_sql import is_number, literal, quote, value_sql
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_arrays
from abtest.stats.health.balance import independence, standardized_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def moments_of(engine: DuckDBEngine, rows: str, columns: Mapping[str, str]) -> dict[str, CoMoments]:
    """Each variant's co-moments of several numbers, of those that were split.

    Where a value is missing, the mean of all stands for it. The outcome, which there is not yet,
    is 0.

    Args:
        engine: Where the output is read.
        rows: What stands after FROM.
        columns: What is read of a row, by name.
    """
    filled = ", ".join(
        f"coalesce({sql}, avg({sql}) OVER (), 0) AS {quote(key)}" for key, sql in columns.items()
    )
    keys = list(columns)
    sums = [f"avg({quote(key)})" for key in keys]
    sums += [f"covar_pop({quote(a)}, {quote(b)}) * count(*)" for a in keys for b in keys]
    split = f"SELECT variant, {filled} FROM {rows} WHERE reason = {literal('split')}"
    found = engine.query(
        f"SELECT variant, count(*), {', '.join(sums)} FROM ({split}) GROUP BY 1 ORDER BY 1"
    )
    size = len(keys)
    moments = {}
    for variant, n, *numbers in found:
        products = [[0.0] * (size + 1)]  # of the outcome, which there is not yet
        rest = numbers[size:]
        products += [[0.0, *rest[i * size : (i + 1) * size]] for i in range(size)]
        means = [0.0, *numbers[:size]]
        moments[variant] = from_arrays(Columns(("outcome",), tuple(keys)), n, means, products)
    return moments
