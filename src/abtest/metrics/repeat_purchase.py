"""Repeat purchase: a customer who has bought buys again."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import narwhals as nw

from abtest.fields import Block, Duration
from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    EventMetric,
    EventScope,
    flag,
    microseconds,
)
from abtest.stats.summaries import Proportion, Summary


class Prior(Block):
    """Which purchases make a unit a customer who can come back."""

    lookback: Duration
    """Only purchases at most this long before the anchor count."""


class RepeatPurchaseMetric(EventMetric):
    """The share of customers who buy again in the window.

    Anchored on assignment (the randomised question): the unit bought at or before the anchor, and
    buys strictly after it, on another local day than a purchase at the anchor. Anchored on
    first_event: a purchase on a later local day than the first.
    """

    kind: Literal["repeat_purchase"]
    prior: Prior | None = None
    """Narrows which earlier purchases make a unit eligible; any by default."""
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:  # noqa: ARG002 - one signature
        other_day = nw.col(DAY_OF) > nw.col(ANCHOR_DAY)
        later = (nw.col(AT) > nw.col(ANCHOR)) & self.in_window()
        if self.anchor == "first_event":
            return {self.column("again"): flag(later & other_day)}
        before = nw.col(AT) <= nw.col(ANCHOR)
        if self.prior is not None:
            before &= nw.col(AT) >= nw.col(ANCHOR) - microseconds(self.prior.lookback)
        return {
            self.column("before"): flag(before),
            self.column("at_anchor"): flag(nw.col(AT) == nw.col(ANCHOR)),
            self.column("again"): flag(later),
            self.column("again_other_day"): flag(later & other_day),
        }

    def outcome(self) -> nw.Expr:
        again = nw.col(self.column("again"))
        if self.anchor == "first_event":
            return again
        other_day = nw.col(self.column("again_other_day"))
        return nw.when(nw.col(self.column("at_anchor")) == 1).then(other_day).otherwise(again)

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
