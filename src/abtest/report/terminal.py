"""The report for a terminal.

Nothing is cut: a table that is wider than the terminal becomes a list. Names are printed as plain
text, never as markup, and measured in terminal cells, so that wide scripts keep columns straight.
"""

from __future__ import annotations

import io
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from abtest.report.numbers import ABSENT
from abtest.report.view import build_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Result, Status
    from abtest.report.checks import CheckRow
    from abtest.report.groups import Block, Group
    from abtest.report.rows import Row
    from abtest.report.view import View

_PLAIN_WIDTH = 100
_INDENT = 2
_GAP = 2

_TONES = {
    "ship": "bold green",
    "rollback": "bold red",
    "neutral": "bold cyan",
    "inconclusive": "bold yellow",
    "invalid": "bold red",
    "none": "bold",
}
_MARKS: dict[Status, tuple[str, str]] = {
    "fail": ("FAIL", "bold red"),
    "warn": ("WARN", "bold yellow"),
    "pass": ("pass", "green"),
}

# A cell is its lines; a table is its header and its rows of cells.
_Cell = tuple[str, ...]
_Line = tuple[_Cell, ...]


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
    for group in view.comparisons:
        _print_group(group, console, compared=True)
    if view.estimates is not None:
        _print_group(view.estimates, console, compared=False)
    if view.notes:
        _print_title("Notes", console)
        _print_pairs([(f"[{mark}]", note) for mark, note in view.notes], console)
    if view.methods:
        _print_title("How these numbers were made", console)
        for note in view.methods:
            _put(Text(", ".join(note.metrics), style="bold"), console)
            _put(Text(note.text), console, by=2 * _INDENT)
    _print_title("Computed from", console)
    _print_pairs(view.facts, console)


def _print_headline(view: View, console: Console) -> None:
    headline = view.headline
    _put(Text(view.title, style="bold"), console, by=0)
    console.print()
    sentence = Text()
    if headline.word is not None:
        sentence.append(headline.word.upper(), style=_TONES[headline.tone])
        sentence.append(": " if headline.variant is None else f" {headline.variant}: ")
    sentence.append(headline.reason)
    _put(sentence, console, by=0)
    if headline.value is not None:
        _put(Text(f"Expected value: {headline.value}"), console, by=0)
    if headline.rule is not None:
        _put(Text(f"Decided by: {headline.rule}"), console, by=0)
    for banner in view.banners:
        console.print()
        _put(Text(f"!! {banner}", style="bold red"), console, by=0)


def _print_checks(view: View, console: Console) -> None:
    _print_title(view.checks_summary, console)
    for check in view.checks:
        mark = Text(*_MARKS[check.status])
        _put_pair(mark, _check_text(check), mark.cell_len, console)


def _check_text(check: CheckRow) -> Text:
    loud = check.status != "pass"
    text = Text()
    text.append(f"{check.name}: ", style="bold" if loud else "")
    text.append(check.message)
    if loud and check.hint is not None:
        text.append(f"\nHint: {check.hint}")
    return text


def _print_group(group: Group, console: Console, *, compared: bool) -> None:
    _print_title(f"{group.title} ({group.level} intervals)", console)
    header = _header(group, compared=compared)
    tables = [
        (block, [_cells(row, compared=compared) for row in block.rows]) for block in group.blocks
    ]
    widths = _widths([header, *(line for _, lines in tables for line in lines)])
    if _INDENT + sum(widths) + _GAP * (len(widths) - 1) <= console.width:
        for index, (block, lines) in enumerate(tables):
            _print_metric(block, console)
            if index == 0:
                _print_header(header, widths, console)
            _print_table(lines, widths, console)
    else:
        for block in group.blocks:
            _print_metric(block, console)
            for row in block.rows:
                _print_stacked(row, console, compared=compared)


def _print_metric(block: Block, console: Console) -> None:
    text = Text.assemble((block.metric, "bold"), "  ", (block.about, "dim"))
    _put(text, console, by=0)


def _header(group: Group, *, compared: bool) -> _Line:
    if not compared:
        return (("variant",), ("value",), ("interval",), ("units",))
    is_adjusted = any(row.pvalue_adjusted is not None for row in group.rows)
    return (
        ("variant",),
        ("control -> variant",),
        ("lift", "interval"),
        ("p-value", "adjusted") if is_adjusted else ("p-value",),
        ("P(beats", "control)"),
    )


def _cells(row: Row, *, compared: bool) -> _Line:
    if not compared:
        interval = row.pending or row.value_ci
        return (_name_cell(row), (row.value,), (interval,), _lines(row.n, _immature(row)))
    return (
        _name_cell(row),
        _lines(f"{row.value_control} -> {row.value}", _both_units(row), _both_immature(row)),
        _effect_cell(row),
        _lines(row.pvalue, row.pvalue_adjusted),
        _lines(row.prob_beats_control, _loss(row)),
    )


def _name_cell(row: Row) -> _Cell:
    return _lines(f"{row.name}{_marks(row)}", row.segment, *row.tags)


def _effect_cell(row: Row) -> _Cell:
    if row.pending is not None:
        return (row.pending,)
    name, number, interval = row.effect
    told = number if name == "lift" else f"{number} {name}"
    return (told,) if interval == ABSENT else (told, interval)


def _both_units(row: Row) -> str:
    return f"n {row.n_control} -> {row.n}"


def _both_immature(row: Row) -> str | None:
    return None if row.immature_both is None else f"{row.immature_both} immature"


def _loss(row: Row) -> str | None:
    return None if row.expected_loss == ABSENT else f"loss {row.expected_loss}"


def _lines(*lines: str | None) -> _Cell:
    return tuple(line for line in lines if line is not None)


def _marks(row: Row) -> str:
    return "".join(f" [{mark}]" for mark in row.notes)


def _widths(lines: Sequence[_Line]) -> list[int]:
    columns = zip(*lines, strict=True)
    return [max(cell_len(text) for cell in column for text in cell) for column in columns]


def _print_header(header: _Line, widths: Sequence[int], console: Console) -> None:
    """The header, with every title resting on the line above the numbers."""
    height = max(len(cell) for cell in header)
    raised = [(*[""] * (height - len(cell)), *cell) for cell in header]
    for texts in zip(*raised, strict=True):
        _put(Text(_columns(texts, widths), style="dim"), console)


def _print_table(lines: Sequence[_Line], widths: Sequence[int], console: Console) -> None:
    """Rows of cells; only the first line of a row is set in full strength."""
    for line in lines:
        for level, texts in enumerate(zip_longest(*line, fillvalue="")):
            style = "" if level == 0 else "dim"
            _put(Text(_columns(texts, widths), style=style), console)


def _columns(texts: Sequence[str], widths: Sequence[int]) -> str:
    """The first text to the left of its column, the others to the right of theirs."""
    told = set_cell_size(texts[0], widths[0])
    for text, width in zip(texts[1:], widths[1:], strict=True):
        told += " " * (_GAP + width - cell_len(text)) + text
    return told.rstrip()


def _print_stacked(row: Row, console: Console, *, compared: bool) -> None:
    title = f"{row.name} against {row.control}" if compared else row.name
    _put(Text(f"{title}{_marks(row)}"), console)
    details = _compared_details(row) if compared else _described_details(row)
    _print_pairs([pair for pair in details if pair[1]], console, by=2 * _INDENT)


def _compared_details(row: Row) -> list[tuple[str, str]]:
    name, number, interval = row.effect
    adjusted = f", adjusted {row.pvalue_adjusted}" if row.pvalue_adjusted else ""
    loss = "" if row.expected_loss == ABSENT else f", expected loss {row.expected_loss}"
    return [
        ("segment", row.segment or ""),
        ("reading", ", ".join(row.tags)),
        ("status", row.pending or ""),
        ("value", f"{row.value_control} -> {row.value}"),
        (name, number if interval == ABSENT else f"{number} ({interval})"),
        ("p-value", f"{row.pvalue}{adjusted}"),
        ("P(beats control)", f"{row.prob_beats_control}{loss}"),
        ("n", f"{row.n_control} -> {row.n}"),
        ("immature", row.immature_both or ""),
    ]


def _described_details(row: Row) -> list[tuple[str, str]]:
    return [
        ("segment", row.segment or ""),
        ("reading", ", ".join(row.tags)),
        ("status", row.pending or ""),
        ("value", row.value if row.value_ci == ABSENT else f"{row.value} ({row.value_ci})"),
        ("n", row.n),
        ("immature", row.immature or ""),
    ]


def _immature(row: Row) -> str | None:
    return None if row.immature is None else f"{row.immature} immature"


def _print_title(title: str, console: Console) -> None:
    console.print()
    _put(Text(title, style="bold underline"), console, by=0)


def _print_pairs(pairs: Sequence[tuple[str, str]], console: Console, *, by: int = _INDENT) -> None:
    width = max(cell_len(name) for name, _ in pairs)
    for name, value in pairs:
        _put_pair(Text(name, style="dim"), Text(value), width, console, by=by)


def _put_pair(name: Text, value: Text, width: int, console: Console, *, by: int = _INDENT) -> None:
    """A name, and a value that is wrapped in a column of its own beside it."""
    room = max(console.width - by - width - _GAP, 1)
    for index, line in enumerate(value.wrap(console, room, overflow="fold")):
        head = name.copy() if index == 0 else Text()
        head.pad_right(width + _GAP - head.cell_len)
        _put(Text.assemble(head, line), console, by=by)


def _put(text: Text, console: Console, *, by: int = _INDENT) -> None:
    """Print a text with every line indented, folded where it is too long, never cut."""
    for line in text.wrap(console, max(console.width - by, 1), overflow="fold"):
        line.rstrip()
        console.print(Text.assemble(" " * by, line), soft_wrap=True)
