"""Tables of units and assignments that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.counting import count_rows
from abtest.analysis.sentences import counted
from abtest.analysis.streams import UNIT
from abtest.errors import DataError
from abtest.metrics.base import ANCHOR

if TYPE_CHECKING:
    from abtest.analysis.clock import Cutoff
    from abtest.sources.engine import Engine
    from abtest.sources.tables import AssignmentsTable

SPLIT = "split"


def refuse_no_split(table: AssignmentsTable, reasons: dict[str, int], rows: int) -> None:
    """No row has the reason that counts.

    Raises:
        DataError: So it is.
    """
    if reasons and rows == 0:
        found = ", ".join(f"{reason or 'none'} ({n:,})" for reason, n in sorted(reasons.items()))
        raise DataError(
            f"{table.path} has no assignments that count: none has the reason {SPLIT}",
            f"The reasons are: {found}.",
        )


def refuse_too_late(table: AssignmentsTable, cutoff: Cutoff, rows: int, in_time: int) -> None:
    """Every assignment is at or after the cut-off.

    Raises:
        DataError: So it is.
    """
    if rows and in_time == 0:
        raise DataError(
            f"{table.path} has no assignments that count: all {rows:,} are at or after as_of, "
            f"{cutoff.iso}",
            "Is as_of right? It is the instant up to which the data are complete.",
        )


def refuse_missing_units(engine: Engine, frame: nw.LazyFrame[Any], path: str) -> None:
    """A row does not say of which unit it is.

    Raises:
        DataError: So it is.
    """
    missing = count_rows(engine, frame.filter(nw.col(UNIT).is_null()))
    if missing:
        raise DataError(
            f"{path}: {counted(missing, 'row has', 'rows have')} no unit id",
            "Fill the column, or drop them. The words null, None and nan count as missing.",
        )


def refuse_missing_times(engine: Engine, frame: nw.LazyFrame[Any], table: AssignmentsTable) -> None:
    """An assignment has no time.

    Raises:
        DataError: So it is.
    """
    missing = count_rows(engine, frame.filter(nw.col(ANCHOR).is_null()))
    if missing:
        rows = counted(missing, "row has", "rows have")
        raise DataError(
            f"{table.path}: {rows} no time in column {table.at!r}",
            "Without it nobody knows when their window starts: fill it, or drop them.",
        )


def refuse_repeated(engine: Engine, rows: nw.LazyFrame[Any], path: str) -> None:
    """A table of units has several rows of one.

    Raises:
        DataError: So it is.
    """
    repeated = count_rows(engine, rows) - count_rows(engine, rows.select(UNIT).unique())
    if repeated > 0:
        raise DataError(
            f"{path} has {repeated:,} more rows than units",
            "Covariates need one row per unit; which one is right?",
        )
