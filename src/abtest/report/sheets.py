"""A small table that is drawn the same way everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.terminal_text import print_rows, put

if TYPE_CHECKING:
    from rich.console import Console


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
    print_rows(sheet.header, sheet.rows, console)
