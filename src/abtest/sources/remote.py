"""Tables that DuckDB does not read itself: how they are handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROW_MARK = "abtest:row"


class Remote(Protocol):
    """A table in a database that is copied, column by column, before it is read."""

    label: str
    """What it is called in messages; without a password."""
    types: Mapping[str, str]
    """DuckDB's type of each column."""
    marks_rows: bool
    """Whether ``ROW_MARK`` may be asked for: a number that is the same for equal rows only."""

    def copy_to(self, path: Path, columns: Sequence[str]) -> None:
        """Write the columns as CSV without a header, a row at a time.

        Raises:
            DataError: The database cannot be read.
        """
        ...
