"""Repeat purchase: a customer who has bought buys again."""

from __future__ import annotations

from typing import Any, Literal

import narwhals as nw

from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    Aggregate,
    EventScope,
    flag,
    microseconds,
)
from abtest.metrics.first_event import FirstEventMetric
from abtest.metrics.prior import Prior


class RepeatPurchaseMetric(FirstEventMetric):
    """The share of customers who buy again in the window.

    Anchored on assignment (the randomised question): the unit bought at or before the anchor, and
    buys strictly after it, on another local day than a purchase at the anchor. Anchored on
    first_event: a purchase on a later local day than the first. Anchored on another stream, as on
    assignment.
    """

    kind: Literal["repeat_purchase"]
    prior: Prior | None = None
    """Narrows which earlier purchases make a unit eligible; any by default."""

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        other_day = nw.col(DAY_OF) > nw.col(ANCHOR_DAY)
        later = (nw.col(AT) > nw.col(ANCHOR)) & self.in_window()
        if self.anchor == "first_event":
            return {self.column("again"): flag(later & other_day), **self._days(later & other_day)}
        before = nw.col(AT) <= nw.col(ANCHOR)
        if self.prior is not None:
            before &= nw.col(AT) >= nw.col(ANCHOR) - microseconds(self.prior.lookback)
        return {
            self.column("before"): flag(before),
            self.column("at_anchor"): flag(nw.col(AT) == nw.col(ANCHOR)),
            self.column("again"): flag(later),
            self.column("again_other_day"): flag(later & other_day),
            **self._days(later),
            **self._days(later & other_day, "_other_day"),
        }

    def _days(self, condition: nw.Expr, name: str = "") -> dict[str, Aggregate]:
        if "censored" not in self.readings:
            return {}
        return {self.column(f"first_day{name}"): self.earliest_day(condition)}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return self._by_anchor("again")

    def first_day(self) -> nw.Expr:
        return self._by_anchor("first_day")

    def _by_anchor(self, name: str) -> nw.Expr:
        """A column; for units with a purchase at the anchor, its like on another local day."""
        found = nw.col(self.column(name))
        if self.anchor == "first_event":
            return found
        other_day = nw.col(self.column(f"{name}_other_day"))
        return nw.when(nw.col(self.column("at_anchor")) == 1).then(other_day).otherwise(found)

    def eligible(self) -> nw.Expr | None:
        if self.anchor == "first_event":
            return None
        return nw.col(self.column("before")) == 1

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if self.prior is not None and self.anchor == "first_event":
            from pydantic_core import PydanticCustomError  # noqa: PLC0415

            raise PydanticCustomError(
                "prior_anchor", "has a prior, which needs the anchor to be assignment"
            )
