"""The report as one HTML file: no network, no script, light and dark, screen, phone and paper.

Each section is one template in ``sections/``, shown when its data is in the view. To add one, write
the template and name it in `SECTIONS`.
"""

from __future__ import annotations

from functools import cache
from string import ascii_lowercase
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from abtest.report import numbers, words
from abtest.report.glossary import glossary_of
from abtest.report.html.curves import draw_curves
from abtest.report.html.forest import draw_forest
from abtest.report.html.looks import draw_looks
from abtest.report.html.posterior import draw_posterior
from abtest.report.html.waterfall import draw_waterfall
from abtest.report.languages import _, current, isolated, many, native
from abtest.report.view import build_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Result
    from abtest.report.footnotes import MethodNote

SECTIONS = (
    "verdict",
    "checks",
    "money",
    "counts",
    "results",
    "estimates",
    "forest",
    "curves",
    "looks",
    "bayes",
    "priors",
    "balance",
    "weekly",
    "segments",
    "planned",
    "lock",
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
    view = build_view(result)
    return page.render(
        view=view,
        language=current(),
        sections=SECTIONS,
        meanings={section: _(meaning) for section, meaning in words.MEANINGS.items()},
        words=words,
        glossary=[(_(term), _(meaning)) for term, meaning in glossary_of(view)],
        letters=method_letters(view.methods),
        draw_forest=draw_forest,
        draw_curves=draw_curves,
        draw_waterfall=draw_waterfall,
        draw_posterior=draw_posterior,
        draw_looks=draw_looks,
    )


def method_letters(methods: Sequence[MethodNote]) -> dict[str, str]:
    """A letter for each way of making numbers: a to z, then aa, ab and so on."""
    letters: dict[str, str] = {}
    for index, method in enumerate(methods):
        first = ascii_lowercase[index // 26 - 1] if index >= 26 else ""
        letters[method.text] = first + ascii_lowercase[index % 26]
    return letters


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
