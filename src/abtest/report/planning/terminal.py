"""A plan for a terminal: nothing is cut; a table that does not fit becomes a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.planning.view import BALANCE_HEAD, CURVE_HEAD, FACTOR_HEAD, METRIC_HEAD
from abtest.report.terminal_text import print_pairs, print_rows, print_title, put

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.report.planning.view import PlanView

_TONES = {"yes": "bold green", "no": "bold red", "unknown": "bold yellow"}


def print_view(view: PlanView, console: Console) -> None:
    """Print the verdict, the dates, the metrics, the weeks and the notes."""
    put(Text(view.verdict, style=_TONES[view.tone]), console, by=0)
    print_title("Dates", console)
    print_pairs(view.facts, console)
    print_title("What each metric needs", console)
    print_rows(METRIC_HEAD, view.metrics, console)
    if view.factors:
        print_title("What effects of factors need", console)
        print_rows(FACTOR_HEAD, view.factors, console)
    if view.balance:
        print_title("Balance of the list", console)
        print_rows(BALANCE_HEAD, view.balance, console)
    if view.curve:
        print_title(f"{view.curve_title}, week by week", console)
        print_rows(CURVE_HEAD, view.curve, console)
    if view.notes:
        print_title("Notes", console)
        for note in view.notes:
            put(Text(note), console)
