"""The header of a CSV file: its columns and its delimiter.

Read here and not by the engine's sniffer, which may take a file with a broken line for a file with
one column and drop the rest.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
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
    delimiter = max(DELIMITERS, key=line.count)
    columns = tuple(next(csv.reader([line], delimiter=delimiter)))
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"{path} has more than one column called {twice[0]!r}", "Rename one.")
    return CsvHeader(columns, delimiter)


def _first_line(path: Path) -> str:
    """The header line; a quoted name may go over several lines."""
    try:
        if path.suffix == ".gz":
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
