"""An engine of data frames: Polars, pandas, PyArrow, PySpark and whatever else Narwhals reads.

The analysis is written once, in Narwhals expressions; here a table becomes the same plain values as
in DuckDB. Bad cells are counted in one pass before anything else runs, because no expression can
stop a query with a message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.errors import DataError
from abtest.sources.duckdb_sql import RULES
from abtest.sources.duckdb_times import reading_of
from abtest.sources.files import find_files
from abtest.sources.frame_cells import (
    bad_column,
    kind_of,
    local_column,
    read_column,
    refuse_no_time,
)
from abtest.sources.frame_keep import all_hold, numbers_hold, refuse_unread, texts_hold
from abtest.sources.wanted import Copies, Wanted, day_column
from abtest.sources.zones import ZoneSpan, zone_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from abtest.sources.duckdb_times import Reading
    from abtest.sources.files import Files
    from abtest.sources.frame_backends import Backend
    from abtest.sources.frame_cells import Kind
    from abtest.sources.tables import Condition, Table

_RAW, _ROW = "abtest:raw:", "abtest:row"
_DUCKDB = "Use engine duckdb."


@dataclass(frozen=True, slots=True)
class _Source:
    """A table: its columns under names that no wanted column has, and what each holds."""

    label: str
    frame: nw.LazyFrame[Any]
    kinds: Mapping[str, Kind]
    dtypes: Mapping[str, Any]


class FrameEngine:
    """Runs everything where the frames are.

    Args:
        backend: The library of the frames.
        folder: What relative paths are relative to.
        zone: The zone in which times without an offset are read and days begin.
        data: Tables passed by hand, by name: a path, or a data frame.
    """

    def __init__(self, backend: Backend, folder: Path, zone: str, data: Mapping[str, Any]) -> None:
        self._backend = backend
        # Narwhals raises errors of its own for those of Polars.
        self._errors: tuple[type[Exception], ...] = (
            *backend.errors,
            nw.exceptions.NarwhalsError,
        )
        self._folder = folder
        self._zone = zone
        self._data = dict(data)
        self._sources: dict[str, _Source] = {}
        self._files: dict[str, Files] = {}
        self._scanned: dict[tuple[str, tuple[Wanted, ...]], nw.LazyFrame[Any]] = {}

    def columns(self, name: str, table: Table) -> tuple[str, ...]:
        """The columns of a table."""
        return tuple(self._source(name, table).kinds)

    def holds_integers(self, name: str, table: Table, column: str) -> bool:
        """Whether a column is of a type of whole numbers that 64 bits hold; text never is."""
        source = self._source(name, table)
        _require(source, column)
        return source.kinds[column] == "integer" and source.dtypes[column] != nw.UInt64

    def scan(self, name: str, table: Table, wanted: Sequence[Wanted]) -> nw.LazyFrame[Any]:
        """The wanted columns of a table, under their new names, where its ``keep`` holds."""
        # A stream is asked for several times; its cells are checked once.
        key = (name, tuple(wanted))
        if key not in self._scanned:
            self._scanned[key] = self._scan(name, table, wanted)
        return self._scanned[key]

    def _scan(self, name: str, table: Table, wanted: Sequence[Wanted]) -> nw.LazyFrame[Any]:
        refuse_unread(table, self._backend.name)
        source, reading = self._source(name, table), reading_of(table, self._zone)
        for want in wanted:
            _require(source, want.column)
            refuse_no_time(want, source.kinds[want.column], source.label, reading)
        frame = self._read(source, self._in_rows(source, table)[-1], wanted, reading)
        checks = self._check(source, frame, wanted, reading)
        columns: list[nw.Expr] = []
        frame = self._in_utc(frame, wanted, checks)
        for want in wanted:
            columns.append(nw.col(want.name))
            if want.type == "instant":
                span = self._span(checks, want)
                columns.append(span.local_day(nw.col(want.name)).alias(day_column(want.name)))
        return self._backend.finished(frame.select(*columns))

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once."""
        try:
            return self._backend.settled(frame)
        except self._errors as error:
            raise _unreadable("the data", error) from error

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """The rows of a small frame."""
        try:
            return self._backend.rows(frame)
        except self._errors as error:
            raise _unreadable("the data", error) from error

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        """The frame with the half that each row falls in by a hash of a column."""
        return self._backend.halved(frame, column, salt, name)

    def copies(self, name: str, table: Table) -> Copies:
        """How many rows of a table, of those that are read, repeat another in every column."""
        source = self._source(name, table)
        read = self._in_rows(source, table)[-1]
        rows = read.select(*(_RAW + column for column in source.kinds))
        try:
            return Copies(self._length(rows) - self._length(rows.unique()))
        except self._errors as error:  # a column of lists or the like, which nobody has to read
            raise _unreadable(source.label, error, _DUCKDB) from error

    def left_out(self, name: str, table: Table) -> dict[str, int]:
        """How many rows of a table each of its rules leaves out, in the order of the rules."""
        labels = ["keep"] if table.keep else []
        labels += [rule.label for rule in table.excluded]
        if not labels:
            return {}
        sizes = [self._length(frame) for frame in self._in_rows(self._source(name, table), table)]
        counts = dict.fromkeys(labels, 0)
        for label, before, after in zip(labels, sizes, sizes[1:], strict=False):
            counts[label] += before - after
        return counts

    def bad_lines(self) -> dict[str, int]:
        """Broken lines that were skipped: none ever is, because reading stops at the first."""
        return {}

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file that was read, by table."""
        return {name: files.fingerprint() for name, files in sorted(self._files.items())}

    def close(self) -> None:
        """Let go of everything that was computed."""
        self._scanned.clear()
        self._sources.clear()
        self._backend.release()

    def _length(self, frame: nw.LazyFrame[Any]) -> int:
        return int(self.collect(frame.select(nw.len().alias("n")))[0]["n"])

    def _read(
        self,
        source: _Source,
        frame: nw.LazyFrame[Any],
        wanted: Iterable[Wanted],
        reading: Reading,
    ) -> nw.LazyFrame[Any]:
        for want in wanted:
            raw = replace(want, column=_RAW + want.column)
            kind, count = source.kinds[want.column], self._backend.microseconds
            frame = read_column(frame, raw, kind, reading, count)
        return frame

    def _in_rows(self, source: _Source, table: Table) -> list[nw.LazyFrame[Any]]:
        """All rows, those that are kept, and what each rule of ``exclude`` then leaves."""
        reading = reading_of(table, self._zone)
        frames = [source.frame]
        if table.keep:
            read, holds = self._condition(source, source.frame, table.keep, reading)
            frames.append(self._bare(source, read.filter(holds)))
        for rule in table.excluded:
            read, holds = self._condition(source, frames[-1], [rule], reading)
            frames.append(self._bare(source, read.filter(~holds)))
        return frames

    def _condition(
        self,
        source: _Source,
        frame: nw.LazyFrame[Any],
        conditions: Sequence[Condition],
        reading: Reading,
    ) -> tuple[nw.LazyFrame[Any], nw.Expr]:
        """The rows, and whether they meet all conditions.

        Text in a column that is compared as a number is an error, but only in rows that meet the
        other conditions: a row that is not kept may hold anything.
        """
        found: list[nw.Expr] = []
        for condition in conditions:
            _require(source, condition.column)
            kind = source.kinds[condition.column]
            found += texts_hold(condition, _RAW + condition.column, kind)
        numeric = [condition for condition in conditions if condition.numeric]
        wanted = [Wanted(f"abtest:rule{i}", one.column, "number") for i, one in enumerate(numeric)]
        if wanted:
            frame = self._read(source, frame, wanted, reading)
            self._check(source, frame.filter(all_hold(found)) if found else frame, wanted, reading)
        for want, condition in zip(wanted, numeric, strict=True):
            found += numbers_hold(condition, want.name)
        return frame, all_hold(found)

    def _bare(self, source: _Source, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.select(*source.frame.collect_schema().names())

    def _check(
        self,
        source: _Source,
        frame: nw.LazyFrame[Any],
        wanted: Sequence[Wanted],
        reading: Reading,
    ) -> dict[str, Any]:
        """Count bad cells, all columns in one pass, and find when the times begin and end.

        Raises:
            DataError: There is a bad cell.
        """
        counts = []
        for want in wanted:
            bad = nw.when(nw.col(bad_column(want.name))).then(nw.lit(1)).otherwise(nw.lit(0))
            counts.append(bad.sum().alias(bad_column(want.name)))
            if want.type == "instant":
                counts.append(nw.col(want.name).min().alias(f"{want.name}!first"))
                counts.append(nw.col(want.name).max().alias(f"{want.name}!last"))
                timed = ~nw.col(want.name).is_null()
                local = nw.col(local_column(want.name))
                counts += [
                    nw.when(timed & local)
                    .then(nw.lit(1))
                    .otherwise(nw.lit(0))
                    .sum()
                    .alias(f"{want.name}!locals"),
                    nw.when(timed & ~local)
                    .then(nw.lit(1))
                    .otherwise(nw.lit(0))
                    .sum()
                    .alias(f"{want.name}!offsets"),
                ]
        found = self.collect(frame.select(*counts))[0]
        for want in wanted:
            if found[bad_column(want.name)]:
                raise self._bad_cells(source, frame, want, int(found[bad_column(want.name)]))
            if want.type == "instant" and reading.one_kind:
                _refuse_mixed(source, want, found, self._zone)
        return found

    def _bad_cells(
        self, source: _Source, frame: nw.LazyFrame[Any], want: Wanted, count: int
    ) -> DataError:
        raw = nw.col(_RAW + want.column).cast(nw.String)
        bad = frame.filter(nw.col(bad_column(want.name)))
        what, hint = RULES[want.type]
        values = "1 value is" if count == 1 else f"{count:,} values are"
        head = f"{source.label}: column {want.column!r}: {values} not {what}"
        if _ROW not in frame.collect_schema().names():
            example = self.collect(bad.select(raw.min().alias("cell")))[0]["cell"]
            return DataError(f"{head}, for example {example!r}", hint)
        first = nw.col(_ROW) == nw.col(_ROW).min()
        row = self.collect(bad.filter(first).select(raw.alias("cell"), nw.col(_ROW)))[0]
        return DataError(
            f"{head}, the first {row['cell']!r} in data row {int(row[_ROW]) + 1:,}", hint
        )

    def _span(self, checks: Mapping[str, Any], want: Wanted) -> ZoneSpan:
        first, last = checks[f"{want.name}!first"], checks[f"{want.name}!last"]
        return zone_span(
            self._zone,
            None if first is None else int(first),
            None if last is None else int(last),
        )

    def _in_utc(
        self, frame: nw.LazyFrame[Any], wanted: Iterable[Wanted], checks: Mapping[str, Any]
    ) -> nw.LazyFrame[Any]:
        for want in wanted:
            if want.type == "instant":
                time = nw.col(want.name)
                utc = self._span(checks, want).to_utc(time)
                local = nw.col(local_column(want.name))
                frame = frame.with_columns(
                    nw.when(local).then(utc).otherwise(time).alias(want.name)
                )
        return frame

    def _source(self, name: str, table: Table) -> _Source:
        if name not in self._sources:
            refuse_unread(table, self._backend.name)
            given = self._data.get(name, table.path)
            if isinstance(given, str | Path):
                files = find_files(name, self._folder, given)
                self._files[name] = files
                label, frame = files.label, self._opened(files)
            else:
                label = f"data[{name!r}]"
                frame = self._given(label, given)
            self._sources[name] = self._described(label, frame)
        return self._sources[name]

    def _given(self, label: str, given: object) -> nw.LazyFrame[Any]:
        try:
            frame = self._backend.frame(label, given)
        except self._errors as error:
            raise _unreadable(label, error, _DUCKDB) from error
        except (ValueError, OverflowError) as error:
            raise _unreadable(label, error, _DUCKDB) from error
        if not frame.collect_schema():
            raise DataError(f"{label} has no columns")
        return frame

    def _described(self, label: str, frame: nw.LazyFrame[Any]) -> _Source:
        schema = frame.collect_schema()
        kinds = {column: kind_of(dtype) for column, dtype in schema.items()}
        raw = frame.select(*(nw.col(column).alias(_RAW + column) for column in kinds))
        numbered = self._backend.numbered(raw, _ROW)
        return _Source(label, raw if numbered is None else numbered, kinds, dict(schema))

    def _opened(self, files: Files) -> nw.LazyFrame[Any]:
        engine = self._backend.name
        if files.kind == "database":
            raise DataError(
                f"{files.label} is a database, which engine {engine} cannot read", _DUCKDB
            )
        partitions = [
            path for path in files.paths if "=" in str(path.relative_to(files.root).parent)
        ]
        if partitions:
            raise DataError(f"{files.label} has partitions, which engine {engine} ignores", _DUCKDB)
        read = self._backend.csv if files.kind == "csv" else self._backend.parquet
        try:
            frames = [read(path) for path in files.paths]
            for path, frame in zip(files.paths, frames, strict=True):
                if frame.collect_schema() != frames[0].collect_schema():
                    message = f"{path} has other columns, or of other types, than {files.paths[0]}"
                    raise DataError(message, _DUCKDB)
            return frames[0] if len(frames) == 1 else nw.concat(frames, how="vertical")
        except self._errors as error:
            raise _unreadable(files.label, error) from error


def _unreadable(what: str, error: Exception, hint: str = "") -> DataError:
    lines = str(error).splitlines() or [type(error).__name__]
    return DataError(f"{what} cannot be read: {lines[0]}", hint)


def _require(source: _Source, column: str) -> None:
    if column in source.kinds:
        return
    close = get_close_matches(column, source.kinds, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    raise DataError(
        f"{source.label} has no column {column!r}",
        f"{hint}It has: {', '.join(source.kinds)}.",
    )


def _refuse_mixed(source: _Source, want: Wanted, found: Mapping[str, Any], zone: str) -> None:
    """Texts of which some have an offset and some have none are not of one kind."""
    without, having = (
        int(found[f"{want.name}!locals"] or 0),
        int(found[f"{want.name}!offsets"] or 0),
    )
    if without == 0 or having == 0:
        return
    raise DataError(
        f"{source.label}: column {want.column!r}: {without:,} values have no offset from UTC, and "
        f"{having:,} have one",
        "Export all of them in one way; or say `time: offset_or_local`: times without an offset "
        f"are then local time in {zone}.",
    )
