"""CSV files as a PyArrow table of text: its reader is fast, and strict about broken lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.errors import DataError
from abtest.sources.csv_header import is_gzipped, read_csv_header
from abtest.sources.frame_backends import library

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.sources.csv_header import CsvHeader


def read_csv(path: Path, name: str) -> Any:  # noqa: ANN401 - a PyArrow table
    """Read a file; 007 stays 007, because nothing is guessed.

    Args:
        path: The file, plain or compressed by gzip.
        name: The engine that wants it, for the message where PyArrow is not installed.

    Raises:
        DataError: A line has more or fewer values than the header, or the file is no UTF-8.
    """
    arrow, csv = library("pyarrow", name), library("pyarrow.csv", name)
    header = read_csv_header(path)
    broken: list[Any] = []

    def remember(row: Any) -> str:  # noqa: ANN401 - PyArrow's row
        broken.append(row)
        return "error"

    try:
        return _read(arrow, csv, path, header, remember)
    except (arrow.ArrowException, OSError, EOFError) as error:
        raise _data_error(path, str(error), broken) from error


def _read(arrow: Any, csv: Any, path: Path, header: CsvHeader, on_broken: Any) -> Any:  # noqa: ANN401
    text = dict.fromkeys(header.columns, arrow.string())
    with path.open("rb") as file:
        stream = arrow.CompressedInputStream(file, "gzip") if is_gzipped(path) else file
        return csv.read_csv(
            stream,
            # One thread knows the number of a broken line; a quoted name may go over lines.
            read_options=csv.ReadOptions(
                column_names=list(header.columns), skip_rows_after_names=1, use_threads=False
            ),
            parse_options=csv.ParseOptions(
                delimiter=header.delimiter,
                newlines_in_values=True,
                invalid_row_handler=on_broken,
            ),
            convert_options=csv.ConvertOptions(column_types=text, strings_can_be_null=False),
        )


def _data_error(path: Path, message: str, broken: list[Any]) -> DataError:
    if broken:
        row = broken[0]
        values = "1 value" if row.actual_columns == 1 else f"{row.actual_columns} values"
        where = f"line {row.number:,}" if row.number is not None else "a line"
        return DataError(
            f"{path}: {where} has {values}; the header has {row.expected_columns}",
            "Put texts that hold the delimiter in quotes, or correct the line.",
        )
    if "UTF8" in message:
        return DataError(f"{path} is not UTF-8 text", "Save the file as CSV UTF-8.")
    if is_gzipped(path) and ("zlib" in message or "truncated" in message.lower()):
        hint = "Copy or export it once more."
        return DataError(f"{path} is cut off or damaged: it cannot be unpacked", hint)
    return DataError(f"{path} cannot be read: {message.splitlines()[0]}")
