"""Mean: a numeric column."""

from __future__ import annotations

from typing import ClassVar, Literal

from abtest.metrics.base import ColumnMetric
from abtest.stats.summaries import Moments, Summary


class MeanMetric(ColumnMetric):
    """The mean of a numeric column over units."""

    kind: Literal["mean"]
    summary: ClassVar[type[Summary]] = Moments
