"""What is true of invented buyers on each metric, and which levers make an effect of some size.

An effect has two levers after the assignment: the pace at which a customer buys, and the size of
the basket. Expected outcomes follow from them in closed form, customer by customer, so that the
truth is known and not estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abtest.errors import DataError
from abtest.fields import DAY
from abtest.metrics.base import EventMetric
from abtest.metrics.churn import ChurnMetric
from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.count import CountMetric
from abtest.metrics.inactivity import InactivityMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.repeat_purchase import RepeatPurchaseMetric
from abtest.metrics.retention import RetentionMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.time_to_event import TimeToEventMetric
from abtest.stats.roots import find_root

if TYPE_CHECKING:
    from datetime import timedelta

    from abtest.analysis.simulation.buyers import Buyers
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

Floats = npt.NDArray[np.float64]

_HIGHEST = 100.0  # times the pace: no effect is larger
_ANY = (ConversionMetric, RepeatPurchaseMetric, RetentionMetric, TimeToEventMetric)
NOTHING = (ChurnMetric, InactivityMetric)
"""Metrics of units that do not buy."""


@dataclass(frozen=True, slots=True)
class Levers:
    """What a variant does to its customers after the assignment.

    Attributes:
        pace: What multiplies the pace at which they buy.
        basket: What multiplies the size of their baskets.
    """

    pace: float = 1.0
    basket: float = 1.0


def orders_stream(spec: Spec) -> str | None:
    """The stream of orders: that of the first primary metric on events, else of the first."""
    found = [metric for metric in spec.metrics if isinstance(metric, EventMetric)]
    primary = [metric for metric in found if metric.role == "primary"]
    return next((metric.events for metric in (*primary, *found)), None)


class Truth:
    """The expected value of each metric for given levers.

    Args:
        spec: The experiment.
        buyers: The customers.
        midnight: The start of the day of each one's assignment, in days.
        last: When each one last bought before the assignment, in days; None where the past is not
            drawn yet, and chances stand for it.
    """

    def __init__(self, spec: Spec, buyers: Buyers, midnight: Floats, last: Floats | None) -> None:
        self._by_key = {metric.key: metric for metric in spec.metrics}
        self._buyers = buyers
        self._midnight = midnight
        self._last = last
        self._stream = orders_stream(spec)

    def value(self, metric: Metric, levers: Levers) -> float | None:
        """A metric's expected value; None where it is not known in closed form."""
        if isinstance(metric, RatioMetric):
            top, bottom = (
                self.value(self._by_key[key], levers) if key in self._by_key else None
                for key in (metric.numerator, metric.denominator)
            )
            return top / bottom if top is not None and bottom else None
        if not isinstance(metric, EventMetric) or not self._is_known(metric):
            return None
        start, end = metric.window.start, metric.window.end
        if isinstance(metric, InactivityMetric):
            start = end - metric.days * DAY
        orders = self._orders(metric, start, end, levers)
        if isinstance(metric, SumMetric):
            return float((orders * self._buyers.basket).mean() * levers.basket)
        if isinstance(metric, CountMetric):
            return float(orders.mean())
        nothing = np.exp(-orders)
        happened = nothing if isinstance(metric, NOTHING) else 1 - nothing
        weights = self._eligible(metric)
        total = float(weights.sum())
        return float((happened * weights).sum()) / total if total else None

    def sd(self, metric: Metric) -> float | None:
        """The standard deviation of one customer's sum without an effect; None for other metrics.

        A share has none to tell: it follows from its value.
        """
        found = self.spread(metric) if isinstance(metric, SumMetric) else None
        if found is None:
            return None
        within, between = found
        return float(np.sqrt(within * np.exp(self._buyers.basket_sd**2) + between))

    def spread(self, metric: SumMetric) -> tuple[float, float] | None:
        """What the variance of a sum is made of: ``within * exp(basket_sd^2) + between``.

        A customer's sum is compound Poisson: with the rate r and baskets of mean b its variance is
        r b^2 exp(basket_sd^2), and r b varies between customers.
        """
        if not self._is_known(metric):
            return None
        orders = self._orders(metric, metric.window.start, metric.window.end, Levers())
        basket = self._buyers.basket
        return float((orders * basket**2).mean()), float((orders * basket).var())

    def _eligible(self, metric: EventMetric) -> Floats:
        """Whether each customer can have the outcome, or the chance of it."""
        if not isinstance(metric, RepeatPurchaseMetric) or metric.prior is None:
            return np.ones_like(self._buyers.anchor)
        since = self._buyers.anchor - metric.prior.lookback / DAY
        if self._last is not None:
            return (self._last >= since).astype(np.float64)
        bought = -np.expm1(-self._buyers.expected(since, self._buyers.anchor))
        return np.where(self._buyers.born >= since, 1.0, bought)

    def levers_for(self, metric: Metric, change: float, *, relative: bool, known: Levers) -> Levers:
        """The levers that change a metric by so much, beside those that are known already.

        Raises:
            DataError: The metric has no lever, or none is long enough.
        """
        before = self.value(metric, Levers())
        if before is None:
            raise DataError(
                f"an effect on {metric.key} cannot be simulated",
                f"Effects are on metrics of the stream {self._stream}: shares, counts, sums and "
                "their ratio.",
            )
        wanted = before * (1 + change) if relative else before + change
        by_basket = isinstance(metric, SumMetric | RatioMetric)

        def missing(size: float) -> float:
            found = self.value(metric, _with(known, size, by_basket=by_basket))
            gap = wanted - (found or 0.0)
            return -gap if isinstance(metric, NOTHING) else gap

        if missing(0.0) < 0 or missing(_HIGHEST) > 0:
            ends = [
                self.value(metric, _with(known, size, by_basket=by_basket)) or 0.0
                for size in (0.0, _HIGHEST)
            ]
            hint = f"It can come to between {min(ends):.4g} and {max(ends):.4g}."
            if not relative and isinstance(metric, (*_ANY, *NOTHING)):
                hint += f" {change:+g} is a difference of shares; for a percentage write"
                hint += f" {change:+g}%."
            raise DataError(
                f"no change of behaviour moves {metric.key} from {before:.4g} to {wanted:.4g}", hint
            )
        return _with(known, find_root(missing, 0.0, _HIGHEST), by_basket=by_basket)

    def _is_known(self, metric: EventMetric) -> bool:
        known = isinstance(metric, (*_ANY, *NOTHING, SumMetric, CountMetric))
        return known and metric.events == self._stream and metric.anchor_stream is None

    def _orders(
        self, metric: EventMetric, start: timedelta, end: timedelta, levers: Levers
    ) -> Floats:
        """Expected orders of each customer in a window: the lever works from the anchor on."""
        buyers = self._buyers
        begins = self._midnight if metric.window.calendar else buyers.anchor
        low, high = begins + start / DAY, begins + end / DAY
        if isinstance(metric, RepeatPurchaseMetric):
            low = np.maximum(low, buyers.anchor)
        early = buyers.expected(low, np.clip(buyers.anchor, low, high))
        late = buyers.expected(np.clip(buyers.anchor, low, high), high)
        return np.asarray(early + levers.pace * late)


def _with(known: Levers, size: float, *, by_basket: bool) -> Levers:
    return replace(known, basket=size) if by_basket else replace(known, pace=size)
