"""Survival: durations and events in columns, one row per unit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from abtest.metrics.base import Metric
from abtest.stats.summaries import Summary
from abtest.stats.survival.life_table import LifeTable


class SurvivalMetric(Metric):
    """The share of units with the event by the horizon, off a survival curve, from two columns.

    A unit is followed for its duration, which ends with the event or without (censored). Both a
    missing duration and a missing event leave the unit out as missing.
    """

    kind: Literal["survival"]
    duration: str
    """The column with how long each unit was followed, from 0, in any one unit of time."""
    event: str
    """The column that says (true/false or 1/0) whether the duration ended with the event."""
    horizon: Annotated[float, Field(gt=0)] | None = None
    """Where the curve is read, in the unit of duration; the longest duration that every variant
    reaches by default."""
    summary: ClassVar[type[Summary]] = LifeTable

    def unit_row_columns(self) -> dict[str, str]:
        return {"duration": self.duration, "event": self.event}
