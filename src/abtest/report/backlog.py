"""The backlog as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.numbers import ABSENT
from abtest.report.terminal_text import print_pairs, print_rows, print_title, put
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from abtest.analysis.backlog import Ranked, RankedBacklog

HEAD = ("Hypothesis", "Rank", "Chance", "Value", "Cost", "Weeks", "Expected", "Per week")


def print_backlog(backlog: RankedBacklog, console: Console) -> None:
    """Print what waits, what is tried already, and which reasons nothing is about."""
    waiting = [one for one in backlog.hypotheses if one.rank is not None]
    put(Text(clean(_next(waiting)), style="bold"), console, by=0)
    if waiting:
        print_title("Not yet run", console)
        print_rows(HEAD, [_row(one) for one in waiting], console)
    tried = [one for one in backlog.hypotheses if one.rank is None]
    if tried:
        print_title("Tried already", console)
        pairs = [(one.hypothesis, f"{one.experiment}: {one.state}") for one in tried]
        print_pairs([(clean(name), clean(told)) for name, told in pairs], console)
    if backlog.open_reasons:
        print_title("Reasons without a hypothesis", console)
        for reason in backlog.open_reasons:
            share = "" if reason.share is None else f" ({reason.share:.0%} of those who left)"
            put(Text(clean(f"{reason.title}{share}")), console)
    print_title("Notes", console)
    for note in _notes(backlog, waiting):
        put(Text(clean(note)), console)


def _next(waiting: Sequence[Ranked]) -> str:
    if not waiting:
        return "Nothing waits: ask why customers leave, and write down what might help."
    first = waiting[0]
    if first.expected <= 0:
        return "Nothing that waits is expected to bring more than trying it costs."
    because = f", because {first.reason[:1].lower()}{first.reason[1:]}" if first.reason else ""
    return f"Try {first.hypothesis} first: {first.title}{because}."


def _row(one: Ranked) -> tuple[str, ...]:
    return (
        clean(one.hypothesis),
        ABSENT if one.rank is None else str(one.rank),
        f"{one.probability:.0%}",
        f"{one.value:,.0f}",
        f"{one.cost:,.0f}",
        f"{one.weeks:,.4g}",
        f"{one.expected:,.0f}",
        f"{one.per_week:,.0f}",
    )


def _notes(backlog: RankedBacklog, waiting: Sequence[Ranked]) -> list[str]:
    money = f" in {backlog.currency}" if backlog.currency else ""
    notes = [f"Expected is chance x value - cost{money}; the order is by that per week."]
    for one in waiting:
        if one.source == "archive":
            notes.append(
                f"{one.hypothesis}: the chance is that of {one.past} past experiments of kind "
                f"{one.kind} on {one.metric}."
            )
        elif one.source == "default":
            notes.append(
                f"{one.hypothesis}: nobody says how likely it is; counted with lifts of 5% either "
                "way."
            )
    if backlog.drafts:
        notes.append(
            f"Drafts that no hypothesis names: {', '.join(backlog.drafts)}. Add them with "
            "`experiment:` to say what they are worth."
        )
    return notes
