"""A sink that writes to a database through DB-API 2.0, as sqlite3 and psycopg offer it."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

from abtest.errors import AbtestError
from abtest.exposures.record import Event, Exposure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from abtest.exposures.record import Record

_EXPOSURES = {
    "id": "varchar(64) primary key",
    "at": "text not null",
    "unit": "text not null",
    "experiment": "text not null",
    "variant": "text not null",
    "reason": "text not null",
    "bucket": "integer",
    "phase": "integer",
    "fingerprint": "text not null",
    "details": "text not null",
}
_EVENTS = {
    "id": "varchar(64) primary key",
    "at": "text not null",
    "unit": "text not null",
    "name": "text not null",
    "value": "double precision",
    "details": "text not null",
}


class Cursor(Protocol):
    """What is needed of a DB-API cursor."""

    def execute(self, sql: str, /) -> Any: ...  # noqa: ANN401 - drivers return what they like
    def executemany(self, sql: str, rows: Any, /) -> Any: ...  # noqa: ANN401
    def close(self) -> None: ...


class Connection(Protocol):
    """What is needed of a DB-API connection."""

    def cursor(self) -> Any: ...  # noqa: ANN401 - each driver has its own
    def commit(self) -> object: ...
    def close(self) -> object: ...


class _Held:
    """A thread's connection, which is closed at the latest when the thread ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.process = os.getpid()
        self._open = True

    def close(self) -> None:
        # One that a fork inherited belongs to the parent, who still speaks through it.
        if self._open and self.process == os.getpid():
            self._open = False
            self.connection.close()

    def __del__(self) -> None:
        with suppress(Exception):  # nobody is there who could be told
            self.close()


class SqlSink:
    """Writes exposures to one table and events to another, in one transaction per write.

    A record that is sent twice is kept once (``on conflict do nothing``, as SQLite, PostgreSQL and
    DuckDB have it). Each thread and each process gets a connection of its own, which is closed
    with the thread; after a failure it is closed, and the next write opens a new one.

    Args:
        connect: Opens a connection.
        placeholder: What stands for a value: ``?`` (sqlite3, DuckDB) or ``%s`` (psycopg).
        exposures: The table of exposures.
        events: The table of events.
        begin: The statement that begins a transaction, for a driver that commits each statement
            by itself, such as DuckDB's (``begin``).

    Raises:
        AbtestError: A table's name is no plain name.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        placeholder: Literal["?", "%s"] = "?",
        exposures: str = "abtest_exposures",
        events: str = "abtest_events",
        begin: str = "",
    ) -> None:
        for name in (exposures, events):
            if not name.replace(".", "").isidentifier() or not name.isascii():
                raise AbtestError(f"The table is {name!r}; it must be a plain name.")
        self._connect = connect
        self._tables = {Exposure: (exposures, _EXPOSURES), Event: (events, _EVENTS)}
        self._placeholder = placeholder
        self._begin = begin
        self._own = threading.local()

    def create(self) -> None:
        """Make the tables where they are absent."""
        with self._transaction() as cursor:
            for name, columns in self._tables.values():
                inside = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
                cursor.execute(f"create table if not exists {name} ({inside})")

    def write(self, records: Sequence[Record]) -> None:
        """Insert the records in one transaction.

        Raises:
            Exception: What the driver raised; none of the records is then kept.
        """
        with self._transaction() as cursor:
            for kind, (name, columns) in self._tables.items():
                rows = [_row(record, columns) for record in records if type(record) is kind]
                if rows:
                    cursor.executemany(self._insert(name, columns), rows)

    def close(self) -> None:
        """Close this thread's connection; those of threads that ended are closed already."""
        held: _Held | None = getattr(self._own, "held", None)
        self._own.held = None
        if held is not None:
            held.close()

    def _connection(self) -> Connection:
        held: _Held | None = getattr(self._own, "held", None)
        if held is None or held.process != os.getpid():
            held = self._own.held = _Held(self._connect())
        return held.connection

    def _insert(self, name: str, columns: dict[str, str]) -> str:
        values = ", ".join([self._placeholder] * len(columns))
        names = ", ".join(f'"{column}"' for column in columns)  # DuckDB has a word AT
        into = f"insert into {name} ({names})"
        return f"{into} values ({values}) on conflict (id) do nothing"

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        connection = self._connection()
        try:
            cursor: Cursor = connection.cursor()
            if self._begin:
                cursor.execute(self._begin)
            yield cursor
            if self._begin:
                cursor.execute("commit")  # a cursor of DuckDB has transactions of its own
            else:
                connection.commit()
            cursor.close()
        except BaseException:
            self.close()  # which also gives up the transaction
            raise


def _row(record: Record, columns: dict[str, str]) -> tuple[object, ...]:
    values = record.to_dict()
    values["details"] = json.dumps(values["details"], separators=(",", ":"))
    return tuple(values[column] for column in columns)


def sqlite_sink(path: str | os.PathLike[str], *, timeout: float = 30.0) -> SqlSink:
    """A sink that writes to a SQLite file, which it makes.

    Every commit is synced to the disk (``synchronous = full``), and several processes may share
    the file: one writes, the others wait for up to ``timeout`` seconds.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=timeout)
        connection.execute("pragma synchronous = full")
        return connection

    sink = SqlSink(connect)
    sink.create()
    return sink
