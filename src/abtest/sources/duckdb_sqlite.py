"""Tables in a SQLite file, read with Python's own driver.

DuckDB's extension for SQLite is no part of DuckDB: it is fetched from the network.
"""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from abtest.errors import DataError
from abtest.sources.csv_header import refuse_twins
from abtest.sources.database_tables import no_such_table
from abtest.sources.duckdb_sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAGIC = b"SQLite format 3\0"
_BATCH = 10_000


class SqliteTable:
    """One table or view.

    A cell of SQLite may hold anything, whatever its column says, so all of them are texts, as in
    a CSV file: 17850.0 becomes 17850, and numbers keep all their digits.

    Raises:
        DataError: The file cannot be read, or has no such table.
    """

    marks_rows = False

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._table = table
        self.label = f"{path}, table {table}"
        try:
            with closing(self._connect()) as connection:
                self._require(connection)
                cursor = connection.execute(f"SELECT * FROM {quote(table)} LIMIT 0")
                columns = [item[0] for item in cursor.description]
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        refuse_twins(self.label, columns)
        self.types: Mapping[str, str] = dict.fromkeys(columns, "VARCHAR")

    def copy_to(self, path: Path, columns: Sequence[str]) -> None:
        """Write the columns as CSV without a header."""
        names = ", ".join(map(quote, columns))
        try:
            with (
                closing(self._connect()) as connection,
                path.open("w", encoding="utf-8", newline="") as file,
            ):
                writer = csv.writer(file, lineterminator="\n")
                cursor = connection.execute(f"SELECT {names} FROM {quote(self._table)}")
                while rows := cursor.fetchmany(_BATCH):
                    writer.writerows([_text(cell) for cell in row] for row in rows)
        except (sqlite3.Error, UnicodeError) as error:
            raise self._unreadable(error) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

    def _require(self, connection: sqlite3.Connection) -> None:
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        names = [row[0] for row in connection.execute(sql)]
        if self._table.lower() not in [name.lower() for name in names]:
            raise no_such_table(str(self._path), self._table, names)

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(f"{self.label} cannot be read: {error}")


def _text(cell: object) -> str | None:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, bytes):
        return cell.decode()
    return None if cell is None else str(cell)
