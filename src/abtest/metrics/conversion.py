"""Conversion: any event in the window."""

from __future__ import annotations

from typing import Literal

import narwhals as nw

from abtest.metrics.base import Aggregate, EventScope, flag
from abtest.metrics.first_event import FirstEventMetric


class ConversionMetric(FirstEventMetric):
    """The share of units with any event in the window."""

    kind: Literal["conversion"]

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        columns = {self.column("any"): flag(self.in_window())}
        if "censored" in self.readings:
            columns[self.column("first_day")] = self.earliest_day(self.in_window())
        return columns

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return nw.col(self.column("any"))

    def first_day(self) -> nw.Expr:
        return nw.col(self.column("first_day"))
