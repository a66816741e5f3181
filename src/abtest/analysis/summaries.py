"""From one row per unit to sufficient statistics per variant: where rows become numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.outcomes import (
    IMMATURE,
    INELIGIBLE,
    MISSING,
    OBSERVED,
    state_column,
    x_column,
    y_column,
)
from abtest.analysis.population import VARIANT
from abtest.stats.summaries import Moments, PairMoments, Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.stats.summaries import Summary


@dataclass(frozen=True, slots=True)
class MetricCounts:
    """How many units of one variant stand where on one metric, and their summary."""

    ineligible: int
    immature: int
    missing: int
    summary: Summary

    @property
    def n(self) -> int:
        """Units eligible and observed."""
        return self.summary.n


Summaries = dict[tuple[str, str], MetricCounts]
"""By metric and variant."""


def summarize(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    metrics: Sequence[Metric],
    variants: Sequence[str],
) -> Summaries:
    """Sufficient statistics of every metric and variant.

    Two passes over the computed outcomes: the first finds the means, the second the squares and
    cross products around them, so that a large offset costs no digits.
    """
    first = _by_variant(engine, frame, [e for m in metrics for e in _first_pass(m)])
    moments = [metric for metric in metrics if metric.summary is not Proportion]
    centres = {
        (metric.key, variant): _centre(metric, first.get(variant, {}))
        for metric in moments
        for variant in variants
    }
    expressions = [e for m in moments for e in _second_pass(m, variants, centres)]
    second = _by_variant(engine, frame, expressions) if expressions else {}
    return {
        (metric.key, variant): _counts(
            metric,
            first.get(variant, {}),
            second.get(variant, {}),
            centres.get((metric.key, variant)),
        )
        for metric in metrics
        for variant in variants
    }


def _by_variant(
    engine: Engine, frame: nw.LazyFrame[Any], expressions: Sequence[nw.Expr]
) -> Mapping[str, dict[str, Any]]:
    rows = engine.collect(frame.group_by(VARIANT).agg(*expressions))
    return {row[VARIANT]: row for row in rows}


def _count(metric: Metric, state: int) -> nw.Expr:
    is_state = nw.col(state_column(metric)) == state
    return nw.when(is_state).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def _sum(metric: Metric, value: nw.Expr) -> nw.Expr:
    """The sum over units that count."""
    return nw.when(nw.col(state_column(metric)) == OBSERVED).then(value).sum()


def _first_pass(metric: Metric) -> list[nw.Expr]:
    key = metric.key
    expressions = [
        _count(metric, INELIGIBLE).alias(f"{key}:ineligible"),
        _count(metric, IMMATURE).alias(f"{key}:immature"),
        _count(metric, MISSING).alias(f"{key}:missing"),
        _count(metric, OBSERVED).alias(f"{key}:n"),
        _sum(metric, nw.col(y_column(metric))).alias(f"{key}:y"),
    ]
    if metric.summary is PairMoments:
        expressions.append(_sum(metric, nw.col(x_column(metric))).alias(f"{key}:x"))
    return expressions


@dataclass(frozen=True, slots=True)
class _Centre:
    y: float
    x: float = 0.0


def _centre(metric: Metric, row: Mapping[str, Any]) -> _Centre:
    n = int(row.get(f"{metric.key}:n") or 0)
    if n == 0:
        return _Centre(0.0)
    y = float(row[f"{metric.key}:y"]) / n
    x = float(row[f"{metric.key}:x"]) / n if metric.summary is PairMoments else 0.0
    return _Centre(y, x)


def _per_variant(variants: Sequence[str], values: Sequence[float]) -> nw.Expr:
    """A number for each variant, as a column."""
    expression = nw.lit(0.0)
    for variant, value in zip(variants, values, strict=True):
        expression = nw.when(nw.col(VARIANT) == variant).then(nw.lit(value)).otherwise(expression)
    return expression


def _second_pass(
    metric: Metric, variants: Sequence[str], centres: Mapping[tuple[str, str], _Centre]
) -> list[nw.Expr]:
    key = metric.key
    own = [centres[key, variant] for variant in variants]
    dy = nw.col(y_column(metric)) - _per_variant(variants, [centre.y for centre in own])
    expressions = [
        _sum(metric, dy).alias(f"{key}:dy"),
        _sum(metric, dy * dy).alias(f"{key}:dyy"),
    ]
    if metric.summary is PairMoments:
        dx = nw.col(x_column(metric)) - _per_variant(variants, [centre.x for centre in own])
        expressions += [
            _sum(metric, dx).alias(f"{key}:dx"),
            _sum(metric, dx * dx).alias(f"{key}:dxx"),
            _sum(metric, dx * dy).alias(f"{key}:dxy"),
        ]
    return expressions


def _counts(
    metric: Metric, first: Mapping[str, Any], second: Mapping[str, Any], centre: _Centre | None
) -> MetricCounts:
    def count(name: str) -> int:
        return int(first.get(f"{metric.key}:{name}") or 0)

    n = count("n")
    if metric.summary is Proportion:
        summary: Summary = Proportion(n, count("y"))
    else:
        summary = _moments(metric, n, second, centre or _Centre(0.0))
    return MetricCounts(count("ineligible"), count("immature"), count("missing"), summary)


def _moments(metric: Metric, n: int, row: Mapping[str, Any], centre: _Centre) -> Summary:
    """Moments from sums around a centre that is near the mean but for rounding."""

    def total(name: str) -> float:
        return float(row.get(f"{metric.key}:{name}") or 0.0)

    size = max(n, 1)
    mean_y = centre.y + total("dy") / size
    # A product overflows to infinity, which the statistics say in words; ** raises instead.
    m2_y = max(total("dyy") - total("dy") * total("dy") / size, 0.0)
    if metric.summary is Moments:
        return Moments(n, mean_y, m2_y)
    return PairMoments(
        n=n,
        mean_y=mean_y,
        mean_x=centre.x + total("dx") / size,
        m2_y=m2_y,
        m2_x=max(total("dxx") - total("dx") * total("dx") / size, 0.0),
        c_xy=total("dxy") - total("dx") * total("dy") / size,
    )
