"""A plan as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.report.planning.view import (
    BALANCE_HEAD,
    CURVE_HEAD,
    FACTOR_HEAD,
    METRIC_HEAD,
    build_view,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.planning.model import Plan


def render_markdown(plan: Plan) -> str:
    """The verdict, the dates, the metrics and the weeks."""
    view = build_view(plan)
    lines = [f"# Plan of {_cell(view.title)}", "", f"**{_cell(view.verdict)}**", ""]
    lines += [f"- {name}: {_cell(value)}" for name, value in view.facts]
    lines += ["", *_table(METRIC_HEAD, view.metrics)]
    if view.factors:
        lines += ["", *_table(FACTOR_HEAD, view.factors)]
    if view.balance:
        lines += ["", *_table(BALANCE_HEAD, view.balance)]
    if view.curve:
        lines += ["", f"## {_cell(view.curve_title or '')}, week by week", ""]
        lines += _table(CURVE_HEAD, view.curve)
    if view.notes:
        lines += ["", *(f"- {_cell(note)}" for note in view.notes)]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    """Names may hold anything: what Markdown would read as its own is escaped."""
    for mark in ("\\", "|", "*", "`", "<", "["):
        text = text.replace(mark, f"\\{mark}")
    return text
