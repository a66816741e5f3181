"""The records as CSV, one row each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from abtest.analysis.result import Record
from abtest.report.text import clean

if TYPE_CHECKING:
    from abtest.analysis.result import Result

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def render_csv(result: Result) -> str:
    """One row per record, with the record's fields as columns.

    Numbers are written in full and what is absent is an empty cell. Notes are joined by "; ". A
    text that a spreadsheet would run as a formula gets an apostrophe in front.

    Args:
        result: The result of an analysis.

    Returns:
        CSV with a header and line feeds.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = list(Record.model_fields)
    writer.writerow(columns)
    for record in result.results:
        writer.writerow([_cell(getattr(record, column)) for column in columns])
    return buffer.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, tuple):
        return _text("; ".join(str(part) for part in value))
    return _text(str(value))


def _text(value: str) -> str:
    starts_formula = value.startswith(_FORMULA_STARTS) or value.lstrip().startswith(_FORMULA_STARTS)
    return f"'{clean(value)}" if starts_formula else clean(value)
