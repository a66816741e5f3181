"""Totals and moments that somebody else computed: one row per variant, or per variant and date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import time
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from abtest.analysis.clock import start_of_day
from abtest.analysis.population import Population
from abtest.analysis.streams import VARIANT
from abtest.analysis.summaries import Found, MetricCounts
from abtest.errors import DataError
from abtest.fields import DAY
from abtest.instants import parse_instant, to_microseconds
from abtest.metrics.proportion import ProportionMetric
from abtest.sentences import sentence
from abtest.sources.wanted import Wanted
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import narwhals as nw

    from abtest.analysis.clock import Cutoff
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.sources.tables import AggregateTable, MomentsTable, TotalsTable
    from abtest.spec import Spec

_MOST_UNITS = 10**15  # up to here a float tells a number from the next one
_DATE = "date"


@dataclass(frozen=True, slots=True)
class Aggregates:
    """What was read.

    Attributes:
        population: How many units, or trials, each variant has.
        found: The sufficient statistics of every metric and variant.
    """

    population: Population
    found: Found


def read_aggregates(spec: Spec, engine: Engine, cutoff: Cutoff | None = None) -> Aggregates | None:
    """The sufficient statistics of data that are totals or moments; None where they are neither.

    Sums over dates are those of the variant; moments are merged by Chan's formula. Both take each
    unit to be in one row.

    Args:
        spec: The experiment.
        engine: Where its tables are.
        cutoff: Up to when the data are complete: rows of later dates are not read, where dates are
            written so that they can be told (2026-03-01).

    Raises:
        DataError: A row is repeated, lacks a variant, or holds numbers that cannot be.
    """
    if spec.data.totals is not None:
        return _totals(spec, engine, spec.data.totals, cutoff)
    if spec.data.moments is not None:
        return _moments(spec, engine, spec.data.moments, cutoff)
    return None


def aggregate_notes(spec: Spec, metric: Metric) -> list[str]:
    """What a reader must know about numbers that were added up elsewhere."""
    totals, moments = spec.data.totals, spec.data.moments
    if totals is not None and isinstance(metric, ProportionMetric) and metric.trials:
        if metric.trials == totals.units:
            return []
        note = sentence(
            "Counts {column}, not units: several of one unit are not independent, and the "
            "interval is then too narrow.",
            column=metric.trials,
        )
        return [note]
    if moments is not None and moments.date is not None:
        note = sentence(
            "Dates are added up: a unit that is in several of them counts several times."
        )
        return [note]
    return []


def _totals(spec: Spec, engine: Engine, table: TotalsTable, cutoff: Cutoff | None) -> Aggregates:
    shares = [metric for metric in spec.metrics if isinstance(metric, ProportionMetric)]
    columns = [name for metric in shares for name in (metric.trials, metric.successes) if name]
    counted = table.units or _first_primary(shares).trials or ""
    frame, read = _rows(engine, "totals", table, [counted, *columns])
    rows = _until(cutoff, read, table)
    known, unknown = _known(spec, table.path, rows)
    assigned = {variant: sum(row.whole(counted) for row in own) for variant, own in known.items()}
    summaries = {
        (metric.key, variant): _share(metric, own)
        for metric in shares
        for variant, own in known.items()
    }
    _refuse_huge(table.path, assigned, summaries)
    return _aggregates(frame, rows, unknown, assigned, summaries)


def _moments(spec: Spec, engine: Engine, table: MomentsTable, cutoff: Cutoff | None) -> Aggregates:
    columns = (table.n, table.mean, table.variance)
    frame, read = _rows(engine, "moments", table, columns)
    rows = _until(cutoff, read, table)
    known, unknown = _known(spec, table.path, rows)
    assigned = {variant: sum(row.whole(table.n) for row in own) for variant, own in known.items()}
    summaries = {
        (metric.key, variant): _mean(table, own)
        for metric in spec.metrics
        for variant, own in known.items()
    }
    _refuse_huge(table.path, assigned, summaries)
    return _aggregates(frame, rows, unknown, assigned, summaries)


def _aggregates(
    frame: nw.LazyFrame[Any],
    rows: Sequence[_Row],
    unknown: dict[str, int],
    assigned: dict[str, int],
    summaries: dict[tuple[str, str], MetricCounts],
) -> Aggregates:
    population = Population(frame, assigned, len(rows), unknown=unknown, aggregated=True)
    return Aggregates(population, Found(summaries, {}, {}))


def _refuse_huge(
    path: str, assigned: Mapping[str, int], summaries: Mapping[tuple[str, str], MetricCounts]
) -> None:
    counts = [*assigned.items(), *((key, found.n) for (_, key), found in summaries.items())]
    for variant, n in counts:
        if n > _MOST_UNITS:
            message = f"{path}: {variant} has {n:,} in all; it must be at most {_MOST_UNITS:,}"
            raise DataError(message, "Larger numbers cannot be told apart. Is the column a count?")


def _first_primary(metrics: Sequence[ProportionMetric]) -> ProportionMetric:
    return next((metric for metric in metrics if metric.role == "primary"), metrics[0])


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a table, with a name by which people find it.

    Attributes:
        where: The file, the variant and the date.
        variant: The variant.
        date: Its date as it is written; None where the table has none.
        values: The numbers, by column.
    """

    where: str
    variant: str
    date: str | None
    values: Mapping[str, float | None]

    def whole(self, column: str) -> int:
        """A count that must be there.

        Raises:
            DataError: It is not, or it is negative or not whole.
        """
        found = self.whole_or_none(column)
        if found is None:
            hint = "Write 0 where there was nothing, or leave the row out with `keep`."
            raise DataError(f"{self.where}: {column} is empty; it must be a count", hint)
        return found

    def whole_or_none(self, column: str) -> int | None:
        """A count, or None where the cell is empty.

        Raises:
            DataError: It is negative or not whole.
        """
        value = self.values[column]
        if value is None:
            return None
        if value < 0 or value != math.floor(value):
            hint = "Counts are needed, not rates or shares."
            message = f"{self.where}: {column} is {value:g}; it must be a whole number, 0 or more"
            raise DataError(message, hint)
        return int(value)


def _rows(
    engine: Engine, name: str, table: AggregateTable, columns: Iterable[str]
) -> tuple[nw.LazyFrame[Any], list[_Row]]:
    """Every row; the tables are small."""
    numbers = list(dict.fromkeys(columns))
    wanted = [Wanted(f"number:{column}", column, "number") for column in numbers]
    wanted.append(Wanted(VARIANT, table.variant, "text"))
    if table.date is not None:
        wanted.append(Wanted(_DATE, table.date, "text"))
    frame = engine.materialize(engine.scan(name, table, wanted))
    found = [_row(table, row, numbers) for row in engine.collect(frame)]
    if not found:
        raise DataError(f"{table.path} has no rows", "It has a header only, or keep drops all.")
    _refuse_repeated(table, found)
    return frame, found


def _until(cutoff: Cutoff | None, rows: list[_Row], table: AggregateTable) -> list[_Row]:
    """The rows whose day is over at the cut-off; all of them where not every date can be read."""
    if cutoff is None or table.date is None:
        return rows
    ends = [_end(row.date or "", cutoff.zone) for row in rows]
    if None in ends:
        return rows
    kept = [
        row
        for row, end in zip(rows, ends, strict=True)
        if end is not None and end <= cutoff.microseconds
    ]
    if not kept:
        raise DataError(
            f"{table.path} has no row of a day that is over at as_of ({cutoff.iso})",
            "Give a later --as-of.",
        )
    return kept


def _end(text: str, zone: str) -> int | None:
    """When a row's day is over, or just after its instant; None where the text is no date."""
    try:
        moment = parse_instant(text, zone)
    except ValueError:
        return None
    if moment.time() == time(0):
        return start_of_day(moment.date() + DAY, zone)
    return to_microseconds(moment) + 1


def _row(table: AggregateTable, row: Mapping[str, Any], numbers: Sequence[str]) -> _Row:
    variant, date = row[VARIANT], row.get(_DATE)
    if variant is None:
        raise DataError(f"{table.path} has a row without a variant", "Fill the column, or drop it.")
    if table.date is not None and date is None:
        raise DataError(
            f"{table.path} has a row of {variant} without a date", "Fill the column, or drop it."
        )
    where = f"{table.path}, row of {variant}" + (f" on {date}" if date is not None else "")
    return _Row(where, variant, date, {column: row[f"number:{column}"] for column in numbers})


def _refuse_repeated(table: AggregateTable, rows: Sequence[_Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.where in seen:
            one, hint = "variant and date", "Was the file joined twice? Drop the copies."
            if table.date is None:
                one, hint = "variant", "Name the column with the `date` if there is one."
            message = f"{row.where} is there twice; there must be one row per {one}"
            raise DataError(message, hint)
        seen.add(row.where)


def _known(
    spec: Spec, path: str, rows: Sequence[_Row]
) -> tuple[dict[str, list[_Row]], dict[str, int]]:
    """The rows of each variant of the spec, and how many there are of each other one."""
    keys = [variant.key for variant in spec.variants or ()]
    known: dict[str, list[_Row]] = {key: [] for key in keys}
    unknown: dict[str, int] = {}
    for row in rows:
        if row.variant in known:
            known[row.variant].append(row)
        else:
            unknown[row.variant] = unknown.get(row.variant, 0) + 1
    if not any(known.values()):
        raise DataError(
            f"{path} has none of the spec's variants ({', '.join(keys)})",
            f"It has: {', '.join(sorted(unknown)[:10])}. Spell them in the spec as in the data.",
        )
    return known, unknown


def _share(metric: ProportionMetric, rows: Sequence[_Row]) -> MetricCounts:
    """Successes among trials; trials of rows whose successes are not known yet are immature."""
    immature, found = 0, []
    for row in rows:
        trials = row.whole(metric.trials or "")
        successes = row.whole_or_none(metric.successes or "")
        if successes is None:
            immature += trials
            continue
        if successes > trials:
            raise DataError(
                f"{row.where}: {metric.successes} is {successes:,} of {trials:,} {metric.trials}; "
                "it must not be more",
                "Are successes and trials the wrong way round, or of different dates?",
            )
        found.append(Proportion(trials, successes))
    return MetricCounts(0, immature, 0, reduce(add, found, Proportion(0, 0)))


def _mean(table: MomentsTable, rows: Sequence[_Row]) -> MetricCounts:
    """Moments over all rows; units of rows without a mean are immature."""
    immature, found = 0, []
    for row in rows:
        n = row.whole(table.n)
        if row.values[table.mean] is None:
            immature += n
        elif n:
            found.append(Moments(n, row.values[table.mean] or 0.0, _m2(table, row, n)))
    return MetricCounts(0, immature, 0, reduce(add, found, Moments(0, 0.0, 0.0)))


def _m2(table: MomentsTable, row: _Row, n: int) -> float:
    variance = row.values[table.variance]
    if variance is None and n > 1:
        hint = "The sample variance is needed, with n - 1 in the denominator."
        raise DataError(f"{row.where}: {table.variance} is empty, with {n:,} units", hint)
    if variance is not None and variance < 0:
        message = f"{row.where}: {table.variance} is {variance:g}; it must be 0 or more"
        raise DataError(message, "Is the column a variance?")
    return (variance or 0.0) * (n - 1)
