"""Ratio of sums: average order value and the like, with the customer as the unit."""

from __future__ import annotations

from typing import ClassVar, Literal

from abtest.metrics.base import Metric
from abtest.stats.summaries import PairMoments, Summary


class RatioMetric(Metric):
    """Sum of the numerator over sum of the denominator; the unit of analysis stays the customer.

    Both name another metric (a mean, a count or a sum with one anchor and one maturity); where the
    data have one row per unit, they may name a column instead.
    """

    kind: Literal["ratio"]
    numerator: str
    """A metric's key, or a column."""
    denominator: str
    """A metric's key, or a column."""
    summary: ClassVar[type[Summary]] = PairMoments
