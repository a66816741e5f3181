"""What the analysis asks of an engine: rows stay inside, numbers come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw

    from abtest.sources.tables import Table
    from abtest.sources.wanted import Copies, Wanted


class Engine(Protocol):
    """Where rows live and expressions run."""

    def columns(self, name: str, table: Table) -> tuple[str, ...]:
        """The columns of a table.

        Raises:
            DataError: The table cannot be read.
        """
        ...

    def holds_integers(self, name: str, table: Table, column: str) -> bool:
        """Whether a column's type is that of whole numbers of at most 64 bits.

        Raises:
            DataError: The table or the column does not exist.
        """
        ...

    def scan(self, name: str, table: Table, wanted: Sequence[Wanted]) -> nw.LazyFrame[Any]:
        """The wanted columns of a table, under their new names, where its ``keep`` holds.

        Raises:
            DataError: The table or a column does not exist.
        """
        ...

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, so that it can be used many times.

        Raises:
            DataError: A value cannot be read as what it should be.
        """
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """The rows of a small frame: aggregates, never customers.

        Raises:
            DataError: A value cannot be read as what it should be.
        """
        ...

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        """The frame with the half, 0 or 1, that each row falls in by a hash of a column.

        It is 0 where the SHA-256 of the salt followed by the value as text begins, written in
        hexadecimal digits, with 0 to 7: the same on every engine, in any order of rows.
        """
        ...

    def copies(self, name: str, table: Table) -> Copies:
        """How many rows of a table, of those it keeps, repeat another in every column."""
        ...

    def left_out(self, name: str, table: Table) -> dict[str, int]:
        """How many rows of a table each of its rules leaves out; a row counts once."""
        ...

    def bad_lines(self) -> dict[str, int]:
        """How many broken lines were skipped on request, by table."""
        ...

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file that was read, by table."""
        ...

    def close(self) -> None:
        """Let go of everything that was computed; no frame of this engine works afterwards."""
        ...
