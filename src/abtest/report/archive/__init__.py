"""The archive as a table in the terminal, as JSON, and as an HTML index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abtest.analysis.archive import Archive

ArchiveFormat = Literal["table", "json", "html"]

__all__ = ["ArchiveFormat", "render_archive"]


def render_archive(archive: Archive, fmt: ArchiveFormat, *, width: int = 100) -> str:
    """The whole archive as text that ends with a line break.

    Args:
        archive: The archive.
        fmt: ``table`` (plain text), ``json`` (abtest-archive/v1) or ``html`` (one page).
        width: Of the table, in columns.
    """
    if fmt == "json":
        return archive.to_json()
    if fmt == "html":
        from abtest.report.archive.html import render_html  # noqa: PLC0415 - loads jinja2

        return render_html(archive)
    from abtest.report.archive.terminal import render_table  # noqa: PLC0415 - loads rich
    from abtest.report.archive.view import build_archive_view  # noqa: PLC0415

    return render_table(build_archive_view(archive), width)
