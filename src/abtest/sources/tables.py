"""The tables of an experiment: where they are and what their columns are called."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

from abtest.fields import Block, Duration, Key, Text
from abtest.sources.locations import holds_password, is_postgres

Column = Annotated[str, Field(min_length=1)]
TimeForm = Literal[
    "timestamp", "offset_or_local", "epoch_seconds", "epoch_milliseconds", "day_number"
]

_STRPTIME = re.compile(r"([^%]|%[dmyYHMSfIpb])+")


def _no_password(path: str) -> str:
    """A spec is kept, shared and echoed in every result."""
    if holds_password(path):
        raise PydanticCustomError(
            "password",
            "holds a password; it must not, because specs are kept and shared",
            {"hint": "put it into the variable PGPASSWORD or the file ~/.pgpass"},
        )
    return path


def _day(text: str) -> str:
    try:
        known = date.fromisoformat(text).isoformat() == text
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError(
            "day_zero", "is {value}; it must be a date such as 2026-01-05", {"value": repr(text)}
        )
    return text


def _date_format(text: str) -> str:
    whole = "%d" in text and ("%Y" in text or "%y" in text)
    if not (_STRPTIME.fullmatch(text) and whole and ("%m" in text or "%b" in text)):
        raise PydanticCustomError(
            "date_format",
            "is {value}; it must name a day, month and year with %d, %m, %Y, and times with "
            "%H, %M, %S",
            {"value": repr(text), "hint": '05.01.2026 14:30 is "%d.%m.%Y %H:%M"'},
        )
    return text


Path = Annotated[str, Field(min_length=1), AfterValidator(_no_password)]


class Condition(Block):
    """What a column must be like; a missing value never is."""

    column: Column
    """The column as it stands in the file."""
    above: float | None = None
    """A number above this."""
    below: float | None = None
    """A number below this."""
    equals: Text | None = None
    """This text."""
    not_equals: Text | None = None
    """Another text than this."""
    is_in: Annotated[tuple[Text, ...], Strict(strict=False), Field(min_length=1)] | None = None
    """One of these texts."""
    starts_with: Text | None = None
    """A text that starts with this."""
    not_starts_with: Text | None = None
    """A text that does not start with this."""
    ends_with: Text | None = None
    """A text that ends with this."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if not self.model_fields_set - {"column", "name"}:
            raise PydanticCustomError(
                "keep_empty",
                "names no condition; it must have one of above, below, equals, not_equals, "
                "is_in, starts_with, not_starts_with, ends_with",
            )

    @property
    def numeric(self) -> bool:
        """Whether the column is compared as a number."""
        return self.above is not None or self.below is not None


class Keep(Condition):
    """A row is kept where the column meets the conditions; a missing value never does."""


class Exclude(Condition):
    """A row is left out where the column meets the conditions; a missing value never does."""

    name: Key | None = None
    """What the rows are called where they are counted, such as test_customers; the column's name
    where none is given."""

    @property
    def label(self) -> str:
        """What the rows are called where they are counted."""
        return self.name or self.column


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
    """A table of rows: a file, several files, or a table in a database."""

    path: Path
    """A CSV (plain or .gz), TSV or Parquet file, relative to the spec's folder; a pattern such as
    orders_*.parquet; a folder of Parquet files; a DuckDB or SQLite file with `table`; or
    postgresql://user@host/database with `table` or `query`. A password has no place here."""
    table: Annotated[str, Field(min_length=1)] | None = None
    """The table or view in a database, such as orders or sales.orders."""
    query: Annotated[str, Field(min_length=1)] | None = None
    """A SELECT in PostgreSQL instead of a table."""
    unit: Column | None = None
    """The column of unit ids where it is not called like the spec's unit."""
    decimal: Literal[".", ","] = "."
    """What stands before decimals in text: with a comma, 1.200,47 is 1200.47."""
    keep: tuple[Keep, ...] = ()
    """Rows that meet all of these are kept."""
    exclude: tuple[Exclude, ...] = ()
    """Rows that meet one of these are left out, and counted under the first: test customers,
    resellers."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if self.table is not None and self.query is not None:
            raise PydanticCustomError("table_query", "has table and query; it must have one")
        if is_postgres(self.path) and self.table is None and self.query is None:
            raise PydanticCustomError(
                "no_table",
                "is a database; it must say which `table`, or have a `query`",
                {"hint": "add `table: orders`"},
            )
        if self.query is not None and not is_postgres(self.path):
            raise PydanticCustomError(
                "query", "has a query; it must then have a path that starts with postgresql://"
            )

    @property
    def excluded(self) -> tuple[Exclude, ...]:
        """The rules by which rows are left out, in the order in which they count."""
        return self.exclude


class TimedTable(Table):
    """A table whose rows have a time."""

    time: TimeForm = "timestamp"
    """What the column of times holds. timestamp: times, dates or text such as 2026-01-05 14:30, all
    with an offset or none. offset_or_local: text of which some has an offset and the rest is local
    time. epoch_seconds and epoch_milliseconds since 1970 in UTC. day_number: whole days since
    day_zero; these need no zone."""
    day_zero: Annotated[str, AfterValidator(_day)] | None = None
    """The date of day 0, where time is day_number; 1970-01-01 where none is given."""
    date_format: Annotated[str, AfterValidator(_date_format)] | None = None
    """How text is read that is not like 2026-01-05 14:30: "%d.%m.%Y" reads 05.01.2026."""


class UnitsTable(Table):
    """One row per unit."""

    variant: Column | None = None
    """The column with each unit's variant; outcomes then come from columns of this table."""
    repeated: Literal["mean"] | None = None
    """What to do about several rows of one unit: mean averages each column over the rows of a unit
    that have a value, such as the weeks of a store. Without it they are refused."""


class AggregateTable(Table):
    """Numbers that somebody else already added up: one row per variant, or per variant and date."""

    variant: Column = "variant"
    """The column with the variant."""
    date: Column | None = None
    """The column with the date, where there is one row per variant and date."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        super().model_post_init(context)
        if self.unit is not None:
            raise PydanticCustomError(
                "aggregate_unit", "names a unit, but rows that are added up have no ids of units"
            )


class TotalsTable(AggregateTable):
    """Counts per variant: of trials, and of those that succeeded."""

    units: Column | None = None
    """The column with how many units were randomised, for the check of the split. Without it the
    trials of the first primary metric are checked."""


class MomentsTable(AggregateTable):
    """Count, mean and variance per variant of one value per unit."""

    n: Column = "n"
    """The column with how many units were observed."""
    mean: Column = "mean"
    """The column with their mean."""
    variance: Column = "variance"
    """The column with their sample variance, with n - 1 in the denominator."""


class AssignmentsTable(TimedTable):
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


class Currency(Block):
    """Which money an amount is in."""

    column: Column
    """The column with the currency. All rows must be in data.currency, or else in one."""


class Net(Block):
    """Refunds and cancellations that are taken off the events of this stream."""

    events: Key
    """The stream of refunds or cancellations, in data.events."""
    by: Literal["id", "unit"] = "id"
    """id: a refund takes its value off the event with the same `id`, whenever it came; an event
    with nothing left did not happen, and refunds without a `value` cancel the event. unit: refunds
    do not name an event; their values are taken off the unit's sum at their own time, and no event
    is undone."""


class EventsTable(TimedTable):
    """A stream of events: orders, sessions, refunds."""

    at: Column
    """The column with the time of the event."""
    id: Column | None = None
    """The column that identifies the event."""
    repeated_ids: Literal["lines", "copies"] = "lines"
    """What rows that share an id are. lines of one event: they count once and their values add up.
    copies of one event: the first is read and the rest are left out, and counted."""
    value: Annotated[
        Value | None, BeforeValidator(_value_block, json_schema_input_type=str | Value | None)
    ] = None
    """What the event is worth: a column, or {product: [quantity, unit_price]}."""
    currency: Currency | None = None
    """The column that says which money the value is in."""
    renewals: Condition | None = None
    """Which rows are automatic renewals of a subscription. Nobody decided to buy: they are left
    out, and counted."""
    net: Net | None = None
    """Refunds or cancellations to take off."""
    merge: Literal["none", "calendar_day"] = "none"
    """calendar_day counts the events of one unit on one local day as one."""
    lag: Duration = timedelta(0)
    """How late events may arrive; a unit is mature only after this has passed too."""

    @property
    def excluded(self) -> tuple[Exclude, ...]:
        """The rules by which rows are left out, in the order in which they count."""
        if self.renewals is None:
            return self.exclude
        given = self.renewals.model_dump(exclude_none=True)
        return (*self.exclude, Exclude.model_validate({**given, "name": "renewals"}))
