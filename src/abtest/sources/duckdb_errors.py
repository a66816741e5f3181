"""What went wrong inside DuckDB, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
    import duckdb

_TAG = re.compile(r"abtest-bad-cell:(\d+)")
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_EXPECTED = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
NEVER_CLOSED = "opens a quote that is never closed"


def tag(number: int) -> str:
    """A word by which an error says which cell it comes from."""
    return f"abtest-bad-cell:{number}"


def tagged(error: duckdb.Error) -> int | None:
    """Which cell an error comes from; None where it comes from no cell."""
    match = _TAG.search(str(error))
    return None if match is None else int(match[1])


def data_error(error: duckdb.Error) -> DataError:
    """The message for an error that DuckDB raised while it read."""
    text = str(error)
    line = _CSV_LINE.search(text)
    if line is not None:
        return _broken_line(text, int(line[1]))
    if "GZIP" in text:
        file = text.splitlines()[0].rpartition(": ")[2]
        hint = "Copy or export it once more."
        return DataError(f"{file} is cut off or damaged: it cannot be unpacked", hint)
    if "Out of Memory" in text:
        hint = 'Allow more: --memory 8GB, or memory="8GB" in Python.'
        return DataError("the data do not fit into the memory that DuckDB may take", hint)
    if "invalid state" in text:
        hint = "It mixes line ends or quotes; save it once more as CSV."
        return DataError(f"{_file_in(text)} is not a well-formed CSV file", hint)
    return DataError(f"the data cannot be read: {first_line(error)}")


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _broken_line(text: str, line: int) -> DataError:
    where = f"{_file_in(text)}: line {line:,}"
    skip = "correct the line, or skip such lines with --on-bad-lines skip."
    expected = _EXPECTED.search(text)
    if expected is not None:
        values = "1 value" if expected[2] == "1" else f"{expected[2]} values"
        return DataError(
            f"{where} has {values}; the header has {expected[1]}",
            f"Put texts that hold the delimiter in quotes, {skip}",
        )
    if "not utf-8" in text:
        return DataError(f"{where} is not UTF-8 text", f"Save the file as CSV UTF-8, {skip}")
    if "unterminated quote" in text:
        return DataError(f"{where} {NEVER_CLOSED}", "Correct the line.")
    return DataError(f"{where} cannot be read", "Is it longer than 2 MB, or no text?")


def _file_in(text: str) -> str:
    match = re.search(r"file = (.+)", text)
    return match[1].strip() if match else "a CSV file"
