"""Proportion: a 0/1 (or true/false) column, or totals of successes and trials."""

from __future__ import annotations

from typing import ClassVar, Literal

from abtest.metrics.base import ColumnMetric
from abtest.stats.summaries import Proportion, Summary


class ProportionMetric(ColumnMetric):
    """The share of units with a true outcome, from a column of true/false or 1/0.

    Where the data are totals, it names the columns with the successes and the trials instead.
    """

    kind: Literal["proportion"]
    successes: str | None = None
    """With data.totals: the column with how many trials succeeded."""
    trials: str | None = None
    """With data.totals: the column with how many trials there were."""
    summary: ClassVar[type[Summary]] = Proportion
