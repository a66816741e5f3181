"""Retention: active in a window such as days 28 to 34.

Its three meanings are windows, which are half-open and in elapsed time unless they say
``calendar: true``:

* an exact day, ``{start: 7d, end: 8d, calendar: true}``: active on day 7;
* a bracket, ``{start: 28d, end: 35d}``: active in the fifth week;
* unbounded, ``{start: 28d, end: 90d}``: active on any of days 28 to 89. Without an end the answer
  would depend on how long each unit happened to be followed, so `end` is always required.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.metrics.base import Aggregate, EventMetric, EventScope, flag
from abtest.stats.summaries import Proportion, Summary


class RetentionMetric(EventMetric):
    """The share of units active in the window: ``[28d, 35d)`` is the fifth week."""

    kind: Literal["retention"]
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        return {self.column("active"): flag(self.in_window())}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return nw.col(self.column("active"))
