"""What was known about a unit before the treatment: its earlier events, or a column."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from abtest.fields import Block, Duration
from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.count import CountMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.window import Window
from abtest.sources.tables import Column


class CovariateWindow(Block):
    """A half-open window before the assignment, in elapsed time."""

    start: Duration
    """Where it starts: -90d."""
    end: Duration
    """Where it ends: 0d at the latest, so that nothing the treatment could move is inside."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if self.end.total_seconds() > 0:
            raise PydanticCustomError(
                "covariate_window",
                "reaches past the anchor, where the treatment may have moved it; it must end by 0d",
            )
        if self.end <= self.start:
            raise PydanticCustomError("window_order", "must end after its start")


class EventCovariate(Block):
    """Events of a unit before its assignment, counted, added up, or whether there are any."""

    kind: Literal["count", "sum", "conversion"]
    """count, sum or conversion (any event)."""
    events: str
    """Which stream of data.events."""
    window: CovariateWindow
    """The window; it must end at or before the assignment."""

    def metric(self, key: str) -> CountMetric | SumMetric | ConversionMetric:
        """The same as a metric, which says what to aggregate.

        Its window is over at the assignment, so every unit is mature; a unit without events has 0.

        Args:
            key: Names the aggregated columns.
        """
        window = Window(start=self.window.start, end=self.window.end)
        if self.kind == "count":
            return CountMetric(key=key, kind="count", events=self.events, window=window)
        if self.kind == "sum":
            return SumMetric(key=key, kind="sum", events=self.events, window=window)
        return ConversionMetric(key=key, kind="conversion", events=self.events, window=window)


class ColumnCovariate(Block):
    """A number per unit, in a column of data.units, that was known before the assignment."""

    kind: Literal["column"]
    """A column."""
    column: Column
    """The column of data.units."""


Covariate = Annotated[EventCovariate | ColumnCovariate, Field(discriminator="kind")]
