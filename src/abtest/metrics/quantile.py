"""Quantile: the median of a numeric column, or any other quantile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from abtest.metrics.base import ColumnMetric
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Summary


class QuantileMetric(ColumnMetric):
    """A quantile of a numeric column over units: half of them are at most at the median."""

    kind: Literal["quantile"]
    column: str
    """The column with each unit's value."""
    q: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Which share of the units lies below: 0.5, the default, is the median."""
    summary: ClassVar[type[Summary]] = ValueCounts
