"""Customer retention rate of a period: (E - N) / S."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

import narwhals as nw
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY, format_duration
from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    Aggregate,
    EventMetric,
    EventScope,
    flag,
)
from abtest.metrics.prior import Prior
from abtest.stats.summaries import Proportion, Summary


class CustomerRetentionRate(EventMetric):
    """The share of the customers at the start of a period who are customers at its end.

    CRR = (E - N) / S in one variant, where the period is the window after the anchor and

    * S: units with an event before the anchor, the customers at the start;
    * E: units with an event in the window, the customers at the end;
    * N: units of E that are not in S, the new customers.

    E - N are therefore the units of S with an event in the window, each counted once: a proportion
    of S, and it is compared as one. S is fixed before the treatment, so its size carries no error.
    Units that are not in S are not eligible. An event at the anchor is in the window, not before
    it; with ``calendar: true`` so is every event on the anchor's local day.
    """

    kind: Literal["crr"]
    prior: Prior | None = None
    """Narrows which earlier events make a unit a customer at the start; any by default."""
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        return {
            self.column("before"): flag(self._is_before()),
            self.column("active"): flag(self.in_window()),
        }

    def _is_before(self) -> nw.Expr:
        if self.prior is not None:
            return self.between(-self.prior.lookback, timedelta(0))
        if self.window.calendar:
            return nw.col(DAY_OF) < nw.col(ANCHOR_DAY)
        return nw.col(AT) < nw.col(ANCHOR)

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return nw.col(self.column("active"))

    def eligible(self) -> nw.Expr | None:
        return nw.col(self.column("before")) == 1

    @model_validator(mode="after")
    def _check(self) -> CustomerRetentionRate:
        if self.anchor == "first_event":
            raise PydanticCustomError(
                "crr_anchor",
                "is anchored on first_event, when every unit is active; it must be assignment",
            )
        if self.window.start < timedelta(0):
            raise PydanticCustomError(
                "crr_window",
                "has a period that starts at {start}; it must start at 0d or later",
                {"start": format_duration(self.window.start)},
            )
        if self.window.calendar and self.prior is not None and self.prior.lookback % DAY:
            raise PydanticCustomError(
                "prior_days", "counts calendar days; the lookback must be whole days"
            )
        return self
