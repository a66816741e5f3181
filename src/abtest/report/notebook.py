"""A result in a notebook: Jupyter, marimo, VS Code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import escape

from abtest.report import render

if TYPE_CHECKING:
    from abtest.analysis.result import Result

_STYLE = (
    "width: 100%; height: 44rem; border: 1px solid #8888; "
    "resize: vertical; overflow: auto; color-scheme: light dark"
)


def notebook_html(result: Result) -> str:
    """The whole page in a frame of its own.

    Its styles stay inside and the notebook's outside, and the empty sandbox lets nothing run.

    Args:
        result: The result of an analysis.

    Returns:
        An ``<iframe>`` element that holds the page and fetches nothing.
    """
    title = escape(f"Report of {result.experiment}")
    page = escape(render(result, "html"))
    return f'<iframe title="{title}" sandbox="" style="{_STYLE}" srcdoc="{page}"></iframe>'


def notebook_markdown(result: Result) -> str:
    """The report for notebooks that are turned into Markdown or paper."""
    return render(result, "md")
