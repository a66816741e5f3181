"""The frozen plan on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.numbers import ABSENT
from abtest.report.terminal_text import INDENT, print_pairs, print_title, put

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.report.lock import LockView


def print_lock(view: LockView, console: Console) -> None:
    """The section: a sentence, then every change with its reason.

    Args:
        view: What to print.
        console: Where to print.
    """
    print_title(view.title, console)
    put(Text(view.told), console)
    for row in view.rows:
        style = "bold red" if row.is_silent else "bold"
        change = Text(row.path, style=style)
        change.append(f": {row.frozen} → {row.present}", style="none")
        put(change, console)
        put(Text(row.status), console, by=2 * INDENT)
        if row.reason != ABSENT:
            put(Text(row.reason), console, by=2 * INDENT)
    if view.fixed:
        print_pairs(view.fixed, console)
