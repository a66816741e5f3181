"""Survey scores: customer satisfaction (CSAT) and net promoter score (NPS)."""

from __future__ import annotations

from typing import Annotated, Literal

import narwhals as nw
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY
from abtest.metrics.base import (
    ANCHOR,
    AT,
    VALUE,
    Aggregate,
    EventMetric,
    EventScope,
    count_where,
    microseconds,
    one_where,
)
from abtest.stats.summaries import Moments, Proportion, Summary

MOST_POINTS = 10
# An answer and 1, to keep 0 for "no answer", fit below this. Up to 17 years after the window's
# start, microseconds times this are whole numbers that a double holds exactly.
PACK = 16
# A window of calendar days starts up to 25 hours before the same time of day, where clocks change.
SLACK = 2 * DAY


class SurveyMetric(EventMetric):
    """The score of a unit's last answer in the window.

    The answer is the stream's value: a whole number from 0 to 10 for ``nps``, from 1 to `points`
    for ``csat``. A row with anything else is no answer. Of two answers at the same instant the
    higher one counts. A unit without an answer is eligible and not observed: the score is that of
    the units that answered, and the share that did is compared between variants.

    * ``nps``: 100 for 9 and 10, 0 for 7 and 8, -100 for 0 to 6. The mean is promoters minus
      detractors in points, and its variance that of the multinomial:
      100^2 (P + D - (P - D)^2) / n, with n - 1 where it is estimated.
    * ``csat`` with ``score: mean``: the answer itself.
    * ``csat`` with ``score: top_box``: whether the answer is at least `top`; a proportion.
    """

    kind: Literal["survey"]
    scale: Literal["csat", "nps"]
    """csat (from 1 to points) or nps (from 0 to 10)."""
    score: Literal["mean", "top_box"] | None = None
    """For csat: the mean answer (the default), or the share of answers of at least top."""
    points: Annotated[int, Field(ge=2, le=MOST_POINTS)] = 5
    """For csat: the highest answer there is."""
    top: Annotated[int, Field(ge=2, le=MOST_POINTS)] | None = None
    """For top_box: the lowest answer that counts as satisfied; 4 on a scale to 5 is usual."""

    @property
    def summary(self) -> type[Summary]:  # type: ignore[override]  # it depends on the score
        """A proportion for top_box, moments for means and NPS."""
        return Proportion if self.score == "top_box" else Moments

    @property
    def answers(self) -> tuple[int, int]:
        """The lowest and the highest answer."""
        return (0, 10) if self.scale == "nps" else (1, self.points)

    @property
    def score_range(self) -> tuple[float, float]:
        """The lowest and the highest score that a unit can have, for worst-case bounds."""
        if self.scale == "nps":
            return -100.0, 100.0
        return (0.0, 1.0) if self.score == "top_box" else (1.0, float(self.points))

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        score = nw.col(VALUE)
        low, high = self.answers
        valid = (score >= low) & (score <= high) & (score % 1 == 0)
        invalid = self.in_window() & ~score.is_null() & ~valid
        # The last answer without a window function: the largest (time, answer), as one number.
        since = nw.col(AT) - nw.col(ANCHOR) + microseconds(SLACK - self.window.start)
        last = nw.when(self.in_window() & valid).then(since * PACK + score + 1)
        return {
            self.column("last"): Aggregate(last, "max"),
            self.column("invalid"): count_where(invalid),
        }

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        answer = nw.col(self.column("last")) % PACK - 1
        if self.scale == "nps":
            low = nw.when(answer <= 6).then(nw.lit(-100.0)).otherwise(nw.lit(0.0))
            return nw.when(answer >= 9).then(nw.lit(100.0)).otherwise(low)
        return answer if self.top is None else one_where(answer >= self.top)

    def observed(self) -> nw.Expr | None:
        return nw.col(self.column("last")) > 0

    @model_validator(mode="after")
    def _check(self) -> SurveyMetric:
        csat_only = {"score", "points", "top"} & self.model_fields_set
        if self.scale == "nps" and csat_only:
            raise PydanticCustomError(
                "survey_nps",
                "has {key}, which is for csat; nps has one score only",
                {"key": " and ".join(sorted(csat_only))},
            )
        if (self.score == "top_box") != (self.top is not None):
            raise PydanticCustomError(
                "survey_top",
                "must have top with `score: top_box`, and only with it",
                {"hint": "add `score: top_box, top: 4`"},
            )
        if self.top is not None and self.top > self.points:
            raise PydanticCustomError(
                "survey_points",
                "has a top of {top}; it must be at most the highest answer, {points}",
                {"top": self.top, "points": self.points},
            )
        return self
