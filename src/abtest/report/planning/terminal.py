"""A plan for a terminal: nothing is cut; a table that does not fit becomes a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.planning.view import BALANCE_HEAD, CURVE_HEAD, FACTOR_HEAD, METRIC_HEAD
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
    from collections.abc import Sequence

    from rich.console import Console

    from abtest.report.planning.view import PlanView
    from abtest.report.terminal_text import Line

_TONES = {"yes": "bold green", "no": "bold red", "unknown": "bold yellow"}


def print_view(view: PlanView, console: Console) -> None:
    """Print the verdict, the dates, the metrics, the weeks and the notes."""
    put(Text(view.verdict, style=_TONES[view.tone]), console, by=0)
    print_title("Dates", console)
    print_pairs(view.facts, console)
    print_title("What each metric needs", console)
    _print_rows(METRIC_HEAD, view.metrics, console)
    if view.factors:
        print_title("What effects of factors need", console)
        _print_rows(FACTOR_HEAD, view.factors, console)
    if view.balance:
        print_title("Balance of the list", console)
        _print_rows(BALANCE_HEAD, view.balance, console)
    if view.curve:
        print_title(f"{view.curve_title}, week by week", console)
        _print_rows(CURVE_HEAD, view.curve, console)
    if view.notes:
        print_title("Notes", console)
        for note in view.notes:
            put(Text(note), console)


def _print_rows(head: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    lines: list[Line] = [tuple((cell,) for cell in row) for row in (head, *rows)]
    widths = column_widths(lines)
    if fits(widths, console):
        print_header(lines[0], widths, console)
        print_table(lines[1:], widths, console)
        return
    for row in rows:
        put(Text(row[0], style="bold"), console)
        print_pairs(list(zip(head[1:], row[1:], strict=True)), console, by=4)
