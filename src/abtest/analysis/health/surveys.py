"""Who answered a survey: the same share of each variant, or the answers may not be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from abtest.analysis.result import Check
from abtest.metrics.survey import SurveyMetric
from abtest.sentences import joined, plural, sentence
from abtest.stats.means.response import Answers, ResponseRates, response_rates, worst_case_bounds
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from abtest.analysis.summaries import Found, MetricCounts
    from abtest.spec import Spec

ALPHA = 0.01


def response_check(spec: Spec, found: Found) -> Check | None:
    """Response rates of every survey, and what those who did not answer could have changed."""
    told: list[str] = []
    details: dict[str, Any] = {}
    flagged = False
    for metric in spec.metrics:
        if not isinstance(metric, SurveyMetric):
            continue
        counts = [found.summaries[metric.key, variant.key] for variant in spec.variants or ()]
        rates = response_rates([c.n for c in counts], [c.n + c.missing for c in counts])
        invalid = found.totals[metric.column("invalid")]
        detail: dict[str, Any] = {
            "rates": list(rates.rates),
            "pvalue": rates.pvalue,
            "invalid": invalid,
        }
        told.append(_rates(spec, metric.key, rates))
        if rates.pvalue is not None and rates.pvalue < ALPHA:
            flagged = True
            detail["bounds"] = _bounds(spec, metric, found)
            told += _bounded(metric.key, detail["bounds"])
        if invalid:
            told.append(_invalid(metric, invalid))
        details[metric.key] = detail
    if not details:
        return None
    return Check(
        key="response_rates",
        status="warn" if flagged else "pass",
        message=joined(" ", told),
        hint=sentence(
            "Variants differ in who answers, so those who answered cannot be compared as if they "
            "had been picked at random."
        )
        if flagged
        else None,
        details=details,
    )


def _bounded(metric: str, bounds: dict[str, tuple[float, float]]) -> list[str]:
    return [
        sentence(
            "Whatever the others think, {metric} of {variant} less control is "
            "between {low:.4g} and {high:.4g}.",
            metric=metric,
            variant=key,
            low=low,
            high=high,
        )
        for key, (low, high) in bounds.items()
    ]


def _invalid(metric: SurveyMetric, invalid: int) -> str:
    low, high = metric.answers
    return plural(
        "{n:,} answer is no whole number from {low} to {high} and does not count for {metric}.",
        "{n:,} answers are no whole number from {low} to {high} and do not count for {metric}.",
        invalid,
        low=low,
        high=high,
        metric=metric.key,
    )


def _rates(spec: Spec, metric: str, found: ResponseRates) -> str:
    parts = [
        sentence("nobody asked in {variant}", variant=variant.key)
        if rate is None
        else sentence("{share:.1%} in {variant}", share=rate, variant=variant.key)
        for variant, rate in zip(spec.variants or (), found.rates, strict=True)
    ]
    rates = joined(", ", parts)
    if found.pvalue is None:
        return sentence("Answered {metric}: {rates}.", metric=metric, rates=rates)
    return sentence(
        "Answered {metric}: {rates} (p = {pvalue:.3g}).",
        metric=metric,
        rates=rates,
        pvalue=found.pvalue,
    )


def _bounds(spec: Spec, metric: SurveyMetric, found: Found) -> dict[str, tuple[float, float]]:
    """Between which values each treatment's difference from control lies."""
    if spec.control is None:
        return {}
    low, high = metric.score_range
    control = _answers(found.summaries[metric.key, spec.control.key])
    bounds = {}
    for variant in spec.treatments:
        treatment = _answers(found.summaries[metric.key, variant.key])
        interval = worst_case_bounds(control, treatment, low, high)
        if interval is not None:
            bounds[variant.key] = (interval.low, interval.high)
    return bounds


def _answers(counts: MetricCounts) -> Answers:
    return Answers(counts.n + counts.missing, counts.n, _mean(counts))


def _mean(counts: MetricCounts) -> float:
    summary = counts.summary
    if isinstance(summary, Proportion):
        return summary.successes / summary.n if summary.n else 0.0
    if isinstance(summary, ValueCounts):
        return float(np.average(summary.values, weights=summary.counts)) if summary.n else 0.0
    return summary.mean if isinstance(summary, Moments) else 0.0
