"""Retention and churn: active in a window such as days 28 to 34, and its complement."""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.fields import Direction
from abtest.metrics.base import EventMetric, EventScope, flag
from abtest.stats.summaries import Proportion, Summary


class RetentionMetric(EventMetric):
    """The share of units active in the window: ``[28d, 35d)`` is the fifth week."""

    kind: Literal["retention"]
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:  # noqa: ARG002 - one signature
        return {self.column("active"): flag(self.in_window())}

    def outcome(self) -> nw.Expr:
        return nw.col(self.column("active"))


class ChurnMetric(EventMetric):
    """The share of units that are not active in the window: the complement of retention."""

    kind: Literal["churn"]
    desired_change: Direction = "decrease"
    """Which direction is better; for churn, down."""
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:  # noqa: ARG002 - one signature
        return {self.column("active"): flag(self.in_window())}

    def outcome(self) -> nw.Expr:
        return 1 - nw.col(self.column("active"))
