"""Tables of assignments of which no row counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
    from abtest.analysis.clock import Cutoff
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
