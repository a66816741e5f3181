"""The report for a terminal.

Nothing is cut: a table that is wider than the terminal becomes a list. Names are printed as plain
text, never as markup, and measured in terminal cells, so that wide scripts keep columns straight.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from abtest.report import numbers, words
from abtest.report.languages import _, listed, native
from abtest.report.lock_text import print_lock
from abtest.report.money_text import print_money
from abtest.report.numbers import ABSENT
from abtest.report.sheets import print_sheet
from abtest.report.terminal_text import (
    INDENT,
    column_widths,
    fits,
    print_header,
    print_pairs,
    print_table,
    print_title,
    put,
    put_pair,
)
from abtest.report.view import build_view
from abtest.sentences import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Result, Status
    from abtest.report.checks import CheckRow
    from abtest.report.counts import Counts
    from abtest.report.curves import Curves
    from abtest.report.groups import Block, Group
    from abtest.report.headline import Headline
    from abtest.report.rows import Row
    from abtest.report.terminal_text import Cell, Line
    from abtest.report.view import View

_PLAIN_WIDTH = 100

_TONES = {
    "ship": "bold green",
    "rollback": "bold red",
    "neutral": "bold cyan",
    "inconclusive": "bold yellow",
    "invalid": "bold red",
    "none": "bold",
}
_MARKS: dict[Status, tuple[str, str]] = {
    "fail": (phrase("FAIL"), "bold red"),
    "warn": (phrase("WARN"), "bold yellow"),
    "pass": (phrase("pass"), "green"),
}


def render_table(result: Result) -> str:
    """The report as plain text at 100 columns.

    Args:
        result: The result of an analysis.

    Returns:
        Text without any escape sequence.
    """
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=_PLAIN_WIDTH,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    print_view(build_view(result), console)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def print_view(view: View, console: Console) -> None:
    """Print a view: verdict, then health checks, then results, then how they were made.

    Args:
        view: What to print.
        console: Where to print.
    """
    _print_headline(view, console)
    _print_checks(view, console)
    if view.money is not None:
        print_money(view.money, console)
    for group in view.comparisons:
        before = view.interactions if group.role == "segments" else ()
        _print_group(group, console, before, compared=True)
    if view.estimates is not None:
        _print_group(view.estimates, console, compared=False)
    _print_priors_and_curves(view, console)
    if view.counts:
        print_title(_(words.COUNTS_TITLE), console)
        for counts in view.counts:
            _print_counts(counts, console)
    if view.lock is not None:
        print_lock(view.lock, console)
    if view.notes:
        print_title(_("Notes"), console)
        print_pairs([(_mark(mark), note) for mark, note in view.notes], console)
    if view.methods:
        print_title(_("How these numbers were made"), console)
        for note in view.methods:
            put(Text(listed(note.metrics), style="bold"), console)
            put(Text(note.text), console, by=2 * INDENT)
    print_title(_("Computed from"), console)
    print_pairs(view.facts, console)


def _print_headline(view: View, console: Console) -> None:
    headline = view.headline
    put(Text(view.title, style="bold"), console, by=0)
    console.print()
    sentence = Text()
    if headline.word is not None:
        sentence.append_text(_verdict(headline))
        sentence.append(": ")
    sentence.append(headline.reason)
    put(sentence, console, by=0)
    if headline.value is not None:
        put(Text(_("Expected value: {value}", value=headline.value)), console, by=0)
    if headline.rule is not None:
        put(Text(_("Decided by: {rule}", rule=headline.rule)), console, by=0)
    if headline.decided is not None:
        put(Text(headline.decided, style="bold"), console, by=0)
    for banner in view.banners:
        console.print()
        put(Text(f"!! {banner}", style="bold red"), console, by=0)


def _verdict(headline: Headline) -> Text:
    """The verdict with its variant, in the order of the language; only the verdict is loud."""
    word = (headline.word or "").upper()
    told = word
    if headline.variant is not None:
        told = _("{verdict} {variant}", verdict=word, variant=headline.variant)
    text = Text(told)
    text.stylize(_TONES[headline.tone], told.index(word), told.index(word) + len(word))
    return text


def _print_checks(view: View, console: Console) -> None:
    print_title(view.checks_summary, console)
    for check in view.checks:
        word, style = _MARKS[check.status]
        mark = Text(_(word), style=style)
        put_pair(mark, _check_text(check), mark.cell_len, console)


def _check_text(check: CheckRow) -> Text:
    loud = check.status != "pass"
    text = Text()
    text.append(f"{check.name}: ", style="bold" if loud else "")
    text.append(check.message)
    if loud and check.hint is not None:
        text.append("\n" + _("Hint:") + f" {check.hint}")
    return text


def _print_group(
    group: Group, console: Console, before: Sequence[str] = (), *, compared: bool
) -> None:
    intervals = _("{level} intervals", level=group.level)
    print_title(f"{group.title} ({intervals})", console)
    for told in before:
        put(Text(told), console)
    header = _header(group, compared=compared)
    tables = [
        (block, [_cells(row, compared=compared) for row in block.rows]) for block in group.blocks
    ]
    widths = column_widths([header, *(line for _, lines in tables for line in lines)])
    if not fits(widths, console):
        for block in group.blocks:
            _print_metric(block, console)
            for row in block.rows:
                _print_stacked(row, console, compared=compared)
        return
    for index, (block, lines) in enumerate(tables):
        _print_metric(block, console)
        if index == 0:
            print_header(header, widths, console)
        for row, line in zip(block.rows, lines, strict=True):
            print_table([line], widths, console)
            _print_asides(row, console)


def _print_asides(row: Row, console: Console) -> None:
    for label, text in row.asides:
        put(Text(f"{label}: {text}", style="dim"), console, by=2 * INDENT)


def _print_priors_and_curves(view: View, console: Console) -> None:
    for sheet in (view.balance, view.weekly, view.priors, view.pooled):
        if sheet is not None:
            console.print()
            print_sheet(sheet, console)
    if view.curves:
        print_title(_(words.CURVES_TITLE), console)
    for curves in view.curves:
        _print_curves(curves, console)


def _print_curves(curves: Curves, console: Console) -> None:
    """A table of a few days; where it is too wide, a list of them for each variant."""
    put(Text.assemble((curves.metric, "bold"), "  ", (curves.about, "dim")), console, by=0)
    header: Line = ((_("by {time}", time=curves.time),), *((moment,) for moment in curves.moments))
    lines: list[Line] = [((name,), *((cell,) for cell in cells)) for name, cells in curves.rows]
    widths = column_widths([header, *lines])
    if fits(widths, console):
        print_header(header, widths, console)
        print_table(lines, widths, console)
        return
    for name, cells in curves.rows:
        put(Text(name), console)
        days = [f"{curves.time} {moment}" for moment in curves.moments]
        print_pairs(list(zip(days, cells, strict=True)), console, by=2 * INDENT)


def _print_counts(counts: Counts, console: Console) -> None:
    readable = _("readable {when}", when=counts.readable) if counts.readable else ""
    put(Text.assemble((listed(counts.metrics), "bold"), "  ", (readable, "dim")), console, by=0)
    print_pairs([(row.variant, row.sentence) for row in counts.rows], console)


def _print_metric(block: Block, console: Console) -> None:
    text = Text.assemble((block.metric, "bold"), "  ", (block.about, "dim"))
    put(text, console, by=0)


def _header(group: Group, *, compared: bool) -> Line:
    if not compared:
        return ((_("variant"),), (_("value"),), (_("interval"),), (_("units"),))
    is_adjusted = any(row.pvalue_adjusted is not None for row in group.rows)
    return (
        (_("variant"),),
        (numbers.arrow(_("control"), _("variant")),),
        (_("lift"), _("interval")),
        (_("p-value"), _("adjusted")) if is_adjusted else (_("p-value"),),
        tuple(_("P(beats\ncontrol)").split("\n")),
    )


def _cells(row: Row, *, compared: bool) -> Line:
    if not compared:
        interval = row.pending or row.value_ci
        return (_name_cell(row), (row.value,), (interval,), _lines(row.n, _immature(row)))
    return (
        _name_cell(row),
        _lines(numbers.arrow(row.value_control, row.value), _both_units(row), _both_immature(row)),
        _effect_cell(row),
        _lines(row.pvalue, row.pvalue_adjusted),
        _lines(row.prob_beats_control, _loss(row)),
    )


def _name_cell(row: Row) -> Cell:
    return _lines(f"{row.name}{_marks(row)}", row.segment, *row.tags)


def _effect_cell(row: Row) -> Cell:
    if row.pending is not None:
        return (row.pending,)
    name, number, interval = row.effect
    is_difference = name == _("difference")
    told = _("{number} difference", number=number) if is_difference else row.lift_or_ratio
    return (told,) if interval == ABSENT else (told, interval)


def _both_units(row: Row) -> str:
    return _("n {n}", n=numbers.arrow(row.n_control, row.n))


def _both_immature(row: Row) -> str | None:
    return None if row.immature_both is None else _("{n} immature", n=row.immature_both)


def _loss(row: Row) -> str | None:
    return None if row.expected_loss == ABSENT else _("loss {number}", number=row.expected_loss)


def _lines(*lines: str | None) -> Cell:
    return tuple(line for line in lines if line is not None)


def _marks(row: Row) -> str:
    return "".join(f" {_mark(mark)}" for mark in row.notes)


def _mark(number: int) -> str:
    return f"[{native(str(number))}]"


def _print_stacked(row: Row, console: Console, *, compared: bool) -> None:
    title = row.name
    if compared:
        title = _("{variant} against {control}", variant=row.name, control=row.control)
    put(Text(f"{title}{_marks(row)}"), console)
    details = _compared_details(row) if compared else _described_details(row)
    print_pairs([pair for pair in details if pair[1]], console, by=2 * INDENT)
    _print_asides(row, console)


def _compared_details(row: Row) -> list[tuple[str, str]]:
    name, number, interval = row.effect
    adjusted = row.pvalue_adjusted and _("adjusted {number}", number=row.pvalue_adjusted)
    loss = None
    if row.expected_loss != ABSENT:
        loss = _("expected loss {number}", number=row.expected_loss)
    return [
        (_("segment"), row.segment or ""),
        (_("reading"), listed(row.tags)),
        (_("status"), row.pending or ""),
        (_("value"), numbers.arrow(row.value_control, row.value)),
        (name, number if interval == ABSENT else f"{number} ({interval})"),
        (_("p-value"), listed(_lines(row.pvalue, adjusted))),
        (_("P(beats control)"), listed(_lines(row.prob_beats_control, loss))),
        (_("n"), numbers.arrow(row.n_control, row.n)),
        (_("immature"), row.immature_both or ""),
    ]


def _described_details(row: Row) -> list[tuple[str, str]]:
    return [
        (_("segment"), row.segment or ""),
        (_("reading"), listed(row.tags)),
        (_("status"), row.pending or ""),
        (_("value"), row.value if row.value_ci == ABSENT else f"{row.value} ({row.value_ci})"),
        (_("n"), row.n),
        (_("immature"), row.immature or ""),
    ]


def _immature(row: Row) -> str | None:
    return None if row.immature is None else _("{n} immature", n=row.immature)
