"""Survival curves for the report, and what they say about units whose window is not over."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from abtest.analysis.method_choice import horizon_of
from abtest.analysis.readings import other_reading, readings_of
from abtest.analysis.result import Check
from abtest.metrics.base import EventMetric
from abtest.sentences import joined, sentence
from abtest.stats.summaries import Proportion
from abtest.stats.survival.incidence import incidence, incidence_estimate
from abtest.stats.survival.kaplan_meier import CurvePoint, kaplan_meier_curve, survival_interval
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.maturity import cohorts_agree, readings_agree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.summaries import Found, Summaries
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.variants import Variant
    from abtest.stats.survival.kaplan_meier import Curve

ALPHA = 0.01


def curves(spec: Spec, summaries: Summaries) -> Iterator[dict[str, Any]]:
    """The share with the event by each time, for each survival reading and variant.

    ``low`` and ``high`` hold the log-log interval at each time on its own, at the level of the
    results; null where the curve has no variance.
    """
    ci_level = 1 - spec.analysis.alpha
    for reading in readings_of(spec):
        for variant in spec.variants or ():
            table = summaries[reading.name, variant.key].summary
            if not isinstance(table, LifeTable):
                continue
            curve = kaplan_meier_curve(table)
            yield {
                "metric": reading.metric.key,
                "reading": "censored",
                "variant": variant.key,
                "time": [float(time) for time in curve.times],
                "share": [0.0 - math.expm1(value) for value in curve.log_survival],
                **_band(curve, ci_level),
                "followed_to": table.last,
            }


def _band(curve: Curve, ci_level: float) -> dict[str, list[float | None]]:
    """The ends of the interval of the share with the event at each time."""
    lows: list[float | None] = []
    highs: list[float | None] = []
    for log_survival, greenwood in zip(curve.log_survival, curve.greenwood, strict=True):
        at_the_end = "nobody is left" if math.isinf(log_survival) else ""
        point = CurvePoint(float(log_survival), float(greenwood), 0, at_the_end)
        interval = survival_interval(point, ci_level)
        lows.append(None if interval is None else 1 - interval.high)
        highs.append(None if interval is None else 1 - interval.low)
    return {"low": lows, "high": highs}


def censored_readings(spec: Spec, summaries: Summaries) -> Iterator[dict[str, Any]]:
    """The second reading of each metric that asks for one: all units, off the survival curve."""
    ci_level = 1 - spec.analysis.alpha
    for metric in _with_both(spec):
        tables = _tables(spec, summaries, other_reading(metric, "censored"))
        horizon = horizon_of(metric, tables)
        if horizon is None:
            continue
        control = tables[0]
        for variant, table in zip(_control_first(spec), tables, strict=True):
            if spec.control is None or variant.control:
                found = incidence_estimate(table, horizon, ci_level)
                yield {**_who(metric, variant.key, table), "value": found.value}
                continue
            compared = incidence(control, table, horizon, ci_level)
            interval = compared.difference_ci
            yield {
                **_who(metric, variant.key, table),
                "value": compared.value,
                "difference": compared.difference,
                "difference_ci_low": None if interval is None else interval.low,
                "difference_ci_high": None if interval is None else interval.high,
                "lift": compared.lift,
                "pvalue": compared.pvalue,
                "method": compared.method,
                "notes": list(compared.notes),
            }


def _who(metric: Metric, variant: str, table: LifeTable) -> dict[str, Any]:
    return {"metric": metric.key, "reading": "censored", "variant": variant, "n": table.n}


def _with_both(spec: Spec) -> Iterator[EventMetric]:
    """The metrics that are read in both ways."""
    for metric in spec.metrics:
        if isinstance(metric, EventMetric) and set(metric.readings) == {"complete", "censored"}:
            yield metric


def _tables(spec: Spec, summaries: Summaries, name: str) -> list[LifeTable]:
    """The life tables of a reading, the control's first."""
    found = [summaries[name, variant.key].summary for variant in _control_first(spec)]
    return [table for table in found if isinstance(table, LifeTable)]


def _control_first(spec: Spec) -> list[Variant]:
    return sorted(spec.variants or (), key=lambda variant: not variant.control)


def readings_check(spec: Spec, found: Found) -> Check | None:
    """Whether mature units and the survival curve agree, and early and late entrants too."""
    details: dict[str, Any] = {}
    flagged = []
    for metric in _with_both(spec):
        for key, note, pvalue, is_flagged in _compared(spec, found, metric):
            details[f"{metric.key}: {key}"] = pvalue
            if is_flagged and pvalue is not None:
                flagged.append(
                    sentence(
                        "{metric}: {note} ({what}, p = {pvalue:.3g})",
                        metric=metric.key,
                        note=note,
                        what=key,
                        pvalue=pvalue,
                    )
                )
    if not details:
        return None
    return Check(
        key="readings",
        status="warn" if flagged else "pass",
        message=sentence("{told}.", told=joined("; ", flagged))
        if flagged
        else sentence("Both readings of a metric agree."),
        hint=sentence("Read the metric on mature units, and look at why later entrants differ.")
        if flagged
        else None,
        details=details,
    )


def _compared(
    spec: Spec, found: Found, metric: EventMetric
) -> Iterator[tuple[str, str, float | None, bool]]:
    main, other = metric.readings[0], metric.readings[1]
    names = {main: metric.key, other: other_reading(metric, other)}
    tables = _tables(spec, found.summaries, names["censored"])
    horizon = horizon_of(metric, tables)
    if horizon is None:
        return
    ordered = _control_first(spec)
    for variant, table in zip(ordered, tables, strict=True):
        complete = found.summaries[names["complete"], variant.key].summary
        if isinstance(complete, Proportion):
            check = readings_agree([complete], [table], horizon, ALPHA / len(ordered))
            yield f"{variant.key}, readings", check.note, check.pvalue, check.flagged
        cohorts = found.cohorts.get((names["censored"], variant.key))
        if cohorts is not None:
            # Times are days from 1: the last day of the window is before the horizon and one.
            check = cohorts_agree(*cohorts, horizon + 1, ALPHA / len(ordered))
            yield f"{variant.key}, entry", check.note, check.pvalue, check.flagged
