"""The default engine: DuckDB, embedded, reading CSV and Parquet files and data frames."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw

from abtest.errors import DataError
from abtest.sources.csv_header import is_gzipped, read_csv_header
from abtest.sources.duckdb_sql import (
    RULES,
    bad_sql,
    is_number,
    keep_numbers_sql,
    keep_texts_sql,
    literal,
    quote,
    select_sql,
)
from abtest.sources.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.sources.tables import Table

_TAG = re.compile(r"abtest-bad-cell:(\d+)")
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_EXPECTED = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


# Above this, waiting for one thread costs more than the last digit is worth (ADR 7).
ONE_THREAD_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table as DuckDB sees it: what stands after FROM, and the type of each column."""

    label: str
    from_sql: str
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Cell:
    """Where a bad cell may come from."""

    source: Source
    wanted: Wanted
    where: str


class DuckDBEngine:
    """Runs everything in one in-memory database that spills to disk.

    Args:
        folder: What relative paths are relative to.
        zone: The zone in which times without an offset are read and days begin.
        data: Tables passed by hand, by name: a path, or a data frame that DuckDB can read (pandas,
            Polars, PyArrow, a DuckDB relation).
    """

    def __init__(self, folder: Path, zone: str, data: Mapping[str, Any]) -> None:
        self._folder = folder
        self._zone = zone
        self._data = dict(data)
        self._sources: dict[str, Source] = {}
        self._cells: list[_Cell] = []
        self._files: dict[str, Path] = {}
        self._tables = 0
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        # One thread adds numbers in one order: the same input gives the same bytes.
        self._connection.execute("SET threads = 1")
        spill = literal(str(Path(tempfile.gettempdir()) / f"abtest-spill-{os.getpid()}"))
        self._connection.execute(f"SET temp_directory = {spill}")

    def columns(self, name: str, table: Table) -> tuple[str, ...]:
        """The columns of a table."""
        return tuple(self.source(name, table).types)

    def scan(self, name: str, table: Table, wanted: Sequence[Wanted]) -> nw.LazyFrame[Any]:
        """The wanted columns of a table, under their new names, where its ``keep`` holds."""
        source = self.source(name, table)
        for column in [*(want.column for want in wanted), *(keep.column for keep in table.keep)]:
            _require(source, column)
        where = self._kept(source, table)
        select: list[str] = []
        for want in wanted:
            column_type = source.types[want.column]
            if want.type == "instant" and not column_type.startswith(("VAR", "DATE", "TIMESTAMP")):
                raise _no_time(source, want, column_type)
            tag = self._tag(_Cell(source, want, where))
            select += select_sql(want, column_type, self._zone, tag)
        # The filter comes first: a row that is not kept may hold anything.
        kept_rows = f"SELECT * FROM {source.from_sql} WHERE {where}"
        return self._frame(f"SELECT {', '.join(select)} FROM ({kept_rows})")

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, into a temporary table."""
        self._tables += 1
        name = f"abtest_{self._tables}"
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        try:
            relation.create(name)
        except duckdb.Error as error:
            raise self._data_error(error) from error
        return self._frame(f"SELECT * FROM {name}")

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """The rows of a small frame."""
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        try:
            rows = relation.fetchall()
        except duckdb.Error as error:
            raise self._data_error(error) from error
        return [dict(zip(relation.columns, row, strict=True)) for row in rows]

    def copies(self, name: str, table: Table) -> int:
        """How many rows of a table, of those it keeps, repeat another in every column."""
        source = self.source(name, table)
        rows = f"SELECT * FROM {source.from_sql} WHERE {self._kept(source, table)}"
        counts = (
            f"SELECT count(*) AS n FROM ({rows}) GROUP BY {', '.join(map(quote, source.types))}"
        )
        return int(self.query(f"SELECT coalesce(sum(n - 1), 0) FROM ({counts})")[0][0])

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file that was read, by table."""
        digests = {}
        for name, path in sorted(self._files.items()):
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return digests

    def _kept(self, source: Source, table: Table) -> str:
        """The condition under which a row is kept.

        Text in a column that is compared as a number is an error, but only in rows that meet the
        other conditions: a row that is not kept may hold anything.
        """
        plain, checked = [], []
        for keep in table.keep:
            plain += keep_texts_sql(keep, source.types[keep.column])
        for keep in table.keep:
            column_type = source.types[keep.column]
            want = Wanted(keep.column, keep.column, "number")
            tag = self._tag(_Cell(source, want, " AND ".join(plain) or "true"))
            numbers = keep_numbers_sql(keep, column_type, tag)
            if is_number(column_type):
                plain += numbers
            else:
                checked += numbers
        where = " AND ".join(plain) or "true"
        return f"CASE WHEN {where} THEN {' AND '.join(checked)} END" if checked else where

    def _tag(self, cell: _Cell) -> str:
        """A word by which an error says which column it comes from."""
        self._cells.append(cell)
        return f"abtest-bad-cell:{len(self._cells) - 1}"

    def _frame(self, sql: str) -> nw.LazyFrame[Any]:
        return nw.from_native(self._connection.sql(sql))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; a bad cell becomes a message for people."""
        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._data_error(error) from error

    def source(self, name: str, table: Table) -> Source:
        """A table as DuckDB sees it.

        Raises:
            DataError: It cannot be read.
        """
        if name not in self._sources:
            given = self._data.get(name, table.path)
            if isinstance(given, str | Path):
                self._sources[name] = self._file(name, self._folder / given)
            else:
                self._sources[name] = self._given(name, given)
        return self._sources[name]

    def _file(self, name: str, path: Path) -> Source:
        if not path.is_file():
            reason = "is a folder" if path.is_dir() else "does not exist"
            raise DataError(f"{path} {reason} (data.{name})", _files_beside(path))
        self._files[name] = path
        if sum(other.stat().st_size for other in self._files.values()) > ONE_THREAD_BYTES:
            self._connection.execute("RESET threads")
        if path.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".txt")):
            return self._csv(path)
        if path.name.lower().endswith((".parquet", ".pq")):
            return self._described(str(path), f"read_parquet({_file_literal(path)})")
        raise DataError(f"{path} is no kind of file abtest reads", "Use .csv, .csv.gz or .parquet.")

    def _csv(self, path: Path) -> Source:
        header = read_csv_header(path)
        columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in header.columns)
        # Everything is read as text and cast on purpose: 007 stays 007, and a bad cell is named.
        from_sql = (
            f"read_csv({_file_literal(path)}, columns={{{columns}}}, header=true, "
            f"compression='{'gzip' if is_gzipped(path) else 'none'}', "
            f"delim={literal(header.delimiter)}, quote='\"', escape='\"', "
            "auto_detect=false, strict_mode=true)"
        )
        return Source(str(path), from_sql, dict.fromkeys(header.columns, "VARCHAR"))

    def _given(self, name: str, given: object) -> Source:
        native = given.collect() if type(given).__name__ == "LazyFrame" else given  # type: ignore[attr-defined]
        view = f"given_{len(self._sources)}"
        try:
            self._connection.register(view, native)
        except (duckdb.Error, TypeError) as error:
            kind = type(given).__name__
            raise DataError(
                f"data[{name!r}] is a {kind} that DuckDB cannot read: {_first_line(error)}",
                "Pass a path, or a pandas, Polars or PyArrow frame.",
            ) from error
        return self._described(f"data[{name!r}]", view)

    def _described(self, label: str, from_sql: str) -> Source:
        try:
            rows = self._connection.sql(f"DESCRIBE SELECT * FROM {from_sql}").fetchall()
        except duckdb.Error as error:
            raise DataError(f"{label} cannot be read: {_first_line(error)}") from error
        types = {str(row[0]): str(row[1]) for row in rows}
        # Categories are texts that somebody packed; a column of nothing has no type.
        packed = [c for c, type_ in types.items() if type_.startswith(("ENUM", '"NULL"'))]
        if packed:
            texts = ", ".join(f"CAST({quote(c)} AS VARCHAR) AS {quote(c)}" for c in packed)
            from_sql = f"(SELECT * REPLACE ({texts}) FROM {from_sql})"
        return Source(label, from_sql, {**types, **dict.fromkeys(packed, "VARCHAR")})

    def _data_error(self, error: duckdb.Error) -> DataError:
        """The message for people, from an error that DuckDB raised while it ran."""
        text = str(error)
        tag = _TAG.search(text)
        if tag is not None:
            return self._bad_cells(self._cells[int(tag[1])])
        line = _CSV_LINE.search(text)
        if line is not None:
            return _broken_line(text, int(line[1]))
        if "GZIP" in text:
            file = text.splitlines()[0].rpartition(": ")[2]
            hint = "Copy or export it once more."
            return DataError(f"{file} is cut off or damaged: it cannot be unpacked", hint)
        if "invalid state" in text:
            hint = "It mixes line ends or quotes; save it once more as CSV."
            return DataError(f"{_file_in(text)} is not a well-formed CSV file", hint)
        return DataError(f"the data cannot be read: {_first_line(error)}")

    def _bad_cells(self, cell: _Cell) -> DataError:
        source, want = cell.source, cell.wanted
        bad = bad_sql(want.column, source.types[want.column], want.type, self._zone)
        rows = self.query(
            f"SELECT count(*), min(row), arg_min(CAST({quote(want.column)} AS VARCHAR), row) FROM "
            f"(SELECT *, row_number() OVER () AS row FROM {source.from_sql}) "
            f"WHERE ({cell.where}) AND {bad}"
        )
        count, first, example = rows[0]
        what, hint = RULES[want.type]
        values = "1 value is" if count == 1 else f"{count:,} values are"
        return DataError(
            f"{source.label}: column {want.column!r}: {values} not {what}, the first "
            f"{example!r} in data row {first:,}",
            hint,
        )


def _require(source: Source, column: str) -> None:
    if column in source.types:
        return
    close = get_close_matches(column, source.types, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    raise DataError(
        f"{source.label} has no column {column!r}",
        f"{hint}It has: {', '.join(source.types)}.",
    )


def _no_time(source: Source, want: Wanted, column_type: str) -> DataError:
    return DataError(
        f"{source.label}: column {want.column!r} is {column_type.lower()}; it must hold dates or "
        "times",
        RULES["instant"][1],
    )


def _files_beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}."
    names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    close = get_close_matches(path.name, names, n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def _broken_line(text: str, line: int) -> DataError:
    where = f"{_file_in(text)}: line {line:,}"
    expected = _EXPECTED.search(text)
    if expected is not None:
        values = "1 value" if expected[2] == "1" else f"{expected[2]} values"
        return DataError(
            f"{where} has {values}; the header has {expected[1]}",
            "Put texts that hold the delimiter in quotes, or correct the line.",
        )
    if "not utf-8" in text:
        return DataError(f"{where} is not UTF-8 text", "Save the file as CSV UTF-8.")
    if "unterminated quote" in text:
        return DataError(f"{where} opens a quote that is never closed", "Correct the line.")
    return DataError(f"{where} cannot be read", "Is it longer than 2 MB, or no text?")


def _file_in(text: str) -> str:
    match = re.search(r"file = (.+)", text)
    return match[1].strip() if match else "a CSV file"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _file_literal(path: Path) -> str:
    """A file's name as a string in which ``*``, ``?`` and ``[`` mean themselves."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))
