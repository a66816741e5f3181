"""A plan, shown as a table, JSON or HTML."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.analysis.planning.model import Plan

__all__ = ["print_plan", "render_plan"]

_PLAIN_WIDTH = 100


def render_plan(plan: Plan, fmt: str) -> str:
    """The whole plan as text that ends with a line break.

    Args:
        plan: The plan of an experiment.
        fmt: ``table`` (plain text, 100 columns), ``json`` (abtest-plan/v1), ``md`` or
            ``html`` (one file).

    Returns:
        The text. The same plan always gives the same bytes.

    Raises:
        ValueError: If the format is not one of these.
    """
    if fmt == "json":
        return json.dumps(plan.to_dict(), ensure_ascii=False, indent=2) + "\n"
    if fmt == "md":
        from abtest.report.planning.markdown import render_markdown  # noqa: PLC0415

        return render_markdown(plan)
    if fmt == "html":
        from abtest.report.planning.html import render_html  # noqa: PLC0415 - loads matplotlib

        return render_html(plan)
    if fmt != "table":
        raise ValueError(f"`fmt` is {fmt!r}; it must be one of table, json, md, html")
    from rich.console import Console  # noqa: PLC0415 - loads rich

    buffer = io.StringIO()
    console = Console(file=buffer, width=_PLAIN_WIDTH, color_system=None, legacy_windows=False)
    print_plan(plan, console)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def print_plan(plan: Plan, console: Console) -> None:
    """Print a plan to a terminal, at its width."""
    from abtest.report.planning.terminal import print_view  # noqa: PLC0415 - loads rich
    from abtest.report.planning.view import build_view  # noqa: PLC0415

    print_view(build_view(plan), console)
