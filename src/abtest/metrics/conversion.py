"""Conversion: any event in the window."""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.metrics.base import EventMetric, EventScope, flag
from abtest.stats.summaries import Proportion, Summary


class ConversionMetric(EventMetric):
    """The share of units with any event in the window."""

    kind: Literal["conversion"]
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:  # noqa: ARG002 - one signature
        return {self.column("any"): flag(self.in_window())}

    def outcome(self) -> nw.Expr:
        return nw.col(self.column("any"))
