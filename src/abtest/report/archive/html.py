"""The archive as one page: an index of all experiments, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from abtest.report.archive.view import build_archive_view

if TYPE_CHECKING:
    from abtest.analysis.archive import Archive


def render_html(archive: Archive) -> str:
    """The archive as one page that fetches nothing and runs nothing.

    Links lead to the experiments' reports, relative to the folder that was archived: write the page
    there.
    """
    # Not the environment of the reports, which loads the library of the charts.
    environment = Environment(
        loader=PackageLoader("abtest.report", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("archive.html")
    return page.render(view=build_archive_view(archive), quote=quote)
