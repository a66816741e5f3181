"""What every metric has, and what the engine must know to compute it.

A metric is an expression over rows. Rows of two shapes exist:

* *unit rows*: one per unit, with the outcomes in columns;
* *event rows*: one per event of a unit, already joined with the unit's anchor, with the columns of
  `EventColumns`. A metric says what to aggregate per unit, and how to read its outcome off that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import narwhals as nw
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY, MICROSECOND, Block, Direction, Key, RelativeOrAbsolute
from abtest.metrics.window import Window
from abtest.stats.summaries import Summary

if TYPE_CHECKING:
    from datetime import timedelta

Role = Literal["primary", "secondary", "guardrail", "exploratory"]
Maturity = Literal["complete", "censored", "all"]
ANCHORS = ("assignment", "first_event")
"""The anchors with names of their own; every other one is a stream of data.events."""


def _readings(value: object) -> object:
    """One message for a value that is none of the forms, instead of one for each form."""
    both = ["complete", "censored"]
    given = list(value) if isinstance(value, list | tuple) else value
    if given == both:
        return tuple(both)
    if isinstance(given, str) and given in (*both, "all"):
        return given
    shown = f"[{', '.join(map(str, given))}]" if isinstance(given, list) else repr(given)
    raise PydanticCustomError(
        "maturity",
        "is {value}; it must be complete, censored, all or [complete, censored]",
        {"value": shown},
    )


Readings = Annotated[
    Maturity | tuple[Literal["complete"], Literal["censored"]], BeforeValidator(_readings)
]
"""One way to treat units whose window is not over, or two side by side."""

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

    def unit_row_columns(self) -> dict[str, str]:
        """The columns of unit rows that the metric reads, by the key that names them."""
        return {}


@dataclass(frozen=True, slots=True)
class EventScope:
    """Which event rows a metric sees, and how they are counted.

    Attributes:
        distinct: How events are counted: ``rows``, by ``order`` (the declared id) or by ``day``.
    """

    distinct: Literal["rows", "order", "day"] = "rows"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number per unit from its event rows: an expression over rows, and how it is gathered.

    The two are apart because not every engine aggregates an expression; all compute a column first.

    Attributes:
        row: The expression over one event row; rows where it is null are passed over, except by
            ``n_unique``, which counts null as a value.
        how: ``sum``, ``max``, ``min`` or ``n_unique``.
    """

    row: nw.Expr
    how: Literal["sum", "max", "min", "n_unique"]

    def of(self, column: str) -> nw.Expr:
        """The aggregation of a column that holds the row expression, under the same name."""
        found = nw.col(column)
        if self.how == "sum":
            return found.sum()
        if self.how == "n_unique":
            return found.n_unique()
        return found.max() if self.how == "max" else found.min()


class EventMetric(Metric):
    """A metric on one stream of events, in a window after each unit's anchor."""

    events: str
    """Which stream of data.events."""
    window: Window
    """When an event counts, after the anchor."""
    anchor: str = "assignment"
    """Where the window starts: assignment, first_event (the unit's first event of this stream at or
    after the assignment), or another stream of data.events (its first event of that stream at or
    after the assignment). Only assignment is a randomised comparison."""
    maturity: Readings = "complete"
    """complete counts units whose window is over; censored reads a time to a first event off a
    survival curve; all counts everyone and is biased; [complete, censored] shows both."""

    @property
    def anchor_stream(self) -> str | None:
        """The stream whose first event is the anchor; None where it is the assignment."""
        if self.anchor == "assignment":
            return None
        return self.events if self.anchor == "first_event" else self.anchor

    @property
    def readings(self) -> tuple[Maturity, ...]:
        """The ways to treat units whose window is not over, the main one first."""
        return self.maturity if isinstance(self.maturity, tuple) else (self.maturity,)

    def read_as(self, reading: Maturity) -> Self:
        """The same metric with one reading only."""
        return self.model_copy(update={"maturity": reading})

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:
        """What to aggregate over one unit's event rows, by column name.

        The engine fills 0 in for an aggregate that is missing: no row met its condition, or the
        unit has no events at all.
        """
        raise NotImplementedError

    def outcome(self, scope: EventScope) -> nw.Expr:
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
        return self.between(self.window.start, self.window.end)

    def between(self, start: timedelta, end: timedelta) -> nw.Expr:
        """Whether an event row is in ``[start, end)`` after the anchor, counted as the window is.

        With ``calendar: true`` both are whole days.
        """
        if self.window.calendar:
            offset = nw.col(DAY_OF) - nw.col(ANCHOR_DAY)
            return (offset >= start // DAY) & (offset < end // DAY)
        offset = nw.col(AT) - nw.col(ANCHOR)
        return (offset >= microseconds(start)) & (offset < microseconds(end))


class ColumnMetric(Metric):
    """A metric on one column of a table with one row per unit."""

    column: str | None = None
    """The column with each unit's outcome; needed where the data have rows of units."""

    def unit_row_columns(self) -> dict[str, str]:
        return {} if self.column is None else {"column": self.column}


def microseconds(length: timedelta) -> int:
    """A length of time as whole microseconds, the unit of every instant in the engine."""
    return length // MICROSECOND


def one_where(condition: nw.Expr) -> nw.Expr:
    """1 in rows that meet the condition, 0 in others."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def flag(condition: nw.Expr) -> Aggregate:
    """1 where any row of the unit meets the condition, else 0."""
    # One byte each: ten million units have many of them.
    one, zero = nw.lit(1, dtype=nw.Int8), nw.lit(0, dtype=nw.Int8)
    return Aggregate(nw.when(condition).then(one).otherwise(zero), "max")


def count_where(condition: nw.Expr) -> Aggregate:
    """How many rows of the unit meet the condition."""
    # Doubles are exact to 2**53 and smaller than the whole numbers that engines add up in.
    return Aggregate(nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0)), "sum")
