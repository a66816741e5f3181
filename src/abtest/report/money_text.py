"""The decision in money on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.sheets import print_sheet
from abtest.report.terminal_text import print_title, put

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.report.money import MoneyView


def print_money(view: MoneyView, console: Console) -> None:
    """The section: the facts, then each variant with its tables.

    Args:
        view: What to print.
        console: Where to print.
    """
    print_title(view.title, console)
    put(Text(" ".join(view.facts), style="dim"), console, by=0)
    for section in view.sections:
        console.print()
        put(Text(section.variant, style="bold"), console, by=0)
        for line in section.told:
            put(Text(line), console)
        for sheet in section.sheets:
            print_sheet(sheet, console)
        for note in section.notes:
            put(Text(note, style="dim"), console)
    for note in view.notes:
        put(Text(note, style="dim"), console, by=0)
