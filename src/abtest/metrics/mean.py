"""Mean: a numeric column, or moments of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from abtest.metrics.base import ColumnMetric
from abtest.metrics.winsorize import Winsorize
from abtest.stats.summaries import Moments, Summary


class MeanMetric(ColumnMetric):
    """The mean of a numeric column over units.

    Where the data are moments, those are its columns, and it names none.
    """

    kind: Literal["mean"]
    winsorize: Winsorize | None = None
    """Also read the metric with each unit's value capped."""
    summary: ClassVar[type[Summary]] = Moments
