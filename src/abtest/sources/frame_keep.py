"""Which rows of a table are read, in Narwhals expressions."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import narwhals as nw

from abtest.errors import DataError
from abtest.sources.frame_cells import text_of
from abtest.sources.tables import EventsTable, TimedTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.sources.frame_cells import Kind
    from abtest.sources.tables import Condition, Table


def texts_hold(condition: Condition, column: str, kind: Kind) -> Iterator[nw.Expr]:
    """The conditions on a column as text; a missing value never meets one."""
    text = text_of(column, kind)
    if condition.equals is not None:
        yield text == nw.lit(condition.equals)
    if condition.not_equals is not None:
        yield text != nw.lit(condition.not_equals)
    if condition.is_in is not None:
        yield text.is_in(list(condition.is_in)) & ~text.is_null()
    if condition.starts_with is not None:
        yield text.str.starts_with(condition.starts_with)
    if condition.not_starts_with is not None:
        yield ~text.str.starts_with(condition.not_starts_with)
    if condition.ends_with is not None:
        yield text.str.ends_with(condition.ends_with)


def numbers_hold(condition: Condition, name: str) -> Iterator[nw.Expr]:
    """The conditions on a column as a number."""
    if condition.above is not None:
        yield nw.col(name) > condition.above
    if condition.below is not None:
        yield nw.col(name) < condition.below


def all_hold(conditions: Sequence[nw.Expr]) -> nw.Expr:
    """Whether a row meets all conditions; false where that is not known."""
    return nw.coalesce(reduce(and_, conditions), nw.lit(value=False))


def refuse_unread(table: Table, engine: str) -> None:
    """Say so where a table asks for what only DuckDB reads.

    Raises:
        DataError: It does.
    """
    wants = {
        "table": table.table is not None,
        "query": table.query is not None,
        "date_format": isinstance(table, TimedTable) and table.date_format is not None,
        "currency": isinstance(table, EventsTable) and table.currency is not None,
        "repeated_ids: copies": isinstance(table, EventsTable) and table.repeated_ids == "copies",
    }
    for name, wanted in wants.items():
        if wanted:
            raise DataError(
                f"{table.path}: `{name}` is read by engine duckdb only, and the engine is {engine}",
                "Use engine duckdb, or prepare the table before.",
            )
