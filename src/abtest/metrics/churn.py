"""Churn: not active in a window, the complement of retention."""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.fields import Direction
from abtest.metrics.base import Aggregate, EventMetric, EventScope, flag
from abtest.stats.summaries import Proportion, Summary


class ChurnMetric(EventMetric):
    """The share of units that are not active in the window: the complement of retention."""

    kind: Literal["churn"]
    desired_change: Direction = "decrease"
    """Which direction is better; for churn, down."""
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        return {self.column("active"): flag(self.in_window())}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return 1 - nw.col(self.column("active"))
