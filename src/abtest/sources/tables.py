"""The tables of an experiment: where they are and what their columns are called."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

from abtest.fields import Block, Duration, Text

Column = Annotated[str, Field(min_length=1)]
Path = Annotated[str, Field(min_length=1)]


class Keep(Block):
    """A row is kept where the column meets the conditions; a missing value never does."""

    column: Column
    """The column as it stands in the file."""
    above: float | None = None
    """Keep numbers above this."""
    below: float | None = None
    """Keep numbers below this."""
    equals: Text | None = None
    """Keep this text."""
    not_equals: Text | None = None
    """Leave out this text."""
    starts_with: Text | None = None
    """Keep texts that start with this."""
    not_starts_with: Text | None = None
    """Leave out texts that start with this."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if not self.model_fields_set - {"column"}:
            raise PydanticCustomError(
                "keep_empty",
                "names no condition; it must have one of above, below, equals, not_equals, "
                "starts_with, not_starts_with",
            )

    @property
    def numeric(self) -> bool:
        """Whether the column is compared as a number."""
        return self.above is not None or self.below is not None


class Value(Block):
    """What an event is worth: a column, or the product of two."""

    column: Column | None = None
    """The column with the amount."""
    product: Annotated[tuple[Column, Column], Strict(strict=False)] | None = None
    """Two columns whose product is the amount, such as quantity and unit price."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if (self.column is None) == (self.product is None):
            raise PydanticCustomError(
                "value_form", "must be a column's name or {product: [quantity, unit_price]}"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs."""
        return self.product or (self.column or "",)


def _value_block(value: object) -> object:
    if isinstance(value, str):
        return {"column": value}
    if value is None or isinstance(value, dict | Value):
        return value
    raise PydanticCustomError(
        "value_form", "must be a column's name or {product: [quantity, unit_price]}"
    )


class Table(Block):
    """A file of rows."""

    path: Path
    """A CSV (plain or .gz) or Parquet file, relative to the spec's folder."""
    unit: Column | None = None
    """The column of unit ids where it is not called like the spec's unit."""
    keep: tuple[Keep, ...] = ()
    """Rows that meet all of these are kept."""


class UnitsTable(Table):
    """One row per unit."""

    variant: Column | None = None
    """The column with each unit's variant; outcomes then come from columns of this table."""


class AssignmentsTable(Table):
    """Who was assigned to which variant, and when."""

    variant: Column = "variant"
    """The column with the variant."""
    at: Column = "assigned_at"
    """The column with the time of assignment."""
    reason: Column | None = None
    """The column with the reason; only rows with the reason split are analysed. A column called
    reason is used where none is named."""


class AssignmentsFromEvents(Block):
    """Every unit is enrolled at its first event of this stream: a log without an experiment."""

    from_events: str
    """A stream of data.events."""


class EventsTable(Table):
    """A stream of events: orders, sessions, refunds."""

    at: Column
    """The column with the time of the event."""
    id: Column | None = None
    """The column that identifies the event; rows that share it are lines of one event."""
    value: Annotated[
        Value | None, BeforeValidator(_value_block, json_schema_input_type=str | Value | None)
    ] = None
    """What the event is worth: a column, or {product: [quantity, unit_price]}."""
    merge: Literal["none", "calendar_day"] = "none"
    """calendar_day counts the events of one unit on one local day as one."""
    lag: Duration = timedelta(0)
    """How late events may arrive; a unit is mature only after this has passed too."""
