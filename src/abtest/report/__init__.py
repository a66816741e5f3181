"""Reports: one result, shown as a table, JSON, CSV, Markdown or HTML.

Each format loads only what it needs: the charts' library (0.8 s) is loaded for HTML alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

    from abtest.analysis.result import Result
    from abtest.report.languages import Lang

Format = Literal["table", "json", "csv", "md", "html"]

__all__ = ["Format", "print_report", "render"]


def render(result: Result, fmt: Format, lang: Lang = "en") -> str:
    """The whole report as text that ends with a line break.

    Args:
        result: The result of an analysis.
        fmt: ``table`` (plain text, 100 columns), ``json`` (abtest-result/v1), ``csv`` (one row per
            record), ``md`` (GitHub-flavoured Markdown) or ``html`` (one file, no network).
        lang: The language of people's views: ``en``, ``fa`` or ``ar``. JSON and CSV have none.

    Returns:
        The report. The same result always gives the same bytes.

    Raises:
        ValueError: If the format or the language is not one of these.
    """
    if fmt == "table":
        from abtest.report.terminal import render_table as draw  # noqa: PLC0415 - loads rich
    elif fmt == "json":
        from abtest.report.json_ import render_json as draw  # noqa: PLC0415
    elif fmt == "csv":
        from abtest.report.csv_ import render_csv as draw  # noqa: PLC0415
    elif fmt == "md":
        from abtest.report.markdown import render_markdown as draw  # noqa: PLC0415
    elif fmt == "html":
        from abtest.report.html import render_html as draw  # noqa: PLC0415 - loads matplotlib
    else:
        raise ValueError(f"`fmt` is {fmt!r}; it must be one of table, json, csv, md, html")
    from abtest.report.languages import speaking  # noqa: PLC0415

    with speaking(lang):
        return draw(result)


def print_report(result: Result, console: Console, lang: Lang = "en") -> None:
    """Print the report to a terminal, at its width and with colour where it has any.

    Args:
        result: The result of an analysis.
        console: Where to print. It decides on width and colour, and so respects NO_COLOR.
        lang: The language: ``en``, ``fa`` or ``ar``.
    """
    from abtest.report.languages import speaking  # noqa: PLC0415
    from abtest.report.terminal import print_view  # noqa: PLC0415 - loads rich
    from abtest.report.view import build_view  # noqa: PLC0415

    with speaking(lang):
        print_view(build_view(result), console)
