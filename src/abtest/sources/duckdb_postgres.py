"""Tables and queries in PostgreSQL, read with its own driver, psycopg.

Rows come through COPY, which the server streams: memory stays small, and only the columns that are
needed travel. No message holds the address as it was given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abtest.errors import DataError
from abtest.sources.csv_header import refuse_twins
from abtest.sources.database_tables import no_such_table, no_table_named
from abtest.sources.duckdb_errors import first_line
from abtest.sources.duckdb_sql import quote
from abtest.sources.locations import holds_password
from abtest.sources.remote import ROW_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# PostgreSQL's numbers of its own types (pg_type.dat); everything else is read as text.
_TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    700: "DOUBLE",
    701: "DOUBLE",
    1082: "DATE",
    1114: "TIMESTAMP",
    1184: "TIMESTAMP WITH TIME ZONE",
}
_NUMERIC = 1700
_SETTINGS = "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO"


class PostgresTable:
    """One table, view or query.

    Args:
        address: ``postgresql://user@host/database``, without a password.
        table: The table, with its schema where it is not on the search path; or None.
        query: A SELECT instead.

    Raises:
        DataError: The driver is not installed, the server cannot be reached, or it has no such
            table.
    """

    marks_rows = True

    def __init__(self, address: str, table: str | None, query: str | None) -> None:
        if holds_password(address):
            hint = "Put it into the variable PGPASSWORD or the file ~/.pgpass."
            raise DataError("the address of a database holds a password", hint)
        if table is None and query is None:
            raise no_table_named(_shown(address))
        self._address = address
        self._table = table
        self.label = f"{_shown(address)}, {f'table {table}' if table else 'query'}"
        self._rows = (
            f"({query.strip().rstrip(';')}\n)"
            if query is not None
            else ".".join(map(quote, (table or "").split(".")))
        )
        self._psycopg = _driver()
        description = self._describe()
        columns = [item[0] for item in description]
        refuse_twins(self.label, columns)
        self.types: Mapping[str, str] = {
            item[0]: _TYPES.get(item[1], "VARCHAR") for item in description
        }
        self._numeric = {item[0] for item in description if item[1] == _NUMERIC}

    def copy_to(self, path: Path, columns: Sequence[str]) -> None:
        """Write the columns as CSV without a header."""
        names = ", ".join(map(self._column_sql, columns))
        sql = f"COPY (SELECT {names} FROM {self._rows} AS t) TO STDOUT (FORMAT csv)"
        try:
            with (
                self._connect() as connection,
                connection.cursor() as cursor,
                path.open("wb") as file,
                cursor.copy(sql) as copy,
            ):
                for block in copy:
                    file.write(block)
        except self._psycopg.Error as error:
            raise self._unreadable(error) from error

    def _column_sql(self, column: str) -> str:
        if column == ROW_MARK:
            return "hashtextextended(CAST(t AS text), 0)"
        # 17850.00 is 17850, as in ids from files.
        return f"trim_scale(t.{quote(column)})" if column in self._numeric else f"t.{quote(column)}"

    def _describe(self) -> list[tuple[str, int]]:
        """Name and type of each column."""
        try:
            with self._connect() as connection, connection.cursor() as cursor:
                try:
                    cursor.execute(f"SELECT * FROM {self._rows} AS t LIMIT 0")
                except self._psycopg.errors.UndefinedTable as error:
                    connection.rollback()
                    if self._table is None:
                        raise
                    names = self._tables(cursor)
                    raise no_such_table(_shown(self._address), self._table, names) from error
                return [(item.name, item.type_code) for item in cursor.description]
        except self._psycopg.Error as error:
            raise self._unreadable(error) from error

    def _tables(self, cursor: Any) -> list[str]:  # noqa: ANN401 - the driver is not always there
        cursor.execute(
            "SELECT CASE WHEN table_schema = 'public' THEN table_name "
            "ELSE table_schema || '.' || table_name END FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]

    def _connect(self) -> Any:  # noqa: ANN401 - the driver is not always there
        return self._psycopg.connect(self._address, options=_SETTINGS, client_encoding="UTF8")

    def _unreadable(self, error: Exception) -> DataError:
        hint = "Is the server there, and the password in PGPASSWORD or ~/.pgpass?"
        down = isinstance(error, self._psycopg.OperationalError)
        return DataError(f"{self.label} cannot be read: {first_line(error)}", hint if down else "")


def _driver() -> Any:  # noqa: ANN401 - the driver is not always there
    try:
        return import_module("psycopg")
    except ImportError as error:
        hint = "pip install 'abtest[postgres]'"
        raise DataError("PostgreSQL needs the driver psycopg, which is not installed", hint) from (
            error
        )


def _shown(address: str) -> str:
    """An address without user and options."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"postgresql://{host}{parts.path}"
