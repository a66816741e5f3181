"""The report as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abtest.report.numbers import ABSENT
from abtest.report.view import build_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abtest.analysis.result import Result, Status
    from abtest.report.checks import CheckRow, Waterfall
    from abtest.report.groups import Group
    from abtest.report.rows import Row
    from abtest.report.view import View

_MARKS: dict[Status, str] = {"fail": "**FAIL**", "warn": "**WARN**", "pass": "pass"}
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# An underscore inside a word is no emphasis on GitHub, and keys are full of them.
_SPECIAL = re.compile(r"[\\`*\[\]|~#!$]|(?<![^\W_])_|_(?![^\W_])")


def render_markdown(result: Result) -> str:
    """Headline, banners, checks, one table per role, footnotes and methods.

    Args:
        result: The result of an analysis.

    Returns:
        GitHub-flavoured Markdown in which every name is inert.
    """
    view = build_view(result)
    parts = [*_top(view), *_checks(view)]
    if view.waterfall is not None:
        parts.extend(["## Who was counted", _waterfall(view.waterfall)])
    for group in view.comparisons:
        parts.extend([f"## {escape(group.title)}", _compared(group)])
    if view.estimates is not None:
        parts.extend([f"## {escape(view.estimates.title)}", _described(view.estimates)])
    parts.extend(_bottom(view))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""The text as Markdown that shows it and does nothing else.

    Examples:
        >>> escape("a|b <script> repeat_purchase _x_")
        'a\\|b &lt;script&gt; repeat_purchase \\_x\\_'
    """
    escaped = _SPECIAL.sub(lambda found: f"\\{found.group()}", text)
    return "".join(_HTML.get(character, character) for character in escaped)


def _top(view: View) -> list[str]:
    headline = view.headline
    told = escape(headline.reason)
    if headline.word is not None:
        variant = "" if headline.variant is None else f" {escape(headline.variant)}"
        told = f"**{escape(headline.word)}**{variant}: {told}"
    parts = [f"# {escape(view.title)}", told]
    if headline.value is not None:
        parts.append(f"Expected value: {escape(headline.value)}")
    if headline.rule is not None:
        parts.append(f"Decided by: {escape(headline.rule)}")
    parts.extend(f"> [!CAUTION]\n> **{escape(banner)}**" for banner in view.banners)
    return parts


def _checks(view: View) -> list[str]:
    parts = ["## Health checks", escape(view.checks_summary)]
    if view.checks:
        parts.append("\n".join(_check(check) for check in view.checks))
    return parts


def _check(check: CheckRow) -> str:
    line = f"- {_MARKS[check.status]} {escape(check.name)}: {escape(check.message)}"
    loud = check.status != "pass" and check.hint is not None
    return f"{line}  \n  Hint: {escape(check.hint or '')}" if loud else line


def _waterfall(waterfall: Waterfall) -> str:
    rows = [[row.metric or "all metrics", row.step, *row.counts] for row in waterfall.rows]
    return _table(["metric", "step", *waterfall.variants], rows, text_columns=2)


def _compared(group: Group) -> str:
    header = [
        "metric", "variant", "control", "value", f"lift ({group.level})",
        f"difference ({group.level})", "p-value", "adjusted p", "P(beats control)",
        "expected loss", "n control", "n",
    ]  # fmt: skip
    rows = [
        [
            row.metric,
            _name(row),
            row.value_control,
            row.pending or row.value,
            _pair(row.lift, row.lift_ci),
            _pair(row.difference, row.difference_ci),
            row.pvalue,
            row.pvalue_adjusted or ABSENT,
            row.prob_beats_control,
            row.expected_loss,
            _units(row.n_control, row.immature_control),
            _units(row.n, row.immature),
        ]
        for row in group.rows
    ]
    return _table(header, rows, text_columns=2, notes=[row.notes for row in group.rows])


def _described(group: Group) -> str:
    rows = [
        [
            row.metric,
            _name(row),
            row.pending or row.value,
            row.value_ci,
            _units(row.n, row.immature),
        ]
        for row in group.rows
    ]
    header = ["metric", "variant", "value", f"interval ({group.level})", "n"]
    return _table(header, rows, text_columns=2, notes=[row.notes for row in group.rows])


def _name(row: Row) -> str:
    details = [*([row.segment] if row.segment else []), *row.tags]
    return f"{row.name} ({', '.join(details)})" if details else row.name


def _pair(number: str, interval: str) -> str:
    return number if interval == ABSENT else f"{number} ({interval})"


def _units(n: str, immature: str | None) -> str:
    return n if immature is None else f"{n} ({immature} immature)"


def _table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text_columns: int,
    notes: Sequence[tuple[int, ...]] = (),
) -> str:
    """A table with numbers to the right and the footnote marks in the second column."""
    rule = ["---" if index < text_columns else "---:" for index in range(len(header))]
    lines = [_line(escape(cell) for cell in header), _line(rule)]
    for index, row in enumerate(rows):
        cells = [escape(cell) for cell in row]
        if notes:
            cells[1] += "".join(f"[^{mark}]" for mark in notes[index])
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bottom(view: View) -> list[str]:
    parts = []
    if view.methods:
        methods = [
            f"- {', '.join(escape(metric) for metric in note.metrics)}: {escape(note.text)}"
            for note in view.methods
        ]
        parts.extend(["## How these numbers were made", "\n".join(methods)])
    facts = [f"- {escape(name)}: {escape(value)}" for name, value in view.facts]
    parts.extend(["## Computed from", "\n".join(facts)])
    parts.extend(f"[^{mark}]: {escape(note)}" for mark, note in view.notes)
    return parts
