"""The default engine: DuckDB, embedded, reading files, databases and data frames."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import narwhals as nw

from abtest.errors import DataError
from abtest.sources.duckdb_cells import BadCell, bad_cells, no_time
from abtest.sources.duckdb_errors import NEVER_CLOSED, data_error, tag, tagged
from abtest.sources.duckdb_keep import (
    REPEATED_IDS,
    RowRules,
    needed_columns,
    row_rules,
    rows_sql,
)
from abtest.sources.duckdb_sources import ONE_THREAD_BYTES, Opener, Source
from abtest.sources.duckdb_sql import (
    is_integer,
    is_number,
    kept_text_sql,
    literal,
    quote,
    select_sql,
    with_days_sql,
)
from abtest.sources.duckdb_times import LOCAL, WITH_OFFSET, Reading, reading_of
from abtest.sources.remote import ROW_MARK
from abtest.sources.tables import EventsTable
from abtest.sources.wanted import Copies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.sources.tables import Table
    from abtest.sources.wanted import Wanted

__all__ = ["ONE_THREAD_BYTES", "DuckDBEngine", "OnBadLines", "Source"]

OnBadLines = Literal["fail", "skip"]

# Ten million customers with fifty million orders just fit; more is written to disk meanwhile.
MEMORY = "3500MB"
# Rows in which copies are looked for one by one; of more, a part is looked at.
MOST_COMPARED = 5_000_000


class DuckDBEngine:
    """Runs everything in one in-memory database that spills to disk.

    Args:
        folder: What relative paths are relative to.
        zone: The zone in which times without an offset are read and days begin.
        data: Tables passed by hand, by name: a path, or a data frame that DuckDB can read (pandas,
            Polars, PyArrow, a DuckDB relation).
        currency: The currency of all amounts; None where each table must have one of its own.
        on_bad_lines: What to do about broken lines of CSV files: ``fail`` names the first one,
            ``skip`` leaves them out and counts them.
        memory: How much memory it takes before it writes to disk, such as ``8GB``.
    """

    def __init__(  # noqa: PLR0913 - settings, each by name
        self,
        folder: Path,
        zone: str,
        data: Mapping[str, Any],
        *,
        currency: str | None = None,
        on_bad_lines: OnBadLines = "fail",
        memory: str = MEMORY,
    ) -> None:
        self._zone = zone
        self._currency = currency
        self._sources: dict[str, Source] = {}
        self._cells: list[BadCell] = []
        self._first_values: dict[str, object] = {}
        self._tables = 0
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        # One thread adds numbers in one order: the same input gives the same bytes.
        self._connection.execute("SET threads = 1")
        spill = literal(str(Path(tempfile.gettempdir()) / f"abtest-spill-{os.getpid()}"))
        self._connection.execute(f"SET temp_directory = {spill}")
        hint = "Write an amount and its unit: 8GB."
        if memory.strip().startswith("-"):  # DuckDB takes it for no limit at all
            raise DataError(f"memory is {memory!r}, which is no size", hint)
        try:
            self._connection.execute(f"SET memory_limit = {literal(memory)}")
        except duckdb.Error as error:
            raise DataError(f"memory is {memory!r}, which is no size", hint) from error
        skip = on_bad_lines == "skip"
        self._opener = Opener(self._connection, folder, data, skip_bad_lines=skip)

    def columns(self, name: str, table: Table) -> tuple[str, ...]:
        """The columns of a table."""
        return tuple(self.source(name, table).types)

    def holds_integers(self, name: str, table: Table, column: str) -> bool:
        """Whether a column's type is whole numbers that fit into 64 bits."""
        source = self.source(name, table)
        _require(source, column)
        return is_integer(source.types[column])

    def scan(self, name: str, table: Table, wanted: Sequence[Wanted]) -> nw.LazyFrame[Any]:
        """The wanted columns of a table, under their new names, in the rows that are read."""
        source = self.source(name, table)
        columns = [want.column for want in wanted]
        for column in [*columns, *needed_columns(table)]:
            _require(source, column)
        from_sql = self._from_sql(name, table, columns)
        reading = reading_of(table, self._zone)
        rules = self._rules(source, table, from_sql)
        select: list[str] = []
        for want in wanted:
            column_type = source.types[want.column]
            read = reading
            if want.type == "instant":
                _require_times(source, want.column, reading)
                read = self._of_one_kind(source, want.column, reading, (from_sql, rules.where))
            cell = BadCell(
                source.label, from_sql, want.column, column_type, want.type, rules.where, read
            )
            select.append(select_sql(want, column_type, read, self._tag(cell)))
        # The filter comes first: a row that is not kept may hold anything.
        rules = self._in_one_currency(source, table, from_sql, rules)
        at = table.at if isinstance(table, EventsTable) else None
        kept_rows = rows_sql(from_sql, rules, at, list(source.types))
        rows = f"SELECT {', '.join(select)} FROM ({kept_rows})"
        return self._frame(with_days_sql(rows, wanted, self._zone))

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, into a temporary table."""
        self._tables += 1
        name = f"abtest_{self._tables}"
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        try:
            relation.create(name)
        except duckdb.Error as error:
            raise self._data_error(error) from error
        self._refuse_swallowed_lines()
        return self._frame(f"SELECT * FROM {name}")

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """The rows of a small frame."""
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        try:
            rows = relation.fetchall()
        except duckdb.Error as error:
            raise self._data_error(error) from error
        self._refuse_swallowed_lines()
        return [dict(zip(relation.columns, row, strict=True)) for row in rows]

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        """The frame with the half that each row falls in by a hash of a column."""
        relation: duckdb.DuckDBPyRelation = frame.to_native()
        digest = f"sha256({literal(salt)} || CAST({quote(column)} AS VARCHAR))"
        half = f"CASE WHEN {digest} < '8' THEN 0 ELSE 1 END"
        return nw.from_native(relation.project(f"*, {half} AS {quote(name)}"))

    def copies(self, name: str, table: Table) -> Copies:
        """How many rows of a table, of those that are read, repeat another in every column.

        In a long table a part of the rows is looked at, by a hash of all their columns: copies
        have the same one, so a part holds all copies of its rows.
        """
        source = self.source(name, table)
        columns = list(source.types)
        if source.remote is not None and source.remote.marks_rows:
            columns = [ROW_MARK]
        from_sql = self._from_sql(name, table, columns)
        rules = self._rules(source, table, from_sql)
        at = table.at if isinstance(table, EventsTable) else None
        rows = rows_sql(from_sql, rules, at, list(source.types))
        names = ", ".join(map(quote, columns))
        one_in = 1 + int(self.query(f"SELECT count(*) FROM {from_sql}")[0][0]) // MOST_COMPARED
        if one_in > 1:
            rows = f"SELECT * FROM ({rows}) WHERE hash({names}) % {one_in} = 0"
        counts = f"SELECT count(*) AS n FROM ({rows}) GROUP BY {names}"
        found = self.query(f"SELECT coalesce(sum(n - 1), 0) FROM ({counts})")
        return Copies(int(found[0][0]), one_in)

    def left_out(self, name: str, table: Table) -> dict[str, int]:
        """How many rows of a table each of its rules leaves out, in the order of the rules.

        ``keep`` is first, then each of ``exclude`` under its name, ``renewals``, and
        ``repeated_ids``. A row counts once, under the first rule that leaves it out. The table is
        read for this only where it has such rules.
        """
        if not needed_columns(table):
            return {}
        source = self.source(name, table)
        for column in needed_columns(table):
            _require(source, column)
        from_sql = self._from_sql(name, table, needed_columns(table))
        rules = self._rules(source, table, from_sql)
        labels = ["keep"] if table.keep else []
        labels += [label for label, _ in rules.excluded]
        if not labels and rules.id is None:
            return {}
        repeated = "0" if rules.id is None else "count({0}) - count(DISTINCT {0})"
        rows = self.query(
            f"SELECT {rules.rule_sql()} AS rule, count(*), "
            f"{repeated.format(quote(rules.id or ''))} FROM {from_sql} GROUP BY 1"
        )
        found = {rule: int(n) for rule, n, _ in rows if rule is not None}
        counts = {label: found.get(label, 0) for label in labels}
        if rules.id is not None:
            counts[REPEATED_IDS] = sum(int(n) for rule, _, n in rows if rule is None)
        return counts

    def bad_lines(self) -> dict[str, int]:
        """How many broken lines were skipped so far, by table; tables without one are absent."""
        counts = {}
        for name, source in sorted(self._sources.items()):
            n = len(self._rejected(source))
            if n:
                counts[name] = n
        return counts

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 by table: of the files, or of the rows that were read from a server."""
        return self._opener.fingerprints()

    def close(self) -> None:
        """Close the database, which frees its memory and its files of spilled rows."""
        self._connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; a bad cell becomes a message for people."""
        try:
            rows = self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._data_error(error) from error
        self._refuse_swallowed_lines()
        return rows

    def rows(self, table: str) -> nw.LazyFrame[Any]:
        """A table that ``query`` made."""
        return self._frame(f"SELECT * FROM {table}")

    def source(self, name: str, table: Table) -> Source:
        """A table as DuckDB sees it.

        Raises:
            DataError: It cannot be read.
        """
        if name not in self._sources:
            self._sources[name] = self._opener.open(name, table)
        return self._sources[name]

    def _from_sql(self, name: str, table: Table, columns: Sequence[str]) -> str:
        """What stands after FROM; a remote table is copied with all that the spec names at once."""
        source = self.source(name, table)
        if source.remote is None:
            return source.from_sql
        wanted = [*_named(table), *columns]
        if source.remote.marks_rows:
            wanted.append(ROW_MARK)
        known = [column for column in wanted if column in source.types or column == ROW_MARK]
        return self._opener.from_sql(name, source, known)

    def _rules(self, source: Source, table: Table, from_sql: str) -> RowRules:
        reading = reading_of(table, self._zone)

        def tagger(column: str, where: str) -> str:
            types = source.types
            return self._tag(
                BadCell(source.label, from_sql, column, types[column], "number", where, reading)
            )

        return row_rules(table, source.types, reading, tagger)

    def _of_one_kind(
        self, source: Source, column: str, reading: Reading, rows: tuple[str, str]
    ) -> Reading:
        """Whether times have an offset is decided by the first; the others must be like it."""
        if not reading.one_kind or source.types[column] != "VARCHAR":
            return reading
        text = f"trim({quote(column)})"
        kind = f"regexp_matches({text}, '{WITH_OFFSET}')"
        first = self._first(kind, f"{rows[0]} WHERE ({rows[1]}) AND {_is_time(text)}")
        return reading if first is None else replace(reading, offsets=bool(first))

    def _in_one_currency(
        self, source: Source, table: Table, from_sql: str, rules: RowRules
    ) -> RowRules:
        """The rules of a table in which an amount in other money is an error."""
        if not isinstance(table, EventsTable) or table.currency is None:
            return rules
        column = table.currency.column
        text = kept_text_sql(column, source.types[column])
        rows = f"{from_sql} WHERE ({rules.where}) AND {text} IS NOT NULL"
        money = self._currency or self._first(text, rows)
        if money is None:
            return rules
        cell = BadCell(
            source.label,
            from_sql,
            column,
            source.types[column],
            "text",
            rules.where,
            reading_of(table, self._zone),
            str(money),
        )
        same = f"{text} = {literal(str(money))}"
        check = f"CASE WHEN {same} THEN true ELSE error({literal(self._tag(cell))}) END"
        return replace(rules, where=f"CASE WHEN {rules.where} THEN {check} END")

    def _first(self, expression: str, rows: str) -> object:
        """The expression in the first of some rows; None where there is no row."""
        sql = f"SELECT {expression} FROM {rows} LIMIT 1"
        if sql not in self._first_values:
            found = self.query(sql)
            self._first_values[sql] = found[0][0] if found else None
        return self._first_values[sql]

    def _tag(self, cell: BadCell) -> str:
        """A word by which an error says which column it comes from."""
        self._cells.append(cell)
        return tag(len(self._cells) - 1)

    def _frame(self, sql: str) -> nw.LazyFrame[Any]:
        return nw.from_native(self._connection.sql(sql))

    def _data_error(self, error: duckdb.Error) -> DataError:
        """The message for people, from an error that DuckDB raised while it ran."""
        number = tagged(error)
        return data_error(error) if number is None else bad_cells(self.query, self._cells[number])

    def _rejected(self, source: Source) -> set[tuple[str, int, bool]]:
        """File and line of each line that was skipped, and whether it swallowed others."""
        if source.rejects is None:
            return set()
        lines, scans = source.rejects
        try:
            rows = self._connection.execute(
                "SELECT DISTINCT file_path, line, bool_or("
                "error_type = 'UNQUOTED VALUE' AND contains(rtrim(csv_line, chr(10)), chr(10))) "
                f"FROM {lines} JOIN {scans} USING (scan_id, file_id) GROUP BY file_path, line"
            ).fetchall()
        except duckdb.CatalogException:  # nothing was read yet
            return set()
        return {(str(path), int(line), bool(swallowed)) for path, line, swallowed in rows}

    def _refuse_swallowed_lines(self) -> None:
        """An open quote takes in all lines after it: to skip that is to lose good rows unseen."""
        for source in self._sources.values():
            for path, line, swallowed in sorted(self._rejected(source)):
                if swallowed:
                    hint = "It takes in the lines after it, so it cannot be skipped. Correct it."
                    raise DataError(f"{path}: line {line:,} {NEVER_CLOSED}", hint)


def _named(table: Table) -> list[str]:
    """The columns that a table's block names."""
    names = [table.unit, *needed_columns(table)]
    names += [getattr(table, key, None) for key in ("variant", "at", "reason", "id")]
    if isinstance(table, EventsTable) and table.value is not None:
        names += table.value.columns
    return [name for name in names if name is not None]


def _is_time(text: str) -> str:
    return f"(regexp_matches({text}, '{LOCAL}') OR regexp_matches({text}, '{WITH_OFFSET}'))"


def _require(source: Source, column: str) -> None:
    if column in source.partial:
        raise DataError(
            f"{source.partial[column]} has no column {column!r}, which other files have",
            "Were the files exported in two ways? Give all of them one form.",
        )
    if column in source.types:
        return
    close = get_close_matches(column, source.types, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    raise DataError(
        f"{source.label} has no column {column!r}",
        f"{hint}It has: {', '.join(source.types)}.",
    )


def _require_times(source: Source, column: str, reading: Reading) -> None:
    column_type = source.types[column]
    numbers = reading.numbered and (is_number(column_type) or column_type == "VARCHAR")
    times = not reading.numbered and column_type.startswith(("VAR", "DATE", "TIMESTAMP"))
    if not numbers and not times:
        raise no_time(source.label, column, column_type)
