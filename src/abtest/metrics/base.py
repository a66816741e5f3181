"""What every metric has, and what the engine must know to compute it.

A metric is an expression over rows. Rows of two shapes exist:

* *unit rows*: one per unit, with the outcomes in columns;
* *event rows*: one per event of a unit, already joined with the unit's anchor, with the columns of
  `EventColumns`. A metric says what to aggregate per unit, and how to read its outcome off that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw

from abtest.fields import DAY, MICROSECOND, Block, Direction, Key, RelativeOrAbsolute
from abtest.metrics.window import Window
from abtest.stats.summaries import Summary

if TYPE_CHECKING:
    from datetime import timedelta

Role = Literal["primary", "secondary", "guardrail", "exploratory"]
Anchor = Literal["assignment", "first_event"]
Maturity = Literal["complete", "censored", "all"]

AT, DAY_OF, VALUE, ORDER = "at", "day", "value", "order"
ANCHOR, ANCHOR_DAY = "anchor", "anchor_day"


class Metric(Block):
    """What every metric has."""

    key: Key
    """Names the metric in the results and in other metrics."""
    title: str | None = None
    """What people read instead of the key."""
    role: Role = "secondary"
    """primary decides, guardrail vetoes, secondary explains, exploratory suggests."""
    desired_change: Direction = "increase"
    """Which direction is better."""
    mde: RelativeOrAbsolute | None = None
    """The smallest effect worth acting on."""
    equivalence: RelativeOrAbsolute | None = None
    """An effect within this size, both ways, is practically none."""
    non_inferiority_margin: RelativeOrAbsolute | None = None
    """How much worse a guardrail may become."""

    kind: str
    """What is measured."""
    summary: ClassVar[type[Summary]]
    """Which sufficient statistics the metric needs."""


@dataclass(frozen=True, slots=True)
class EventScope:
    """Which event rows a metric sees, and how they are counted.

    Attributes:
        distinct: How events are counted: ``rows``, by ``order`` (the declared id) or by ``day``.
    """

    distinct: Literal["rows", "order", "day"] = "rows"


class EventMetric(Metric):
    """A metric on one stream of events, in a window after each unit's anchor."""

    events: str
    """Which stream of data.events."""
    window: Window
    """When an event counts, after the anchor."""
    anchor: Anchor = "assignment"
    """Where the window starts: the assignment, or the unit's first event at or after it."""
    maturity: Maturity = "complete"
    """complete counts units whose window is over; all counts everyone and is biased."""

    def unit_columns(self, scope: EventScope) -> dict[str, nw.Expr]:
        """What to aggregate over one unit's event rows, by column name."""
        raise NotImplementedError

    def outcome(self) -> nw.Expr:
        """The unit's outcome, from the aggregated columns (0 for a unit without events)."""
        raise NotImplementedError

    def eligible(self) -> nw.Expr | None:
        """Whether the unit can have the outcome at all; None: every unit can."""
        return None

    def observed(self) -> nw.Expr | None:
        """Whether the unit's outcome is known; None: it always is."""
        return None

    def column(self, name: str) -> str:
        """The name of one aggregated column, unique to this metric."""
        return f"{self.key}:{name}"

    def in_window(self) -> nw.Expr:
        """Whether an event row is inside the window."""
        if self.window.calendar:
            offset = nw.col(DAY_OF) - nw.col(ANCHOR_DAY)
            start, end = self.window.start // DAY, self.window.end // DAY
        else:
            offset = nw.col(AT) - nw.col(ANCHOR)
            start, end = microseconds(self.window.start), microseconds(self.window.end)
        return (offset >= start) & (offset < end)


class ColumnMetric(Metric):
    """A metric on one column of a table with one row per unit."""

    column: str
    """The column with each unit's outcome."""


def microseconds(length: timedelta) -> int:
    """A length of time as whole microseconds, the unit of every instant in the engine."""
    return length // MICROSECOND


def flag(condition: nw.Expr) -> nw.Expr:
    """1 where any row of the unit meets the condition, else 0."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).max()
