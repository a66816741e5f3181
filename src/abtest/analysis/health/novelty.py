"""Novelty: is the lift smaller in the later half of the window than in the earlier?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.health.watched import halves_key, middle, primaries
from abtest.analysis.result import Check
from abtest.fields import format_duration
from abtest.sentences import joined, sentence
from abtest.stats.families.procedures import adjust
from abtest.stats.summaries import PairMoments
from abtest.stats.tails import normal_pvalue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.summaries import Found
    from abtest.metrics.base import EventMetric
    from abtest.spec import Spec

ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class Fading:
    """One variant's lift in both halves of the window.

    Attributes:
        early: The lift in the earlier half.
        late: The lift in the later half.
        pvalue: Of one lift in both.
    """

    early: float
    late: float
    pvalue: float


def fading(control: PairMoments, treatment: PairMoments) -> Fading | None:
    """Compare the lift of the later half (y) with that of the earlier (x).

    z = (log y_t / x_t - log y_c / x_c) / se, with each variant's variance v_y / y^2 + v_x / x^2 -
    2 v_xy / (x y) over n: the same customers are in both halves. A base rate that falls with time
    since the assignment is no fading.

    Args:
        control: The control's units: later half over earlier half.
        treatment: The treatment's.

    Returns:
        The two lifts and the test; None where a half has no events.

    Example:
        >>> from abtest.stats.summaries import PairMoments
        >>> control = PairMoments(1000, 0.10, 0.10, 90.0, 90.0, 0.0)
        >>> found = fading(control, PairMoments(1000, 0.10, 0.20, 90.0, 160.0, 0.0))
        >>> round(found.early, 3), round(found.late, 3), found.pvalue < 0.01
        (1.0, 0.0, True)
    """
    sides = [_log_ratio(side) for side in (control, treatment)]
    if None in sides:
        return None
    (base, base_variance), (other, variance) = (side for side in sides if side is not None)
    se = math.sqrt(base_variance + variance)
    if se == 0:
        return None
    return Fading(
        early=treatment.mean_x / control.mean_x - 1,
        late=treatment.mean_y / control.mean_y - 1,
        pvalue=normal_pvalue((other - base) / se),
    )


def _log_ratio(pair: PairMoments) -> tuple[float, float] | None:
    if pair.n < 2 or not (pair.mean_y > 0 and pair.mean_x > 0):
        return None
    spread = (
        pair.m2_y / pair.mean_y**2
        + pair.m2_x / pair.mean_x**2
        - 2 * pair.c_xy / (pair.mean_x * pair.mean_y)
    )
    return math.log(pair.mean_y / pair.mean_x), max(spread, 0.0) / (pair.n - 1) / pair.n


def novelty(spec: Spec, found: Found) -> Check | None:
    """Primary metrics whose lift fades: customers get used to it, or bought sooner, not more.

    Holm over metrics and variants. A lift that grows is no reason to worry and is not told.
    """
    rows = list(_halves(spec, found))
    adjusted = adjust([halves.pvalue for _, _, halves in rows], "holm")
    off = [
        (*row, pvalue)
        for row, pvalue in zip(rows, adjusted, strict=True)
        if pvalue is not None and pvalue < ALPHA and abs(row[2].late) < abs(row[2].early)
    ]
    if not off:
        return None
    told = [
        sentence(
            "{metric}, {variant}: {early:+.1%} in the first {length}, {late:+.1%} after, "
            "adjusted p = {pvalue:.3g}",
            metric=metric.key,
            variant=variant,
            early=halves.early,
            late=halves.late,
            length=_half(metric),
            pvalue=pvalue,
        )
        for metric, variant, halves, pvalue in off
    ]
    return Check(
        key="novelty",
        status="warn",
        message=sentence("The effect fades: {told}.", told=joined("; ", told)),
        hint=sentence(
            "A lift of novelty, or of purchases that only came sooner, does not last: decide on a "
            "longer window."
        ),
        details={
            "halves": [
                {
                    "metric": metric.key,
                    "variant": variant,
                    "lift_early": halves.early,
                    "lift_late": halves.late,
                    "pvalue": halves.pvalue,
                    "pvalue_adjusted": pvalue,
                }
                for metric, variant, halves, pvalue in off
            ]
        },
    )


def _halves(spec: Spec, found: Found) -> Iterator[tuple[EventMetric, str, Fading]]:
    control = spec.control.key if spec.control is not None else ""
    for metric in primaries(spec):
        for variant in spec.treatments:
            pair = [found.summaries.get((halves_key(metric), k)) for k in (control, variant.key)]
            sides = [one.summary for one in pair if one is not None]
            known = [side for side in sides if isinstance(side, PairMoments)]
            halves = fading(*known) if len(known) == 2 else None
            if halves is not None:
                yield metric, variant.key, halves


def _half(metric: EventMetric) -> str:
    return format_duration(middle(metric.window) - metric.window.start)
