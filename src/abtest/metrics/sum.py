"""Sum: how much a unit's events add up to."""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.metrics.base import VALUE, Aggregate, EventMetric, EventScope, flag
from abtest.metrics.winsorize import Winsorize
from abtest.stats.summaries import Moments, Summary


class SumMetric(EventMetric):
    """The total value of a unit's events in the window.

    A unit with an event whose value is missing is not observed: an unknown amount is not zero.
    """

    kind: Literal["sum"]
    winsorize: Winsorize | None = None
    """Also read the metric with each unit's total capped."""
    summary: ClassVar[type[Summary]] = Moments

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        inside = nw.when(self.in_window()).then(nw.col(VALUE)).otherwise(nw.lit(0.0))
        unknown = flag(self.in_window() & nw.col(VALUE).is_null())
        return {self.column("sum"): Aggregate(inside, "sum"), self.column("unknown"): unknown}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return nw.col(self.column("sum"))

    def observed(self) -> nw.Expr | None:
        # A total with a part that nobody knows is not known; it is not the rest of it.
        return nw.col(self.column("unknown")) == 0
