"""From one row per unit to sufficient statistics per variant: where rows become numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from abtest.analysis.covariates import history_column
from abtest.analysis.moment_sums import CentredSums, Centres, MomentSums
from abtest.analysis.readings import IMMATURE, INELIGIBLE, MISSING, OBSERVED, Reading
from abtest.analysis.strata import STRATUM
from abtest.analysis.streams import VARIANT
from abtest.errors import DataError
from abtest.metrics.base import one_where
from abtest.stats.adjustment.co_moments import Columns, CoMoments
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, PairMoments, Proportion
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.analysis.segments.slices import Slice
    from abtest.analysis.sequential.counted import Matured
    from abtest.sources.engine import Engine
    from abtest.stats.clusters.adjustment import ClusterHistory
    from abtest.stats.summaries import Summary

_UNITS = "abtest:units"
_STATES = {INELIGIBLE: "ineligible", IMMATURE: "immature", MISSING: "missing", OBSERVED: "n"}


@dataclass(frozen=True, slots=True)
class MetricCounts:
    """How many units of one variant stand where on one metric, and their summary.

    Attributes:
        ineligible: Units that cannot have the outcome.
        immature: Eligible units whose window is not over.
        missing: Mature units whose outcome is not known.
        summary: The sufficient statistics of the others.
        parts: Their co-moments with the covariates, by stratum; empty where the analysis neither
            adjusts nor stratifies. Without strata there is one, under the empty text.
        clustered: Clusters with their covariates, where clusters were split and the analysis
            adjusts; it is what is adjusted then.
    """

    ineligible: int
    immature: int
    missing: int
    summary: Summary
    parts: Mapping[str, CoMoments] = field(default_factory=dict)
    clustered: ClusterHistory | None = None

    @property
    def n(self) -> int:
        """Units eligible and observed."""
        return self.summary.n


Summaries = dict[tuple[str, str], MetricCounts]
"""By reading and variant; a metric's main reading has the metric's key as name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to find out about the units, beside the readings.

    Attributes:
        variants: The variants, each of which is in the answer.
        history: The covariates; each has its ``history_column`` in the frame. None where the
            analysis neither adjusts nor stratifies.
        largest: Columns of which the largest value is wanted.
        totals: Columns of which the sum is wanted.
        stratified: Whether the frame has a stratum for each unit.
        late: A column that is 1 for units that entered late; survival curves are then taken of
            early and late entrants too.
    """

    variants: Sequence[str]
    history: Columns | None = None
    largest: Sequence[str] = ()
    totals: Sequence[str] = ()
    stratified: bool = False
    late: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        summaries: By reading and variant.
        largest: The largest value of each column that was asked for.
        totals: The sum of each column that was asked for.
        cohorts: Life tables of early and of late entrants, by reading and variant.
        shapes: Value counts of the means whose skew matters, by metric and variant.
        segments: The same units by each declared attribute.
        weeks: The same by the week in which they entered; None where that is one.
        days: Units of each variant by the day on which they entered.
        largest_values: The largest values of means, by metric and variant.
        balance: How the variants compare in their covariates.
        weekly: The lift by weeks since the exposure.
        matured: The units that had matured by the last look of a plan, and those that have since.
    """

    summaries: Summaries
    largest: dict[str, int | None]
    totals: dict[str, int]
    cohorts: Mapping[tuple[str, str], tuple[LifeTable, LifeTable]] = field(default_factory=dict)
    shapes: Mapping[tuple[str, str], ValueCounts] = field(default_factory=dict)
    segments: Sequence[Slice] = ()
    weeks: Slice | None = None
    days: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    largest_values: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    balance: tuple[dict[str, Any], ...] = ()
    weekly: tuple[dict[str, Any], ...] = ()
    matured: Matured | None = None


def need_passes(readings: Sequence[Reading]) -> bool:
    """Whether some reading needs a pass of its own, so that the frame is better computed once."""
    return any(reading.summary in (LifeTable, ValueCounts) for reading in readings)


def summarize(
    engine: Engine, frame: nw.LazyFrame[Any], readings: Sequence[Reading], wish: Wish
) -> Found:
    """Sufficient statistics of every reading and variant, in one pass where that is possible.

    Curves and quantiles need a pass of their own each: see `need_passes`.
    """
    tables = [reading for reading in readings if reading.summary in (LifeTable, ValueCounts)]
    sums = [_sums(reading, wish.history) for reading in readings if reading not in tables]
    groups = _first_pass(engine, frame, readings, sums, wish)
    found = _centred(engine, frame, sums, groups, wish)
    counts = {reading.name: _counted(engine, frame, reading, wish) for reading in tables}
    summaries = {
        (reading.name, variant): _metric_counts(
            reading,
            [group for group in groups if group.variant == variant],
            {(variant, ""): _made(reading, counts[reading.name], variant)}
            if reading in tables
            else found[reading.name],
            wish.history,
        )
        for reading in readings
        for variant in wish.variants
    }
    cohorts = {
        (reading.name, variant): (early, late)
        for reading in tables
        if wish.late is not None and reading.summary is LifeTable
        for variant in wish.variants
        for early, late in [_cohorts(counts[reading.name], variant)]
    }
    return Found(summaries, _largest(groups, wish), _totals(groups, wish), cohorts)


@dataclass(frozen=True, slots=True)
class _Group:
    """The sums of one variant, or of one stratum of a variant."""

    variant: str
    stratum: str
    row: Mapping[str, Any]

    def count(self, reading: Reading, state: int) -> int:
        return int(self.row.get(f"{reading.name}:{_STATES[state]}") or 0)


Parts = dict[tuple[str, str], Any]
"""A statistic of each variant and stratum."""


def _sums(reading: Reading, history: Columns | None) -> MomentSums:
    columns = [reading.y]
    if reading.summary is PairMoments:
        columns.append(reading.x)
    if history is not None:
        columns += [history_column(name) for name in history.history]
    return MomentSums(reading, tuple(columns))


def _first_pass(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    readings: Sequence[Reading],
    sums: Sequence[MomentSums],
    wish: Wish,
) -> list[_Group]:
    columns = [column for reading in readings for column in _states(reading)]
    columns += [column for one in sums for column in one.expressions({})]
    names = [f"{reading.name}:{name}" for reading in readings for name in _STATES.values()]
    names += [name for one in sums for name in one.names()]
    gathered = [nw.col(name).sum() for name in [*names, *wish.totals]]
    gathered += [nw.col(name).max() for name in wish.largest]
    keys = _keys(wish)
    rows = frame.select(*keys, *wish.totals, *wish.largest, *columns)
    return [_group(row, wish) for row in engine.collect(rows.group_by(*keys).agg(*gathered))]


def _keys(wish: Wish) -> list[str]:
    return [VARIANT, STRATUM] if wish.stratified else [VARIANT]


def _group(row: Mapping[str, Any], wish: Wish) -> _Group:
    return _Group(row[VARIANT], str(row[STRATUM]) if wish.stratified else "", row)


def _states(reading: Reading) -> Iterator[nw.Expr]:
    for state, name in _STATES.items():
        yield one_where(nw.col(reading.state) == state).alias(f"{reading.name}:{name}")


def _centred(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    sums: Sequence[MomentSums],
    groups: Sequence[_Group],
    wish: Wish,
) -> dict[str, Parts]:
    """Centred moments by reading; those that lost digits are taken once more around the means."""
    found = {one.reading.name: _read(one, groups, groups, {}) for one in sums}
    again = {
        one: _means(found[one.reading.name])
        for one in sums
        if any(part.lost for part in found[one.reading.name].values())
    }
    if again:
        columns = [column for one, means in again.items() for column in one.expressions(means)]
        gathered = [nw.col(name).sum() for one in again for name in one.names()]
        keys = _keys(wish)
        rows = frame.select(*keys, *columns).group_by(*keys).agg(*gathered)
        second = [_group(row, wish) for row in engine.collect(rows)]
        for one, means in again.items():
            found[one.reading.name] = _read(one, second, groups, means)
    return found


def _read(
    one: MomentSums, sums: Sequence[_Group], counts: Sequence[_Group], centres: Centres
) -> Parts:
    n = {(group.variant, group.stratum): group.count(one.reading, OBSERVED) for group in counts}
    zero = (0.0,) * len(one.columns)
    return {
        (group.variant, group.stratum): one.read(
            group.row, n[group.variant, group.stratum], centres.get(group.variant, zero)
        )
        for group in sums
    }


def _means(parts: Mapping[tuple[str, str], CentredSums]) -> Centres:
    """Each variant's mean of each column, over its strata."""
    weighted = defaultdict(list)
    for (variant, _), part in parts.items():
        weighted[variant].append((part.n, part.means))
    return {
        variant: tuple(
            math.fsum(n * means[i] for n, means in found) / max(sum(n for n, _ in found), 1)
            for i in range(len(found[0][1]))
        )
        for variant, found in weighted.items()
    }


@dataclass(frozen=True, slots=True)
class _Units:
    """How many units of a variant and cohort have one outcome."""

    variant: str
    late: bool
    outcome: tuple[float, ...]
    n: int


def _counted(
    engine: Engine, frame: nw.LazyFrame[Any], reading: Reading, wish: Wish
) -> list[_Units]:
    """Units by outcome, from which curves and quantiles are made."""
    outcome = [reading.y, reading.x] if reading.summary is LifeTable else [reading.y]
    keys = [VARIANT, *outcome, *([wish.late] if wish.late else [])]
    rows = frame.filter(nw.col(reading.state) == OBSERVED).select(*keys)
    found = [
        _Units(
            row[VARIANT],
            bool(wish.late and row[wish.late]),
            tuple(row[name] for name in outcome),
            int(row[_UNITS]),
        )
        for row in engine.collect(rows.group_by(*keys).agg(nw.len().alias(_UNITS)))
    ]
    if reading.summary is LifeTable:
        _refuse_negative(reading, found)
    return found


def _refuse_negative(reading: Reading, units: Sequence[_Units]) -> None:
    """Nobody is followed for less than no time."""
    below = [found for found in units if found.outcome[0] < 0]
    if below:
        n, lowest = sum(found.n for found in below), min(found.outcome[0] for found in below)
        head = "1 unit is" if n == 1 else f"{n:,} units are"
        raise DataError(
            f"metric {reading.metric.key}: {head} followed for a time below 0, "
            f"the lowest {lowest:g}",
            "Correct the durations, or leave such rows out with `exclude`.",
        )


def _made(reading: Reading, units: Sequence[_Units], variant: str) -> Summary:
    own = [found for found in units if found.variant == variant]
    return _life_table(own) if reading.summary is LifeTable else _value_counts(own)


def _cohorts(units: Sequence[_Units], variant: str) -> tuple[LifeTable, LifeTable]:
    """The life tables of early and of late entrants."""
    own = [found for found in units if found.variant == variant]
    early = _life_table([found for found in own if not found.late])
    return early, _life_table([found for found in own if found.late])


def _life_table(units: Sequence[_Units]) -> LifeTable:
    events: dict[float, int] = defaultdict(int)
    censored: dict[float, int] = defaultdict(int)
    for found in units:
        time, event = found.outcome
        (events if event else censored)[float(time)] += found.n
    times = sorted({*events, *censored})
    return LifeTable(
        tuple(times),
        tuple(events[time] for time in times),
        tuple(censored[time] for time in times),
    )


def _value_counts(units: Sequence[_Units]) -> ValueCounts:
    counts: dict[float, int] = defaultdict(int)
    for found in units:
        counts[float(found.outcome[0])] += found.n
    values = np.array(sorted(counts), dtype=np.float64)
    return ValueCounts.exact(values, np.array([counts[v] for v in values], dtype=np.int64))


def _metric_counts(
    reading: Reading, groups: Sequence[_Group], parts: Parts, history: Columns | None
) -> MetricCounts:
    def count(state: int) -> int:
        return sum(group.count(reading, state) for group in groups)

    variants = {group.variant for group in groups}
    found = {stratum: part for (variant, stratum), part in parts.items() if variant in variants}
    summaries = [_summary(reading, part) for part in found.values()]
    return MetricCounts(
        ineligible=count(INELIGIBLE),
        immature=count(IMMATURE),
        missing=count(MISSING),
        summary=reduce(add, summaries) if summaries else _empty(reading),
        parts=_co_moments(reading, found, history),
    )


def _co_moments(
    reading: Reading, found: Mapping[str, Any], history: Columns | None
) -> dict[str, CoMoments]:
    if history is None or reading.summary in (LifeTable, ValueCounts):
        return {}
    columns = Columns(_outcome_names(reading), history.covariates, history.missing)
    return {stratum: part.co_moments(columns) for stratum, part in found.items() if part.n}


def _outcome_names(reading: Reading) -> tuple[str, ...]:
    return (reading.y, reading.x) if reading.summary is PairMoments else (reading.y,)


def _summary(reading: Reading, part: Any) -> Summary:  # noqa: ANN401 - sums or a finished summary
    if not isinstance(part, CentredSums):
        made: Summary = part
        return made
    if reading.summary is Proportion:
        return Proportion(part.n, round(float(part.means[0]) * part.n))
    return part.moments() if reading.summary is Moments else part.pair_moments()


def _empty(reading: Reading) -> Summary:
    if reading.summary is Proportion:
        return Proportion(0, 0)
    if reading.summary is Moments:
        return Moments(0, 0.0, 0.0)
    if reading.summary is PairMoments:
        return PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return LifeTable.empty() if reading.summary is LifeTable else ValueCounts.of([])


def _largest(groups: Sequence[_Group], wish: Wish) -> dict[str, int | None]:
    return {
        name: max((int(g.row[name]) for g in groups if g.row[name] is not None), default=None)
        for name in wish.largest
    }


def _totals(groups: Sequence[_Group], wish: Wish) -> dict[str, int]:
    return {name: sum(int(group.row[name] or 0) for group in groups) for name in wish.totals}
