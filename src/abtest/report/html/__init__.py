"""The report as one HTML file: no network, no script, light and dark, screen, phone and paper.

Each section is one template in ``sections/``, shown when its data is in the view. To add one, write
the template and name it in `SECTIONS`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from abtest.report import numbers, words
from abtest.report.html.curves import draw_curves
from abtest.report.html.forest import draw_forest
from abtest.report.html.waterfall import draw_waterfall
from abtest.report.languages import _, current, isolated, many, native
from abtest.report.view import build_view

if TYPE_CHECKING:
    from abtest.analysis.result import Result

SECTIONS = (
    "verdict",
    "checks",
    "money",
    "counts",
    "results",
    "estimates",
    "forest",
    "curves",
    "bayes",
    "notes",
    "methods",
    "glossary",
)


def render_html(result: Result) -> str:
    """The whole report as one self-contained page.

    Args:
        result: The result of an analysis.

    Returns:
        HTML that fetches nothing and runs nothing; every value from the result is escaped.
    """
    page = environment().get_template("page.html")
    return page.render(
        view=build_view(result),
        language=current(),
        sections=SECTIONS,
        meanings={section: _(meaning) for section, meaning in words.MEANINGS.items()},
        glossary=[(_(term), _(meaning)) for term, meaning in words.GLOSSARY],
        draw_forest=draw_forest,
        draw_curves=draw_curves,
        draw_waterfall=draw_waterfall,
    )


@cache
def environment() -> Environment:
    """Where the templates are, with everything escaped."""
    made = Environment(
        loader=PackageLoader("abtest.report", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals |= {
        "_": _,
        "is_open": numbers.is_open,
        "isolated": isolated,
        "many": many,
        "native": lambda number: native(str(number)),
    }
    return made
