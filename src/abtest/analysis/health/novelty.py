"""Novelty: does the lift fade with the weeks since the exposure?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.health.watched import primaries, span_key, spans_of
from abtest.analysis.moment_sums import MomentSums
from abtest.analysis.result import Check
from abtest.analysis.strata import entry_weights
from abtest.analysis.streams import VARIANT
from abtest.fields import DAY
from abtest.sentences import joined, sentence
from abtest.stats.families.procedures import adjust
from abtest.stats.health.trend import Spans, lift_trend
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.analysis.facts import Facts
    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import Summaries
    from abtest.metrics.base import EventMetric
    from abtest.sources.engine import Engine
    from abtest.spec import Spec
    from abtest.stats.health.trend import Trend

ALPHA = 0.01
SLOPE = "slope"

Rows = tuple[dict[str, Any], ...]


def weekly_of(
    spec: Spec,
    engine: Engine,
    frame: nw.LazyFrame[Any],
    facts: Facts,
    summaries: Summaries,
) -> Rows:
    """The lift by weeks since the exposure: one row for each span of weeks, and one for the slope.

    Args:
        spec: The experiment.
        engine: Where the units are.
        frame: One row per unit with its outcomes in each span.
        facts: What made the frame.
        summaries: How many units each has.

    Returns:
        Rows with ``metric``, ``variant``, ``days`` (first and last, from 1), ``lift`` with its
        interval; that of the slope has ``days`` None, and ``pvalue``.
    """
    # Where weights changed, weeks and weights hang together.
    if spec.control is None or spec.cluster is not None or len(entry_weights(spec)) > 1:
        return ()
    sums = {key: one for metric in primaries(spec) for key, one in _sums(metric, facts.readings)}
    if not sums:
        return ()
    columns = [column for one in sums.values() for column in one.expressions({})]
    names = [name for one in sums.values() for name in one.names()]
    gathered = frame.select(VARIANT, *columns).group_by(VARIANT)
    rows = engine.collect(gathered.agg(*(nw.col(name).sum() for name in names)))
    found = {
        (key, row[VARIANT]): _spans(one, row, summaries[one.reading.name, row[VARIANT]].n)
        for key, one in sums.items()
        for row in rows
    }
    return tuple(_rows(spec, found))


def _sums(metric: EventMetric, readings: Sequence[Reading]) -> Iterator[tuple[str, MomentSums]]:
    """The sums of one metric over its spans; of units that are mature for the last of them."""
    count = len(spans_of(metric.window))
    if count:
        by_name = {reading.name: reading for reading in readings}
        own = [by_name[span_key(metric, place)] for place in range(count)]
        yield metric.key, MomentSums(own[-1], tuple(reading.y for reading in own))


def _spans(one: MomentSums, row: Mapping[str, Any], n: int) -> Spans:
    found = one.read(row, n, (0.0,) * len(one.columns))
    return Spans(n, tuple(map(float, found.means)), tuple(map(tuple, found.products.tolist())))


def _rows(spec: Spec, found: Mapping[tuple[str, str], Spans]) -> Iterator[dict[str, Any]]:
    control = spec.control.key if spec.control is not None else ""
    z = -float(special.ndtri(spec.analysis.alpha / 2))
    for metric in primaries(spec):
        for variant in spec.treatments:
            pair = [found.get((metric.key, key)) for key in (control, variant.key)]
            known = [side for side in pair if side is not None]
            trend = lift_trend(*known) if len(known) == 2 else None
            if trend is not None:
                who = {"metric": metric.key, "variant": variant.key}
                yield from _lifts(metric, who, trend, z)
                yield {**who, "reading": SLOPE, "days": None, **_slope(trend, z)}


def _lifts(
    metric: EventMetric, who: dict[str, str], trend: Trend, z: float
) -> Iterator[dict[str, Any]]:
    spans = spans_of(metric.window)
    for place, log_lift, se in zip(trend.places, trend.log_lifts, trend.ses, strict=True):
        start, end = spans[place]
        yield {
            **who,
            "reading": "span",
            "days": [start // DAY + 1, -(-end // DAY)],
            "lift": math.expm1(log_lift),
            "lift_ci_low": math.expm1(log_lift - z * se),
            "lift_ci_high": math.expm1(log_lift + z * se),
        }


def _slope(trend: Trend, z: float) -> dict[str, Any]:
    return {
        "lift": math.expm1(trend.slope),
        "lift_ci_low": math.expm1(trend.slope - z * trend.slope_se),
        "lift_ci_high": math.expm1(trend.slope + z * trend.slope_se),
        "lift_first": trend.first,
        "lift_last": trend.last,
        "pvalue": trend.pvalue,
        "q": trend.q,
        "q_pvalue": trend.q_pvalue,
    }


def novelty(rows: Rows) -> Check | None:
    """Primary metrics whose lift fades: customers get used to it, or bought sooner, not more.

    Holm over metrics and variants. A lift that grows is no reason to worry and is not told.
    """
    slopes = [row for row in rows if row["reading"] == SLOPE]
    adjusted = adjust([row["pvalue"] for row in slopes], "holm")
    off = [
        (row, pvalue)
        for row, pvalue in zip(slopes, adjusted, strict=True)
        if pvalue is not None and pvalue < ALPHA and abs(row["lift_last"]) < abs(row["lift_first"])
    ]
    if not off:
        return None
    told = [
        sentence(
            "{metric}, {variant}: {first:+.1%} in the first weeks, {last:+.1%} in the last, "
            "adjusted p = {pvalue:.3g}",
            metric=row["metric"],
            variant=row["variant"],
            first=row["lift_first"],
            last=row["lift_last"],
            pvalue=pvalue,
        )
        for row, pvalue in off
    ]
    return Check(
        key="novelty",
        status="warn",
        message=sentence("The effect fades: {told}.", told=joined("; ", told)),
        hint=sentence(
            "A lift of novelty, or of purchases that only came sooner, does not last: decide on a "
            "longer window."
        ),
        details={"slopes": [{**row, "pvalue_adjusted": pvalue} for row, pvalue in off]},
    )
