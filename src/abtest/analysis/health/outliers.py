"""Outliers that carry a result: what is left of it without the largest customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.health.readings import FEW_UNITS
from abtest.analysis.readings import OBSERVED
from abtest.analysis.result import Check
from abtest.analysis.streams import VARIANT
from abtest.sentences import joined, plural, sentence
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import Found, Summaries
    from abtest.sources.engine import Engine
    from abtest.spec import Spec
    from abtest.stats.summaries import Summary

MOST_TAKEN = 3
LARGE_SHARE = 0.05
"""One customer with more of a variant's total than this is worth a look."""
ENOUGH_UNITS = 200
"""In a small variant one customer's share is large by nature."""
LEFT = 0.5
"""A result is carried by those without whom less than half of it is left."""

Largest = dict[tuple[str, str], tuple[float, ...]]
"""The largest values of a metric in a variant, from the top."""


def largest_values(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], readings: Sequence[Reading]
) -> Largest:
    """The largest values of each primary and secondary mean, by variant.

    Args:
        spec: The experiment.
        engine: Where the units are.
        frame: One row per unit with its outcomes.
        readings: All readings.
    """
    if spec.control is None or spec.cluster is not None:
        return {}
    found: Largest = {}
    for reading in readings:
        metric = reading.metric
        is_main = reading.summary is Moments and reading.name == metric.key
        if not is_main or metric.role not in ("primary", "secondary"):
            continue
        for variant in spec.variants or ():
            own = frame.filter(
                nw.col(VARIANT) == variant.key, nw.col(reading.state) == OBSERVED
            ).select(reading.y)
            rows = engine.collect(own.sort(reading.y, descending=True).head(MOST_TAKEN))
            found[metric.key, variant.key] = tuple(float(row[reading.y]) for row in rows)
    return found


@dataclass(frozen=True, slots=True)
class _Carried:
    """A comparison that a few customers decide."""

    metric: str
    variant: str
    taken: int
    pvalue: float
    pvalue_without: float


def outliers(spec: Spec, found: Found) -> Check | None:
    """Means that hang on one customer: its share of the total, and the result without the largest.

    The largest values of both variants together are taken off one by one. A significant difference
    is carried by k customers where without them it is no longer significant and less than half of
    it is left.
    """
    shares = dict(_shares(found.summaries, found.largest_values))
    carried = _carried(spec, found)
    if not shares and not carried:
        return None
    told = _told(shares, carried)
    return Check(
        key="outliers",
        status="warn",
        message=sentence("A few customers decide: {told}.", told=joined("; ", told)),
        hint=sentence(
            "Are they real, or test accounts, resellers, copies? `winsorize` with a cap that was "
            "fixed before shows the result without them."
        ),
        details={
            "shares": [
                {"metric": metric, "variant": variant, "share": share}
                for (metric, variant), share in shares.items()
            ],
            "carried": [
                {
                    "metric": one.metric,
                    "variant": one.variant,
                    "customers": one.taken,
                    "pvalue": one.pvalue,
                    "pvalue_without": one.pvalue_without,
                }
                for one in carried
            ],
        },
    )


def _told(shares: Mapping[tuple[str, str], float], carried: Sequence[_Carried]) -> list[str]:
    told: list[str] = [
        sentence(
            "one customer makes {share:.1%} of {metric} in {variant}",
            share=share,
            metric=metric,
            variant=variant,
        )
        for (metric, variant), share in shares.items()
    ]
    told += [
        plural(
            "the difference of {variant} in {metric} rests on {n} customer: p = {pvalue:.3g}, and "
            "{without:.3g} without",
            "the difference of {variant} in {metric} rests on {n} customers: p = {pvalue:.3g}, and "
            "{without:.3g} without",
            one.taken,
            metric=one.metric,
            variant=one.variant,
            pvalue=one.pvalue,
            without=one.pvalue_without,
        )
        for one in carried
    ]
    return told


def _shares(
    summaries: Summaries, largest: Mapping[tuple[str, str], tuple[float, ...]]
) -> dict[tuple[str, str], float]:
    """Who makes a large part of a variant's total."""
    found = {}
    for key, values in largest.items():
        summary = summaries[key].summary
        if not isinstance(summary, Moments) or summary.n < ENOUGH_UNITS or not values:
            continue
        total = summary.n * summary.mean
        if total > 0 and values[0] / total > LARGE_SHARE:
            found[key] = values[0] / total
    return found


def _carried(spec: Spec, found: Found) -> list[_Carried]:
    control, alpha = spec.control.key if spec.control is not None else "", spec.analysis.alpha
    carried = []
    for metric, variant in found.largest_values:
        keys = (metric, control), (metric, variant)
        if variant == control:
            continue
        one = _without_largest(
            found.summaries[keys[0]].summary,
            found.summaries[keys[1]].summary,
            [(value, False) for value in found.largest_values[keys[0]]]
            + [(value, True) for value in found.largest_values[keys[1]]],
            alpha,
        )
        if one is not None:
            carried.append(_Carried(metric, variant, *one))
    return carried


def _without_largest(
    control: Summary,
    treatment: Summary,
    largest: Sequence[tuple[float, bool]],
    alpha: float,
) -> tuple[int, float, float] | None:
    """How many of the largest carry the difference, and its p-values with and without them.

    Args:
        control: The control's summary.
        treatment: The treatment's.
        largest: Each value, and whether it is the treatment's.
        alpha: The error rate.
    """
    if not isinstance(control, Moments) or not isinstance(treatment, Moments):
        return None
    if min(control.n, treatment.n) < FEW_UNITS:
        return None
    whole = welch(control, treatment)
    if whole.pvalue is None or whole.pvalue >= alpha or not whole.difference:
        return None
    values = sorted(largest, reverse=True)
    for taken, (value, is_treatment) in enumerate(values[:MOST_TAKEN], start=1):
        if is_treatment:
            treatment = _less(treatment, value)
        else:
            control = _less(control, value)
        rest = welch(control, treatment)
        left = (rest.difference or 0.0) / whole.difference
        if rest.pvalue is not None and rest.pvalue >= alpha and left < LEFT:
            return taken, whole.pvalue, rest.pvalue
    return None


def _less(moments: Moments, value: float) -> Moments:
    """The moments without one value."""
    n = moments.n - 1
    away = value - moments.mean
    mean = moments.mean - away / n
    return Moments(n, mean, max(moments.m2 - away * (value - mean), 0.0))
