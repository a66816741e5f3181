"""A small table that is drawn the same way everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.terminal_text import (
    INDENT,
    column_widths,
    fits,
    print_header,
    print_pairs,
    print_table,
    put,
)

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.report.terminal_text import Line


@dataclass(frozen=True, slots=True)
class Sheet:
    """A small table.

    Attributes:
        title: What it shows.
        header: The columns.
        rows: The cells.
        texts: How many columns from the left hold names.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1


def print_sheet(sheet: Sheet, console: Console) -> None:
    """A table on a terminal; a list of its rows where it does not fit.

    Args:
        sheet: What to print.
        console: Where to print.
    """
    put(Text(sheet.title, style="dim"), console)
    header: Line = tuple((name,) for name in sheet.header)
    lines: list[Line] = [tuple((cell,) for cell in row) for row in sheet.rows]
    widths = column_widths([header, *lines])
    if fits(widths, console):
        print_header(header, widths, console)
        print_table(lines, widths, console)
        return
    for row in sheet.rows:
        put(Text(row[0]), console)
        told = [(name, cell) for name, cell in zip(sheet.header[1:], row[1:], strict=True) if cell]
        print_pairs(told, console, by=2 * INDENT)
