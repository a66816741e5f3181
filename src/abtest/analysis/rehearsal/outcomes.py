"""The outcomes of past units, read once by the metrics and kept as plain arrays.

This is the one place where rows leave the engine: a replay deals the same outcomes out again, a
thousand times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abtest.analysis.covariates import history_column
from abtest.analysis.facts import Facts
from abtest.analysis.money.facts import hidden_keys, value_columns, with_money_columns
from abtest.analysis.planning.history import past_units
from abtest.analysis.readings import OBSERVED, readings_of
from abtest.analysis.rehearsal.money import amounts_of, money_expressions
from abtest.analysis.streams import CLUSTER, source_of
from abtest.errors import DataError
from abtest.stats.summaries import Moments, PairMoments, Proportion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.analysis.readings import Reading
    from abtest.analysis.rehearsal.money import Amounts
    from abtest.sources.engine import Engine
    from abtest.spec import Spec
    from abtest.stats.adjustment.co_moments import Columns

Floats = npt.NDArray[np.float64]
_MONEY = "money:"
REPLAYED = (Proportion, Moments, PairMoments)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One metric's outcomes.

    Attributes:
        metric: The metric's key.
        summary: Which sufficient statistics its method takes.
        observed: Whether each unit can be counted.
        y: The outcome of each unit; for a ratio its numerator. 0 where it is not observed.
        x: A ratio's denominator; None for other metrics.
    """

    metric: str
    summary: type[Proportion | Moments | PairMoments]
    observed: npt.NDArray[np.bool_]
    y: Floats
    x: Floats | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What all units did.

    Attributes:
        units: How many there are.
        metrics: By metric.
        columns: What the analysis adjusts for; None where it does not.
        history: Its values, one row per unit.
        left_out: Metrics that cannot be replayed, with the reason.
        amounts: What units brought; None where money is not asked for, or the past does not say it.
        clusters: The number of each unit's cluster, from 0 without a gap; None where single units
            are split.
    """

    units: int
    metrics: tuple[Outcome, ...]
    columns: Columns | None
    history: Floats
    left_out: tuple[tuple[str, str], ...] = ()
    amounts: Amounts | None = None
    clusters: npt.NDArray[np.int64] | None = None


def read_outcomes(
    spec: Spec,
    engine: Engine,
    tables: Collection[str],
    end: Cutoff | None,
    redeemed: float = 1.0,
) -> Outcomes:
    """Read every metric off past data once.

    Args:
        spec: The experiment.
        engine: Where the tables of the past are, under the spec's names.
        tables: Which of the spec's tables there are.
        end: Up to when they are complete; None where the metrics are columns of units.
        redeemed: The share of a treatment's orders that redeems, where the past has no redemptions.

    Raises:
        DataError: There is nothing in the past that can be replayed.
    """
    past = past_units(*_with_money(spec, engine, tables), end, clusters=True)
    facts = Facts(past.spec, engine, past.population, end)
    hidden = hidden_keys(spec)
    read = readings_of(past.spec)
    main = [r for r in read if r.name == r.metric.key and r.name not in hidden]
    readings = [reading for reading in main if reading.summary in REPLAYED]
    _refuse_without_primary(readings)
    names = [history_column(name) for name in facts.history.history] if facts.history else []
    wanted = [name for reading in readings for name in _columns(reading)]
    seen = {reading.name for reading in read}
    money = money_expressions(spec, seen)
    amounts = [expression.alias(f"{_MONEY}{name}") for name, expression in money.items()]
    frame = facts.frame().with_columns(*amounts) if amounts else facts.frame()
    together = [CLUSTER] if spec.cluster is not None else []
    rows = frame.select(*wanted, *names, *together, *(f"{_MONEY}{name}" for name in money))
    rows = rows.collect(backend="pandas").to_native()
    outcomes = tuple(_outcome(reading, rows) for reading in readings)
    varied = tuple(outcome for outcome in outcomes if _varies(outcome))
    _refuse_without_primary([reading for reading in readings if reading.name in _keys(varied)])
    counted = {name: _floats(rows, f"{_MONEY}{name}") for name in money}
    return Outcomes(
        len(rows),
        varied,
        facts.history,
        rows[names].to_numpy(dtype=np.float64) if names else np.zeros((len(rows), 0)),
        tuple(
            (metric.key, _why(metric.key, {reading.name for reading in main}, _keys(outcomes)))
            for metric in spec.metrics
            if metric.key not in _keys(varied)
        ),
        amounts_of(spec, seen, counted, redeemed) if money else None,
        _codes(rows, spec.cluster) if together else None,
    )


def _with_money(
    spec: Spec, engine: Engine, tables: Collection[str]
) -> tuple[Spec, Engine, list[str]]:
    """The spec with the hidden metrics of money, as far as the past has what they read."""
    full = with_money_columns(spec)
    there = {*tables, *(name for name in full.data.events if source_of(name) in tables)}
    units = spec.data.units
    if units is not None and "units" in there and value_columns(spec):
        columns, hidden = engine.columns("units", units), hidden_keys(spec)
        kept = tuple(
            metric
            for metric in full.metrics
            if metric.key not in hidden or getattr(metric, "column", None) in (None, *columns)
        )
        full = full.model_copy(update={"metrics": kept})
    return full, engine, sorted(there)


def _codes(rows: Any, cluster: str | None) -> npt.NDArray[np.int64]:  # noqa: ANN401 - a pandas frame
    missing = int(rows[CLUSTER].isna().sum())
    if missing:
        raise DataError(
            f"the history has {missing:,} units without a {cluster}, the cluster",
            "Every unit belongs to one: fill it, with the unit's own id for those alone.",
        )
    _, codes = np.unique(rows[CLUSTER].astype(str).to_numpy(dtype=object), return_inverse=True)
    return np.asarray(codes, dtype=np.int64)


def _floats(rows: Any, name: str) -> Floats:  # noqa: ANN401 - a pandas frame
    return np.asarray(rows[name].to_numpy(dtype=np.float64, na_value=0.0))


def _refuse_without_primary(readings: Sequence[Reading]) -> None:
    if not any(reading.metric.role == "primary" for reading in readings):
        raise DataError(
            "the history has no primary metric that can be replayed",
            "Shares, means, sums, counts and ratios can, where units differ in them.",
        )


def _keys(outcomes: Sequence[Outcome]) -> set[str]:
    return {outcome.metric for outcome in outcomes}


def _varies(outcome: Outcome) -> bool:
    """Whether units differ: where nobody has the outcome, a replay has nothing to tell."""
    seen = outcome.y[outcome.observed]
    return bool(len(seen)) and bool((seen != seen[0]).any())


def _columns(reading: Reading) -> list[str]:
    pair = reading.summary is PairMoments
    return [reading.state, reading.y, *([reading.x] if pair else [])]


def _outcome(reading: Reading, rows: Any) -> Outcome:  # noqa: ANN401 - a pandas frame
    observed = rows[reading.state].to_numpy() == OBSERVED

    def column(name: str) -> Floats:
        return np.where(observed, _floats(rows, name), 0.0)

    pair = reading.summary is PairMoments
    summary: Any = reading.summary
    return Outcome(
        reading.name, summary, observed, column(reading.y), column(reading.x) if pair else None
    )


def _why(metric: str, read: set[str], replayable: set[str]) -> str:
    if metric in replayable:
        return "every unit of the history has the same outcome"
    if metric in read:
        return "curves, quantiles and methods that need every value are not replayed"
    return "the history lacks a table of it"
