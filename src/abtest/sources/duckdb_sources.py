"""Opens tables: files, databases and frames, as DuckDB sees them."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from abtest.errors import DataError
from abtest.sources.csv_header import is_gzipped, read_csv_header
from abtest.sources.database_tables import no_such_table, no_table_named
from abtest.sources.duckdb_errors import data_error, first_line
from abtest.sources.duckdb_postgres import PostgresTable
from abtest.sources.duckdb_sql import literal, quote
from abtest.sources.duckdb_sqlite import MAGIC, SqliteTable
from abtest.sources.files import Files, find_files
from abtest.sources.locations import is_postgres, is_url
from abtest.sources.remote import ROW_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from abtest.sources.remote import Remote
    from abtest.sources.tables import Table

# Above this, waiting for one thread costs more than the last digit is worth (ADR 7).
ONE_THREAD_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table as DuckDB sees it.

    Attributes:
        label: What it is called in messages.
        from_sql: What stands after FROM; empty for a table that is copied first.
        types: The type of each column.
        remote: The table that is copied first.
        rejects: The tables in which DuckDB keeps lines that it skipped, and their files.
        partial: Columns that some file lacks, and the first such file.
    """

    label: str
    from_sql: str
    types: Mapping[str, str]
    remote: Remote | None = None
    rejects: tuple[str, str] | None = None
    partial: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Copy:
    """Columns of a remote table that were copied to a file."""

    columns: tuple[str, ...]
    from_sql: str
    fingerprint: str


class Opener:
    """Opens each table once.

    Args:
        connection: Where they are opened.
        folder: What relative paths are relative to.
        data: Tables passed by hand, by name.
        skip_bad_lines: Whether broken lines of CSV files are skipped, and counted.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        data: Mapping[str, Any],
        *,
        skip_bad_lines: bool,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._data = dict(data)
        self._skip = skip_bad_lines
        self._files: dict[str, Files] = {}
        self._copies: dict[str, _Copy] = {}
        self._bytes = 0
        self._number = 0
        self._temporary: Path | None = None

    def open(self, name: str, table: Table) -> Source:
        """A table, ready to be described.

        Raises:
            DataError: It cannot be read.
        """
        given = self._data.get(name, table.path)
        if not isinstance(given, str | Path):
            return self._frame(name, given)
        if is_postgres(str(given)):
            return _remote(PostgresTable(str(given), table.table, table.query))
        if is_url(str(given)):
            hint = "Download it first; postgresql:// is the only address that is read."
            raise DataError(f"data.{name} is an address on the network", hint)
        files = find_files(name, self._folder, given)
        self._files[name] = files
        self._count_bytes(files.size)
        if files.kind == "csv":
            return self._csv(files)
        if files.kind == "database":
            return self._database(files, table)
        source = self.described(files.label, _parquet_sql(files))
        return replace(source, partial=self._partial(files)) if files.several else source

    def _partial(self, files: Files) -> dict[str, str]:
        """The columns that some of several Parquet files lack, each with the first such file."""
        rows = self._connection.execute(
            f"SELECT file_name, list(name) FROM parquet_schema({_list_sql(files)}) "
            "WHERE num_children IS NULL GROUP BY file_name ORDER BY file_name"
        ).fetchall()
        known = {name for _, names in rows for name in names}
        lacking = [(name, file) for file, names in rows for name in known - set(names)]
        return dict(reversed(lacking))

    def from_sql(self, name: str, source: Source, columns: Sequence[str]) -> str:
        """What stands after FROM, with these columns; a remote table is copied for it.

        Raises:
            DataError: The database cannot be read.
        """
        if source.remote is None:
            return source.from_sql
        copy = self._copies.get(name)
        if copy is None or not set(columns) <= set(copy.columns):
            known = copy.columns if copy is not None else ()
            copy = self._copy(source.remote, tuple(dict.fromkeys([*known, *columns])))
            self._copies[name] = copy
        return copy.from_sql

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 by table: of its files, or of the rows that were read from a server."""
        digests = {name: files.fingerprint() for name, files in self._files.items()}
        copies = {name: copy.fingerprint for name, copy in self._copies.items()}
        return dict(sorted({**copies, **digests}.items()))

    def described(self, label: str, from_sql: str) -> Source:
        """What DuckDB says that it is."""
        try:
            rows = self._connection.sql(f"DESCRIBE SELECT * FROM {from_sql}").fetchall()
        except duckdb.Error as error:
            raise DataError(f"{label} cannot be read: {first_line(error)}") from error
        types = {str(row[0]): str(row[1]) for row in rows}
        # Categories are texts that somebody packed; a column of nothing has no type.
        packed = [c for c, type_ in types.items() if type_.startswith(("ENUM", '"NULL"'))]
        if packed:
            texts = ", ".join(f"CAST({quote(c)} AS VARCHAR) AS {quote(c)}" for c in packed)
            from_sql = f"(SELECT * REPLACE ({texts}) FROM {from_sql})"
        return Source(label, from_sql, {**types, **dict.fromkeys(packed, "VARCHAR")})

    def _csv(self, files: Files) -> Source:
        first = read_csv_header(files.paths[0])
        for path in files.paths[1:]:
            if read_csv_header(path) != first:
                hint = f"It has: {', '.join(first.columns)}."
                message = f"{path} has other columns, or another delimiter, than {files.paths[0]}"
                raise DataError(message, hint)
        packed = {is_gzipped(path) for path in files.paths}
        if len(packed) > 1:
            raise DataError(f"{files.label} matches packed and plain files", "Match one kind.")
        columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in first.columns)
        rejects, skip = self._rejects()
        # Everything is read as text and cast on purpose: 007 stays 007, and a bad cell is named.
        from_sql = (
            f"read_csv({_list_sql(files)}, columns={{{columns}}}, header=true, "
            f"compression='{'gzip' if packed == {True} else 'none'}', "
            f"delim={literal(first.delimiter)}, quote='\"', escape='\"', "
            f"auto_detect=false, strict_mode=true{skip})"
        )
        types = dict.fromkeys(first.columns, "VARCHAR")
        return Source(files.label, from_sql, types, rejects=rejects)

    def _rejects(self) -> tuple[tuple[str, str] | None, str]:
        if not self._skip:
            return None, ""
        self._number += 1
        tables = (f"abtest_rejects_{self._number}", f"abtest_rejected_scans_{self._number}")
        options = f"store_rejects=true, rejects_table='{tables[0]}', rejects_scan='{tables[1]}'"
        return tables, f", {options}, rejects_limit=0"

    def _database(self, files: Files, table: Table) -> Source:
        path = files.paths[0]
        with path.open("rb") as file:
            start = file.read(16)
        sqlite = start == MAGIC
        if not sqlite and start[8:12] != b"DUCK":
            raise DataError(f"{path} is no DuckDB or SQLite file")
        if table.table is None:
            raise no_table_named(str(path))
        if sqlite:
            return _remote(SqliteTable(path, table.table))
        return self._duckdb(path, table.table)

    def _duckdb(self, path: Path, table: str) -> Source:
        self._number += 1
        alias = f"abtest_file_{self._number}"
        try:
            attach = f"ATTACH {literal(str(path))} AS {alias} (TYPE duckdb, READ_ONLY)"
            self._connection.execute(attach)
        except duckdb.Error as error:
            hint = "Does another program have it open?"
            raise DataError(f"{path} cannot be read: {first_line(error)}", hint) from error
        names = self._connection.execute(
            "SELECT CASE WHEN table_schema = 'main' THEN table_name "
            "ELSE table_schema || '.' || table_name END FROM information_schema.tables "
            f"WHERE table_catalog = '{alias}' ORDER BY 1"
        ).fetchall()
        known = [str(name) for (name,) in names]
        if table.removeprefix("main.").lower() not in [name.lower() for name in known]:
            raise no_such_table(str(path), table, known)
        schema, dot, plain = table.rpartition(".")
        parts = [alias, schema if dot else "main", plain]
        return self.described(f"{path}, table {table}", ".".join(map(quote, parts)))

    def _frame(self, name: str, given: object) -> Source:
        native = given.collect() if type(given).__name__ == "LazyFrame" else given  # type: ignore[attr-defined]
        _refuse_repeated_columns(name, native)
        self._number += 1
        view = f"given_{self._number}"
        try:
            self._register(view, native)
        except (duckdb.Error, TypeError, RuntimeError) as error:
            kind = type(given).__name__
            raise DataError(
                f"data[{name!r}] is a {kind} that DuckDB cannot read: {first_line(error)}",
                "Pass a path, or a pandas, Polars or PyArrow frame.",
            ) from error
        return self.described(f"data[{name!r}]", view)

    def _register(self, view: str, native: Any) -> None:  # noqa: ANN401 - any kind of frame
        try:
            self._connection.register(view, native)
        except duckdb.Error:
            if not type(native).__module__.startswith("pandas"):
                raise
            # It reads no columns that run backwards, as those of frame[::-1] do.
            self._connection.register(view, native.copy())

    def _copy(self, remote: Remote, columns: tuple[str, ...]) -> _Copy:
        """Columns of a remote table as a Parquet file that goes when the engine goes."""
        self._number += 1
        folder = self._folder_of_copies()
        text, packed = folder / f"{self._number}.csv", folder / f"{self._number}.parquet"
        try:
            remote.copy_to(text, columns)
            self._count_bytes(text.stat().st_size)
            select, texts = _typed_sql(text, remote.types, columns)
            self._run(f"COPY ({select}) TO {literal(str(packed))} (FORMAT parquet)")
            digest = self._digest(texts, columns)
        finally:
            text.unlink(missing_ok=True)
        return _Copy(columns, f"read_parquet({literal(str(packed))})", digest)

    def _digest(self, texts: str, columns: Sequence[str]) -> str:
        """SHA-256 of what the rows are, in whatever order a server sends them."""
        named = sorted(column for column in columns if column != ROW_MARK)
        cells = ", ".join(f"coalesce({quote(column)}, chr(30))" for column in named)
        sql = (
            "SELECT count(*), sum(md5_number_lower(line)), sum(md5_number_upper(line)) "
            f"FROM (SELECT concat_ws(chr(31), {cells}) AS line FROM {texts})"
        )
        content = repr((named, self._run(sql)[0]))
        row = self._run(f"SELECT sha256({literal(content)})")[0]
        return str(row[0])

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise data_error(error) from error

    def _folder_of_copies(self) -> Path:
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="abtest-copy-"))
            remove: Callable[..., None] = shutil.rmtree
            weakref.finalize(self, remove, self._temporary, ignore_errors=True)
        return self._temporary

    def _count_bytes(self, size: int) -> None:
        self._bytes += size
        if self._bytes > ONE_THREAD_BYTES:
            self._connection.execute("RESET threads")


def _refuse_repeated_columns(name: str, frame: Any) -> None:  # noqa: ANN401 - any kind of frame
    """DuckDB would read the first of them and call the others something else."""
    of_arrow = hasattr(frame, "column_names")
    names: Iterable[object] = frame.column_names if of_arrow else getattr(frame, "columns", ())
    columns = [str(column).lower() for column in names]
    twice = [column for column, n in Counter(columns).items() if n > 1]
    if twice:
        message = f"data[{name!r}] has more than one column called {twice[0]!r}"
        raise DataError(message, "Rename one; upper and lower case are the same here.")


def _remote(remote: Remote) -> Source:
    return Source(remote.label, "", remote.types, remote)


def _typed_sql(path: Path, types: Mapping[str, str], columns: Sequence[str]) -> tuple[str, str]:
    """The rows of a copy with their types, and what they are as text."""
    names = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    texts = (
        f"read_csv({literal(str(path))}, columns={{{names}}}, header=false, delim=',', "
        "quote='\"', escape='\"', auto_detect=false, strict_mode=true, compression='none')"
    )
    typed = ", ".join(
        f"CAST({quote(c)} AS {types.get(c, 'BIGINT')}) AS {quote(c)}" for c in columns
    )
    return f"SELECT {typed} FROM {texts}", texts


def _parquet_sql(files: Files) -> str:
    if not files.several:
        return f"read_parquet({_list_sql(files)})"
    # Partitions are texts, so that 007 stays 007; a column that a file lacks is missing there.
    options = "hive_partitioning=true, hive_types_autocast=false, union_by_name=true"
    return f"read_parquet({_list_sql(files)}, {options})"


def _list_sql(files: Files) -> str:
    """Names of files in which ``*``, ``?`` and ``[`` mean themselves."""
    names = [literal(re.sub(r"([*?\[])", r"[\1]", str(path))) for path in files.paths]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
