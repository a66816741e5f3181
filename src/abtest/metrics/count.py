"""Count: how many events per unit."""

from __future__ import annotations

from typing import ClassVar, Literal

import narwhals as nw

from abtest.metrics.base import (
    DAY_OF,
    ORDER,
    Aggregate,
    EventMetric,
    EventScope,
    count_where,
    flag,
)
from abtest.stats.summaries import Moments, Summary


class CountMetric(EventMetric):
    """The number of events per unit in the window.

    Events that share an id are one; where the stream merges by calendar day, the events of one
    local day are one.
    """

    kind: Literal["count"]
    summary: ClassVar[type[Summary]] = Moments

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:
        inside = self.in_window()
        if scope.distinct == "rows":
            return {self.column("rows"): count_where(inside)}
        what = nw.col(ORDER if scope.distinct == "order" else DAY_OF)
        named = inside & ~what.is_null()
        return {
            self.column("distinct"): Aggregate(nw.when(named).then(what), "n_unique"),
            # n_unique counts a null (a row that is not counted) as a value of its own.
            self.column("null"): flag(~named),
            # An event without an id shares it with no other.
            self.column("rows"): count_where(inside & what.is_null()),
        }

    def outcome(self, scope: EventScope) -> nw.Expr:
        rows = nw.col(self.column("rows"))
        if scope.distinct == "rows":
            return rows
        return nw.col(self.column("distinct")) - nw.col(self.column("null")) + rows
