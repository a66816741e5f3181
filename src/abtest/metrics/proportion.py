"""Proportion: a 0/1 (or true/false) column."""

from __future__ import annotations

from typing import ClassVar, Literal

from abtest.metrics.base import ColumnMetric
from abtest.stats.summaries import Proportion, Summary


class ProportionMetric(ColumnMetric):
    """The share of units with a true outcome, from a column of true/false or 1/0."""

    kind: Literal["proportion"]
    summary: ClassVar[type[Summary]] = Proportion
