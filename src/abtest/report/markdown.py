"""The report as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abtest.report import numbers, words
from abtest.report.languages import _, current, listed
from abtest.report.numbers import ABSENT
from abtest.report.view import build_view
from abtest.sentences import phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abtest.analysis.result import Result, Status
    from abtest.report.checks import CheckRow
    from abtest.report.counts import Counts
    from abtest.report.curves import Curves
    from abtest.report.groups import Block, Group
    from abtest.report.lock import LockView
    from abtest.report.money import MoneyView
    from abtest.report.rows import Row
    from abtest.report.view import View

_MARKS: dict[Status, str] = {
    "fail": phrase("FAIL"),
    "warn": phrase("WARN"),
    "pass": phrase("pass"),
}
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
    if view.money is not None:
        parts.extend(_money(view.money))
    if view.counts:
        parts.extend([_heading(_(words.COUNTS_TITLE)), _counts(view.counts)])
    for group in view.comparisons:
        parts.append(f"## {escape(group.title)}")
        if group.role == "segments" and view.interactions:
            parts.append("\n".join(f"- {escape(told)}" for told in view.interactions))
        parts.extend([_compared(group), *_asides(group)])
    if view.estimates is not None:
        group = view.estimates
        parts.extend([f"## {escape(group.title)}", _described(group), *_asides(group)])
    parts.extend(_sheets(view))
    if view.curves:
        parts.append(_heading(_(words.CURVES_TITLE)))
        parts.extend(_curves(curves) for curves in view.curves)
    if view.lock is not None:
        parts.extend(_lock(view.lock))
    parts.extend(_bottom(view))
    if current().direction == "rtl":
        parts = ['<div dir="rtl">', *parts, "</div>"]
    return "\n\n".join(parts) + "\n"


def _sheets(view: View) -> Iterator[str]:
    """How alike the variants were before, and what the Bayesian reading depends on."""
    for sheet in (view.balance, view.weekly, view.priors, view.pooled):
        if sheet is not None:
            yield f"## {escape(sheet.title)}"
            yield _table(sheet.header, sheet.rows, text_columns=sheet.texts)


def escape(text: str) -> str:
    r"""The text as Markdown that shows it and does nothing else.

    Examples:
        >>> escape("a|b <script> repeat_purchase _x_")
        'a\\|b &lt;script&gt; repeat_purchase \\_x\\_'
    """
    escaped = _SPECIAL.sub(lambda found: f"\\{found.group()}", text)
    return "".join(_HTML.get(character, character) for character in escaped)


def _heading(title: str) -> str:
    return f"## {title}"


def _leveled(name: str, group: Group) -> str:
    return f"{name} ({group.level})"


def _top(view: View) -> list[str]:
    headline = view.headline
    told = escape(headline.reason)
    if headline.word is not None:
        verdict = f"**{escape(headline.word)}**"
        if headline.variant is not None:
            variant = escape(headline.variant)
            verdict = _("{verdict} {variant}", verdict=verdict, variant=variant)
        told = f"{verdict}: {told}"
    parts = [f"# {escape(view.title)}", told]
    if headline.value is not None:
        parts.append(escape(_("Expected value: {value}", value=headline.value)))
    if headline.rule is not None:
        parts.append(escape(_("Decided by: {rule}", rule=headline.rule)))
    if headline.decided is not None:
        parts.append(f"**{escape(headline.decided)}**")
    parts.extend(f"> [!CAUTION]\n> **{escape(banner)}**" for banner in view.banners)
    return parts


def _checks(view: View) -> list[str]:
    parts = [_heading(_("Health checks")), escape(view.checks_summary)]
    if view.checks:
        parts.append("\n".join(_check(check) for check in view.checks))
    return parts


def _check(check: CheckRow) -> str:
    line = f"- {_mark(check.status)} {escape(check.name)}: {escape(check.message)}"
    loud = check.status != "pass" and check.hint is not None
    hint = _("Hint:")
    return f"{line}  \n  {hint} {escape(check.hint or '')}" if loud else line


def _mark(status: Status) -> str:
    word = _(_MARKS[status])
    return word if status == "pass" else f"**{word}**"


def _money(view: MoneyView) -> list[str]:
    parts = [_heading(view.title), escape(view.meaning), escape(" ".join(view.facts))]
    for section in view.sections:
        parts.append(f"### {escape(section.variant)}")
        parts.append("  \n".join(escape(line) for line in section.told))
        for sheet in section.sheets:
            parts.append(f"**{escape(sheet.title)}**")
            parts.append(_table(sheet.header, sheet.rows, text_columns=sheet.texts))
        parts.extend(escape(note) for note in section.notes)
    return [*parts, *(escape(note) for note in view.notes)]


def _lock(view: LockView) -> list[str]:
    parts = [_heading(view.title), escape(view.told)]
    if view.rows:
        rows = [[row.path, row.frozen, row.present, row.status, row.reason] for row in view.rows]
        parts.append(_table(view.header, rows, text_columns=5))
    if view.fixed:
        parts.append("\n".join(f"- {escape(path)}: {escape(value)}" for path, value in view.fixed))
    return parts


def _counts(found: Sequence[Counts]) -> str:
    header = [
        _("metric"), _("variant"), _("readable"), _("assigned"), _("ineligible"), _("immature"),
        _("mature"), _("without a value"), _("counted"),
    ]  # fmt: skip
    rows = [
        [
            listed(counts.metrics),
            row.variant,
            counts.readable or ABSENT,
            row.assigned,
            row.ineligible,
            row.immature,
            row.mature,
            row.missing or numbers.count(0),
            row.n,
        ]
        for counts in found
        for row in counts.rows
    ]
    return _table(header, rows, text_columns=3)


def _curves(curves: Curves) -> str:
    header = [_("metric"), _("variant"), *(f"{curves.time} {at}" for at in curves.moments)]
    rows = [[curves.metric, name, *cells] for name, cells in curves.rows]
    return _table(header, rows, text_columns=2)


def _asides(group: Group) -> list[str]:
    """What stands beside the numbers of a table, as a list under it."""
    told = [
        f"- {escape(row.metric)}, {escape(row.name)}: {escape(label)}: {escape(text)}"
        for row in group.rows
        for label, text in row.asides
    ]
    return ["\n".join(told)] if told else []


def _compared(group: Group) -> str:
    header = [
        _("metric"), _("variant"), _("control"), _("value"), _leveled(_("lift"), group),
        _leveled(_("difference"), group), _("p-value"), _("adjusted p"), _("P(beats control)"),
        _("expected loss"), _("n control"), _("n"),
    ]  # fmt: skip
    rows = [
        [
            _metric(block),
            _name(row),
            row.value_control,
            row.pending or row.value,
            _pair(row.lift_or_ratio, row.lift_ci),
            _pair(row.difference, row.difference_ci),
            row.pvalue,
            row.pvalue_adjusted or ABSENT,
            row.prob_beats_control,
            row.expected_loss,
            _units(row.n_control, row.immature_control),
            _units(row.n, row.immature),
        ]
        for block in group.blocks
        for row in block.rows
    ]
    return _table(header, rows, text_columns=2, notes=[row.notes for row in group.rows])


def _described(group: Group) -> str:
    rows = [
        [
            _metric(block),
            _name(row),
            row.pending or row.value,
            row.value_ci,
            _units(row.n, row.immature),
        ]
        for block in group.blocks
        for row in block.rows
    ]
    header = [_("metric"), _("variant"), _("value"), _leveled(_("interval"), group), _("n")]
    return _table(header, rows, text_columns=2, notes=[row.notes for row in group.rows])


def _metric(block: Block) -> str:
    return block.metric if block.unit is None else f"{block.metric} ({block.unit})"


def _name(row: Row) -> str:
    details = [*([row.segment] if row.segment else []), *row.tags]
    return f"{row.name} ({listed(details)})" if details else row.name


def _pair(number: str, interval: str) -> str:
    return number if interval == ABSENT else f"{number} ({interval})"


def _units(n: str, immature: str | None) -> str:
    if immature is None:
        return n
    waiting = _("{n} immature", n=immature)
    return f"{n} ({waiting})"


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
            f"- {escape(listed(note.metrics))}: {escape(note.text)}" for note in view.methods
        ]
        parts.extend([_heading(_("How these numbers were made")), "\n".join(methods)])
    facts = [f"- {escape(name)}: {escape(value)}" for name, value in view.facts]
    parts.extend([_heading(_("Computed from")), "\n".join(facts)])
    parts.extend(f"[^{mark}]: {escape(note)}" for mark, note in view.notes)
    return parts
