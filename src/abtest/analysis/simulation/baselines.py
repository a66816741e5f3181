"""Invented buyers who are as the plan says: its baselines are met by their pace and their baskets.

The pace at which all of them buy, before and after the assignment, meets the first baseline of a
share or a number of orders; where no pace can, they stay longer. How even the paces are meets a
number of orders beside a share, as well as it can. The size of the baskets meets the first baseline
of a sum or a ratio, and their spread the standard deviation that is said with a sum, where it can.
Primary metrics come first. Every other baseline follows from these, and what it becomes is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from abtest.analysis.simulation.truth import NOTHING, Levers, Truth
from abtest.errors import DataError
from abtest.metrics.count import CountMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.sum import SumMetric
from abtest.stats.roots import find_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.simulation.buyers import Buyers, Floats
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.planning import Baseline

_NEARLY = 1e-6  # a baseline that is so near, as a share of it, is met
_WIDEST = math.log(1e4)  # how far the pace may be from the model's, on the log scale
_EVENNESS = (0.25, 2.0)
_FEW = 10_000
_HINT = "Correct it in plan.baselines, or take it out to let the buyers be what they are."


@dataclass(frozen=True, slots=True)
class Planned:
    """A baseline beside what the invented buyers have.

    Attributes:
        metric: The metric's key.
        planned: What the plan says.
        value: What is true of them without an effect; None where it has no closed form.
        planned_sd: The standard deviation that the plan says; None where it says none.
        sd: That of the buyers; None where it has no closed form.
    """

    metric: str
    planned: float
    value: float | None
    planned_sd: float | None = None
    sd: float | None = None

    @property
    def met(self) -> bool:
        """Whether the value is the planned one."""
        return self.value is not None and _near(self.value, self.planned)

    @property
    def met_sd(self) -> bool:
        """Whether the standard deviation is the planned one."""
        both = self.sd is not None and self.planned_sd is not None
        return both and _near(self.sd or 0.0, self.planned_sd or 0.0)


def as_planned(spec: Spec, buyers: Buyers, midnight: Floats) -> Buyers:
    """The buyers with the pace and the baskets that meet the plan's baselines.

    Args:
        spec: The experiment.
        buyers: The customers as the model has them.
        midnight: The start of the day of each one's assignment, in days.

    Raises:
        DataError: No pace or no baskets meet a baseline.
    """
    all_of_them = _Crowd(spec, buyers, midnight)
    known = [metric for metric in _said(spec) if all_of_them.value(metric) is not None]
    of_basket = [metric for metric in known if isinstance(metric, SumMetric | RatioMetric)]
    of_pace = [metric for metric in known if metric not in of_basket]
    if of_pace:
        buyers = _with_pace(all_of_them, of_pace)
    if of_basket:
        buyers = _with_baskets(_Crowd(spec, buyers, midnight), of_basket[0])
    return buyers


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Buyers of whom it is asked what is true without an effect."""

    spec: Spec
    buyers: Buyers
    midnight: Floats

    @property
    def truth(self) -> Truth:
        return Truth(self.spec, self.buyers, self.midnight, None)

    def value(self, metric: Metric) -> float | None:
        return self.truth.value(metric, Levers())

    def paced(self, logarithm: float, evenness: float = 1.0) -> _Crowd:
        """The same at another pace, whose spread on the log scale is multiplied."""
        pace = self.buyers.pace**evenness * math.exp(logarithm)
        return replace(self, buyers=replace(self.buyers, pace=pace))

    def staying(self, times: float) -> _Crowd:
        """The same who stay so many times as long."""
        died = self.buyers.born + (self.buyers.died - self.buyers.born) * times
        return replace(self, buyers=replace(self.buyers, died=died))

    def some(self) -> _Crowd:
        """A few thousand of them, on whom a search is fast."""
        step, all_of_them = max(1, len(self.midnight) // _FEW), self.buyers
        buyers = replace(
            all_of_them,
            anchor=all_of_them.anchor[::step],
            born=all_of_them.born[::step],
            died=all_of_them.died[::step],
            pace=all_of_them.pace[::step],
            median=all_of_them.median[::step],
        )
        return _Crowd(self.spec, buyers, self.midnight[::step])


def told(spec: Spec, truth: Truth) -> tuple[Planned, ...]:
    """Every baseline of the plan beside what is true, in the order of the spec's metrics."""
    said = _baselines(spec)
    return tuple(
        Planned(
            metric.key,
            said[metric.key].value,
            truth.value(metric, Levers()),
            said[metric.key].sd,
            truth.sd(metric),
        )
        for metric in spec.metrics
        if metric.key in said
    )


def _baselines(spec: Spec) -> dict[str, Baseline]:
    return spec.plan.baselines if spec.plan is not None else {}


def _said(spec: Spec) -> list[Metric]:
    """The metrics with a baseline, primary ones first."""
    found = [metric for metric in spec.metrics if metric.key in _baselines(spec)]
    return sorted(found, key=lambda metric: metric.role != "primary")


def _with_pace(crowd: _Crowd, metrics: Sequence[Metric]) -> Buyers:
    """The pace that meets the first baseline, as even as meets a second one as well as can be."""
    first, some = metrics[0], crowd.some()
    wanted = _baselines(crowd.spec)[first.key].value
    shares = [metric for metric in metrics if not isinstance(metric, CountMetric)]
    longer = _longer(some, shares[0]) if shares else 1.0
    crowd, some = crowd.staying(longer), some.staying(longer)
    evenness = _evenness(some, metrics)
    near = _logarithm(some, first, evenness, (-_WIDEST, _WIDEST))
    found = _logarithm(crowd, first, evenness, (near - 1.0, near + 1.0))
    paced = crowd.paced(found, evenness)
    if not _near(paced.value(first) or 0.0, wanted):
        raise DataError(
            f"no pace of buying makes {first.key} {wanted:.4g}, as plan.baselines says", _HINT
        )
    return paced.buyers


def _logarithm(
    crowd: _Crowd, metric: Metric, evenness: float, between: tuple[float, float]
) -> float:
    """The logarithm of what multiplies the pace, so that a baseline is met."""
    wanted = _baselines(crowd.spec)[metric.key].value

    def missing(logarithm: float) -> float:
        gap = wanted - (crowd.paced(logarithm, evenness).value(metric) or 0.0)
        return -gap if isinstance(metric, NOTHING) else gap

    return find_root(missing, *between)


def _evenness(crowd: _Crowd, metrics: Sequence[Metric]) -> float:
    """What multiplies the spread of the paces: few orders of many buyers are even ones."""
    first = metrics[0]
    others = [
        m for m in metrics if isinstance(m, CountMetric) is not isinstance(first, CountMetric)
    ]
    if not others:
        return 1.0
    second = others[0]
    wanted = _baselines(crowd.spec)[second.key].value
    rises = isinstance(second, (CountMetric, *NOTHING))

    def missing(evenness: float) -> float:
        at = _logarithm(crowd, first, evenness, (-_WIDEST, _WIDEST))
        gap = wanted - (crowd.paced(at, evenness).value(second) or 0.0)
        return gap if rises else -gap

    return find_root(missing, *_EVENNESS)


def _longer(crowd: _Crowd, metric: Metric) -> float:
    """How many times as long buyers have to stay, so that a share can be what is planned.

    Half as many again as buy, or half of those who do not, are there and do not buy.
    """
    wanted = _baselines(crowd.spec)[metric.key].value
    share = 1 - wanted if isinstance(metric, NOTHING) else wanted
    there = min(1.5 * share, (1 + share) / 2)

    def missing(logarithm: float) -> float:
        value = crowd.staying(math.exp(logarithm)).paced(_WIDEST).value(metric) or 0.0
        return there - (1 - value if isinstance(metric, NOTHING) else value)

    return math.exp(find_root(missing, 0.0, _WIDEST))


def _with_baskets(crowd: _Crowd, metric: Metric) -> Buyers:
    said, buyers = _baselines(crowd.spec)[metric.key], crowd.buyers
    value = crowd.value(metric)
    if not value or said.value <= 0:
        raise DataError(
            f"no baskets make {metric.key} {said.value:.4g}, as plan.baselines says", _HINT
        )
    buyers = replace(buyers, median=buyers.median * (said.value / value))
    if said.sd is None or not isinstance(metric, SumMetric):
        return buyers
    spread = replace(crowd, buyers=buyers).truth.spread(metric)
    if spread is None:
        return buyers
    # The variance is within * exp(s^2) + between, where s is the sd of the logarithm of a basket.
    within, between = spread
    ratio = (said.sd**2 - between) / within
    if ratio <= 1:  # how often customers buy alone varies more: baskets stay what they are
        return buyers
    basket_sd = math.sqrt(math.log(ratio))
    mean = buyers.basket
    return replace(buyers, median=mean * math.exp(-(basket_sd**2) / 2), basket_sd=basket_sd)


def _near(value: float, planned: float) -> bool:
    return abs(value - planned) <= _NEARLY * abs(planned)
