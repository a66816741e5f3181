"""The posterior of each primary lift, as what is needed to draw it.

The record holds the posterior's median and interval. Under the normal model of the log lift these
fix the whole curve; under the other models the curve drawn through them is close, not exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from abtest.report import numbers
from abtest.report.rows import contrast_name
from abtest.report.text import clean

if TYPE_CHECKING:
    from abtest.analysis.result import Record, Result


@dataclass(frozen=True, slots=True)
class PosteriorCurve:
    """A normal posterior of the log lift.

    Attributes:
        metric: The metric.
        name: The variant.
        mean: Mean of the log lift.
        sd: Its standard deviation, above 0.
        is_exact: Whether the model says just this; otherwise it is drawn close to what it says.
        text: The median and the interval of the lift.
    """

    metric: str
    name: str
    mean: float
    sd: float
    is_exact: bool
    text: str

    def density(self, lift: float) -> float:
        """The density of the lift, per unit of lift; 0 at and below -1.

        With m and s the mean and standard deviation of the log lift: phi((log(1 + x) - m) / s) /
        (s (1 + x)).
        """
        if lift <= -1:
            return 0.0
        z = (math.log1p(lift) - self.mean) / self.sd
        return math.exp(-z * z / 2) / (math.sqrt(2 * math.pi) * self.sd * (1 + lift))

    def quantile(self, z: float) -> float:
        """The lift so many standard deviations of the log lift from its mean."""
        return math.expm1(self.mean + z * self.sd)


@dataclass(frozen=True, slots=True)
class Posteriors:
    """The curves, and the lifts that are practically nothing.

    Attributes:
        curves: One for each primary metric and variant.
        rope: Lifts within plus or minus this share are practically nothing; None where not asked.
    """

    curves: tuple[PosteriorCurve, ...]
    rope: float | None

    @property
    def is_exact(self) -> bool:
        """Whether every curve is just what its model says."""
        return all(curve.is_exact for curve in self.curves)


def build_posteriors(result: Result) -> Posteriors:
    """The posteriors of the primary metrics, for all customers."""
    found = [
        _curve(record)
        for record in result.results
        if record.role == "primary" and record.segment is None
    ]
    return Posteriors(tuple(curve for curve in found if curve is not None), _rope(result))


def _curve(record: Record) -> PosteriorCurve | None:
    ends = record.posterior_lift, record.posterior_lift_low, record.posterior_lift_high
    median, low, high = ends
    if median is None or low is None or high is None or not -1 < low < median < high:
        return None
    number, interval = numbers.lift_with_interval(median, low, high)
    width = math.log1p(high) - math.log1p(low)
    return PosteriorCurve(
        metric=clean(record.metric),
        name=contrast_name(record),
        mean=math.log1p(median),
        # The standard library's quantile: scipy would be loaded for every view of a result.
        sd=width / (2 * NormalDist().inv_cdf((1 + record.ci_level) / 2)),
        is_exact=record.bayes_model == "normal_log_lift",
        text=f"{number} ({interval})",
    )


def _rope(result: Result) -> float | None:
    analysis = result.spec.get("analysis")
    bayes = analysis.get("bayes") if isinstance(analysis, dict) else None
    rope = bayes.get("rope") if isinstance(bayes, dict) else None
    return rope.get("relative") if isinstance(rope, dict) else None
