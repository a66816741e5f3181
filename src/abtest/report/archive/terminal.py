"""The archive in the terminal: columns where they fit, else one block for each row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from abtest.report.terminal_text import (
    column_widths,
    fits,
    print_header,
    print_pairs,
    print_table,
    print_title,
    put,
)

if TYPE_CHECKING:
    from abtest.report.archive.view import ArchiveView, Table


def render_table(view: ArchiveView, width: int) -> str:
    """The archive as plain text of a width."""
    buffer = io.StringIO()
    print_archive(view, Console(file=buffer, width=width, color_system=None))
    return buffer.getvalue()


def print_archive(view: ArchiveView, console: Console) -> None:
    """Print the archive at the console's width."""
    put(Text(view.title, style="bold"), console, by=0)
    put(Text(view.lead), console, by=0)
    for table in view.tables:
        print_title(table.title, console)
        put(Text(table.meaning, style="dim"), console, by=0)
        _print(table, console)


def _print(table: Table, console: Console) -> None:
    header = tuple((name,) for name in table.header)
    lines = [tuple((text,) for text in row) for row in table.rows]
    widths = column_widths([header, *lines])
    if fits(widths, console):
        print_header(header, widths, console)
        print_table(lines, widths, console)
        return
    for row in table.rows:
        put(Text(row[0], style="bold"), console)
        print_pairs(list(zip(table.header[1:], row[1:], strict=True)), console, by=4)
