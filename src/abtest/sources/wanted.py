"""What the analysis wants from a table: columns under names of its own, with checked types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "integer", "number", "flag", "instant"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column of a table, as the analysis needs it.

    Every engine turns the types into the same plain values, so that metrics need to know nothing
    of files and zones:

    * ``text``: as it stands; whole numbers become their digits; missing where empty, NaN or null.
    * ``integer``: a whole number of 64 bits, of a column that holds such numbers only.
    * ``number``: a double; missing where empty, NaN, null or infinite.
    * ``flag``: 1 or 0, from true/false, yes/no, 1/0.
    * ``instant``: two columns: ``name``, microseconds since 1970 in UTC, and ``{name}_day``, the
      day in the experiment's zone as days since 1970-01-01.

    Attributes:
        name: What the column is called from here on.
        column: What it is called in the table.
        type: One of the above.
    """

    name: str
    column: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Copies:
    """Rows of a table that repeat another in every column.

    Attributes:
        found: How many there are among the rows that were looked at.
        one_in: 1 where all rows were; else how many rows there are for each that was.
    """

    found: int
    one_in: int = 1

    @property
    def estimate(self) -> int:
        """How many there are in the table, as far as is known."""
        return self.found * self.one_in


def day_column(name: str) -> str:
    """The name of the local day that goes with an instant."""
    return f"{name}_day"
