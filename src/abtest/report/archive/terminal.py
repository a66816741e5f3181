"""The archive in the terminal: columns where they fit, else one block for each row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from abtest.report.terminal_text import print_rows, print_title, put

if TYPE_CHECKING:
    from abtest.report.archive.view import ArchiveView


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
        print_rows(table.header, table.rows, console)
