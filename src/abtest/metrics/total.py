"""Count and sum: how many events, and how much they add up to, per unit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from abtest.fields import Block
from abtest.metrics.base import DAY_OF, ORDER, VALUE, EventMetric, EventScope, flag
from abtest.stats.summaries import Moments, Summary


class Winsorize(Block):
    """Cap each unit's value, at a cap that was fixed before the results were seen."""

    cap: Annotated[float, Field(gt=0)]
    """The cap, in the metric's unit; the same for all variants."""


class CountMetric(EventMetric):
    """The number of events per unit in the window.

    Events that share an id are one; where the stream merges by calendar day, the events of one
    local day are one.
    """

    kind: Literal["count"]
    summary: ClassVar[type[Summary]] = Moments

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:
        if scope.distinct == "rows":
            counted = nw.when(self.in_window()).then(nw.lit(1)).otherwise(nw.lit(0)).sum()
        else:
            what = nw.col(ORDER if scope.distinct == "order" else DAY_OF)
            named = self.in_window() & ~what.is_null()
            # n_unique counts a null (a row that is not counted) as a value of its own.
            null = nw.when(named).then(nw.lit(0)).otherwise(nw.lit(1)).max()
            # An event without an id shares it with no other.
            nameless = nw.when(self.in_window() & what.is_null()).then(nw.lit(1))
            distinct = nw.when(named).then(what).n_unique() - null
            counted = distinct + nameless.otherwise(nw.lit(0)).sum()
        return {self.column("count"): counted}

    def outcome(self) -> nw.Expr:
        return nw.col(self.column("count"))


class SumMetric(EventMetric):
    """The total value of a unit's events in the window.

    A unit with an event whose value is missing is not observed: an unknown amount is not zero.
    """

    kind: Literal["sum"]
    winsorize: Winsorize | None = None
    """Cap each unit's total."""
    summary: ClassVar[type[Summary]] = Moments

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:  # noqa: ARG002 - one signature
        inside = nw.when(self.in_window()).then(nw.col(VALUE)).otherwise(nw.lit(0.0))
        unknown = flag(self.in_window() & nw.col(VALUE).is_null())
        return {self.column("sum"): inside.sum(), self.column("unknown"): unknown}

    def outcome(self) -> nw.Expr:
        return nw.col(self.column("sum"))

    def observed(self) -> nw.Expr | None:
        # A total with a part that nobody knows is not known; it is not the rest of it.
        return nw.col(self.column("unknown")) == 0
