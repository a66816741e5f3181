"""The header of a CSV file: its columns and its delimiter.

Read here and not by the engine's sniffer, which may take a file with a broken line for a file with
one column and drop the rest.
"""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TextIO

DELIMITERS = (",", ";", "\t", "|")
_MAX_HEADER = 1_000_000


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The columns of a CSV file and what separates them."""

    columns: tuple[str, ...]
    delimiter: str


def read_csv_header(path: Path) -> CsvHeader:
    """Read the first line.

    Raises:
        DataError: The file is empty, not text, or names a column twice.
    """
    line = _first_line(path)
    if not line.strip():
        raise DataError(f"{path} is empty; it must start with a line of column names")
    # A quoted name may hold any of them.
    delimiter = max(DELIMITERS, key=re.sub(r'"[^"]*"', "", line).count)
    named = _names(path, line, delimiter)
    # Row numbers that a tool wrote, or a trailing delimiter: a column that nobody names.
    columns = tuple(name or f"unnamed_{place}" for place, name in enumerate(named, start=1))
    refuse_twins(path, columns)
    return CsvHeader(columns, delimiter)


def _names(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        names = []
    if not names or line.count('"') % 2:
        message = f"{path}: the line of column names opens a quote that is never closed"
        raise DataError(message, "Correct the first line.")
    return names


def is_gzipped(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.suffix.lower() == ".gz"


def refuse_twins(label: object, columns: Sequence[str]) -> None:
    """Names that differ in case only are one name to the engine.

    Raises:
        DataError: There are such names.
    """
    first: dict[str, str] = {}
    for column in columns:
        twin = first.get(column.lower())
        if twin == column:
            raise DataError(f"{label} has more than one column called {column!r}", "Rename one.")
        if twin is not None:
            message = f"{label} has columns {twin!r} and {column!r}, which differ in case only"
            raise DataError(message, "Rename one.")
        first[column.lower()] = column


def _first_line(path: Path) -> str:
    """The header line; a quoted name may go over several lines."""
    try:
        if is_gzipped(path):
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                return _until_closed(file.readline(_MAX_HEADER), file)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _until_closed(file.readline(_MAX_HEADER), file)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text", "Save it as CSV UTF-8.") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _until_closed(line: str, file: TextIO) -> str:
    for _ in range(100):
        if line.count('"') % 2 == 0:
            break
        line += file.readline(_MAX_HEADER)
    # A file with the line ends of old Macs has no "\n" at all.
    return line if line.count('"') else line.split("\r")[0]
