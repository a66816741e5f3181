"""The decision in money on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.languages import _
from abtest.report.money import TITLE
from abtest.report.terminal_text import (
    INDENT,
    column_widths,
    fits,
    print_header,
    print_pairs,
    print_table,
    print_title,
    put,
)

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.report.money import MoneyView, Sheet
    from abtest.report.terminal_text import Line


def print_money(view: MoneyView, console: Console) -> None:
    """The section: the facts, then each variant with its tables.

    Args:
        view: What to print.
        console: Where to print.
    """
    print_title(_(TITLE), console)
    put(Text(view.facts, style="dim"), console, by=0)
    for section in view.sections:
        console.print()
        put(Text(section.variant, style="bold"), console, by=0)
        for line in section.told:
            put(Text(line), console)
        for sheet in section.sheets:
            _print_sheet(sheet, console)
        for note in section.notes:
            put(Text(note, style="dim"), console)
    for note in view.notes:
        put(Text(note, style="dim"), console, by=0)


def _print_sheet(sheet: Sheet, console: Console) -> None:
    """A table; its last column of text follows each row where it does not fit beside it."""
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
