"""What differs between the libraries whose frames are read: opening, settling, numbering rows."""

from __future__ import annotations

import importlib
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import narwhals as nw

from abtest.errors import DataError
from abtest.sources.frame_grouped import eager

if TYPE_CHECKING:
    from pathlib import Path


class Backend(Protocol):
    """One library of data frames."""

    name: str
    errors: tuple[type[Exception], ...]

    def frame(self, label: str, given: object) -> nw.LazyFrame[Any]:
        """A frame that somebody passed; the label says which."""
        ...

    def csv(self, path: Path) -> nw.LazyFrame[Any]:
        """A CSV file, every column as text."""
        ...

    def parquet(self, path: Path) -> nw.LazyFrame[Any]:
        """A Parquet file."""
        ...

    def numbered(self, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any] | None:
        """The frame with the number of each row, from 0; None where rows have no order."""
        ...

    def microseconds(self, time: nw.Expr) -> nw.Expr:
        """Microseconds since 1970 of a time, in UTC or, without a zone, on its own clock."""
        ...

    def finished(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The columns that were read, in the types in which the engine computes best."""
        ...

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        """The frame with the half, 0 or 1, of each row by a hash: see `Engine.halved`."""
        ...

    def settled(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The frame computed once."""
        ...

    def release(self) -> None:
        """Let go of the frames that were computed once."""
        ...

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """The rows of a small frame, with None for what is missing."""
        ...


def library(module: str, name: str) -> Any:  # noqa: ANN401 - a module
    """Import a library that is an extra.

    Raises:
        DataError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise DataError(
            f"engine {name} needs {package}, which is not installed",
            f'pip install "abtest[{name}]"',
        ) from error


def in_memory(label: str, given: object, name: str) -> nw.DataFrame[Any]:
    """Any frame of one machine as an eager Narwhals frame.

    Raises:
        DataError: It is no frame, or one of a cluster.
    """
    try:
        frame = nw.from_native(given)  # type: ignore[call-overload]
    except TypeError as error:
        raise not_a_frame(label, given, name) from error
    if "spark" in str(frame.implementation).lower():
        raise not_a_frame(label, given, name)
    found: nw.DataFrame[Any] = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return found


def not_a_frame(label: str, given: object, name: str) -> DataError:
    """The message about something that the engine cannot read."""
    module = type(given).__module__.partition(".")[0]
    kind = f"a {module} {type(given).__name__}" if module != "builtins" else type(given).__name__
    hint = "Pass a path, or a pandas, Polars or PyArrow frame; PySpark frames need engine spark."
    return DataError(f"{label} is {kind}, which engine {name} cannot read", hint)


class PolarsBackend:
    """Polars, lazily."""

    name = "polars"

    def __init__(self) -> None:
        self._polars = library("polars", self.name)
        self.errors: tuple[type[Exception], ...] = (self._polars.exceptions.PolarsError,)

    def frame(self, label: str, given: object) -> nw.LazyFrame[Any]:
        if isinstance(given, self._polars.LazyFrame | self._polars.DataFrame):
            return _lazy(given.lazy())
        return _lazy(in_memory(label, given, self.name).to_polars().lazy())

    def csv(self, path: Path) -> nw.LazyFrame[Any]:
        return _lazy(self._polars.from_arrow(_arrow_csv(path, self.name)).lazy())

    def parquet(self, path: Path) -> nw.LazyFrame[Any]:
        return _lazy(self._polars.scan_parquet(path, glob=False))

    def numbered(self, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any] | None:
        return _lazy(frame.to_native().with_row_index(column))

    def microseconds(self, time: nw.Expr) -> nw.Expr:
        return time.dt.timestamp("us")

    def finished(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        return halved_rows(frame.collect(), column, salt, name).lazy()

    def settled(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.collect().lazy()

    def release(self) -> None:
        """Nothing: memory is freed with the frames."""

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        return frame.collect().rows(named=True)


class PandasBackend:
    """pandas with Arrow's types, which know what is missing; PyArrow is needed."""

    name = "pandas"

    def __init__(self) -> None:
        self._pandas = library("pandas", self.name)
        self._arrow = library("pyarrow", self.name)
        self.errors: tuple[type[Exception], ...] = (self._arrow.ArrowException, OSError)

    def frame(self, label: str, given: object) -> nw.LazyFrame[Any]:
        if not isinstance(given, self._pandas.DataFrame):
            return self._typed(in_memory(label, given, self.name).to_arrow())
        columns = [self._column(given.iloc[:, place]) for place in range(given.shape[1])]
        names = [str(name) for name in given.columns]
        return self._typed(self._arrow.table(columns, names=names))

    def csv(self, path: Path) -> nw.LazyFrame[Any]:
        return self._typed(_arrow_csv(path, self.name))

    def parquet(self, path: Path) -> nw.LazyFrame[Any]:
        return self._typed(_arrow_parquet(path, self.name))

    def numbered(self, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any] | None:
        return eager(frame.collect().with_row_index(column))

    def microseconds(self, time: nw.Expr) -> nw.Expr:
        return time.dt.timestamp("us")

    def finished(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        # Numbers in types of pandas' own: Arrow's have no remainder there.
        native = frame.collect().to_native()
        own = {"i": "Int64", "f": "Float64"}
        types = {
            name: own[type_.kind] for name, type_ in native.dtypes.items() if type_.kind in own
        }
        return eager(nw.from_native(native.astype(types)))

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        return eager(halved_rows(frame.collect(), column, salt, name))

    def settled(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame

    def release(self) -> None:
        """Nothing: memory is freed with the frames."""

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        rows = frame.collect().rows(named=True)
        isna = self._pandas.isna
        return [{k: None if isna(v) else v for k, v in row.items()} for row in rows]

    def _typed(self, table: Any) -> nw.LazyFrame[Any]:  # noqa: ANN401 - a PyArrow table
        """NaN in a column of whole numbers makes it decimal; null in Arrow's types does not."""
        return eager(nw.from_native(table.to_pandas(types_mapper=self._pandas.ArrowDtype)))

    def _column(self, column: Any) -> Any:  # noqa: ANN401 - a pandas column
        if isinstance(column.dtype, self._pandas.CategoricalDtype):
            column = column.astype(object)
        if column.dtype == object:
            _refuse_mixed_times(column)
        try:
            return self._arrow.Array.from_pandas(column)
        except self._arrow.ArrowException:
            # A mixture of objects: ids of which some are text and some are numbers.
            texts = column.astype(object).map(str, na_action="ignore")
            return self._arrow.Array.from_pandas(texts, type=self._arrow.string())


def _refuse_mixed_times(column: Any) -> None:  # noqa: ANN401 - a pandas column
    """Refuse times of which some have a zone: Arrow would take one kind for the other."""
    # A missing time is a time too, in pandas.
    times = [value for value in column.dropna() if isinstance(value, datetime)]
    zoned = {time.tzinfo is not None for time in times}
    if len(zoned) > 1:
        raise DataError(
            f"column {column.name!r} has times with and without a zone",
            "Give all of them one, or none: a time without one is local to schedule.timezone.",
        )


class ArrowBackend:
    """PyArrow tables."""

    name = "pyarrow"

    def __init__(self) -> None:
        self._arrow = library("pyarrow", self.name)
        self.errors: tuple[type[Exception], ...] = (self._arrow.ArrowException, OSError)

    def frame(self, label: str, given: object) -> nw.LazyFrame[Any]:
        return eager(nw.from_native(in_memory(label, given, self.name).to_arrow()))

    def csv(self, path: Path) -> nw.LazyFrame[Any]:
        return eager(nw.from_native(_arrow_csv(path, self.name)))

    def parquet(self, path: Path) -> nw.LazyFrame[Any]:
        return eager(nw.from_native(_arrow_parquet(path, self.name)))

    def numbered(self, frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any] | None:
        return eager(frame.collect().with_row_index(column))

    def microseconds(self, time: nw.Expr) -> nw.Expr:
        return time.dt.timestamp("us")

    def finished(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame

    def halved(
        self, frame: nw.LazyFrame[Any], column: str, salt: str, name: str
    ) -> nw.LazyFrame[Any]:
        return eager(halved_rows(frame.collect(), column, salt, name))

    def settled(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame

    def release(self) -> None:
        """Nothing: memory is freed with the frames."""

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        return frame.collect().rows(named=True)


def halved_rows(frame: nw.DataFrame[Any], column: str, salt: str, name: str) -> nw.DataFrame[Any]:
    """A frame in memory with the half of each row by a hash of a column.

    Args:
        frame: The rows.
        column: Whose values are hashed; none is missing.
        salt: What stands before each value.
        name: What the new column is called.
    """
    texts = (f"{salt}{value}".encode() for value in frame[column].to_list())
    halves = [int(sha256(text).hexdigest() >= "8") for text in texts]
    series = nw.new_series(name, halves, nw.Int64, backend=frame.implementation)
    return frame.with_columns(series)


def _lazy(native: Any) -> nw.LazyFrame[Any]:  # noqa: ANN401 - a lazy frame of any library
    return nw.from_native(native)  # type: ignore[no-any-return]


def _arrow_csv(path: Path, name: str) -> Any:  # noqa: ANN401 - a PyArrow table
    from abtest.sources.frame_csv import read_csv  # noqa: PLC0415 - PyArrow is an extra

    return read_csv(path, name)


def _arrow_parquet(path: Path, name: str) -> Any:  # noqa: ANN401 - a PyArrow table
    # Not read_table, which takes folders in the path for columns.
    return library("pyarrow.parquet", name).ParquetFile(path).read()
