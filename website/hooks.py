"""What MkDocs asks while it builds: pages that are made from the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import python_api
import result_columns
import spec_keys
from navigation import navigation

if TYPE_CHECKING:
    from collections.abc import Callable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent


DOCS = ROOT / "docs"

_LINK = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)([^)\s]*)\)")


def changelog() -> str:
    """The changelog, with its links as they are from docs."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return _LINK.sub(lambda link: f"[{link[1]}](../{link[2]}{link[3]})", text).replace(
        "](../docs/", "]("
    )


def inside(text: str, folder: Path) -> str:
    """The text without links that leave the site for another file of the repository."""

    def kept(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        leaves = not target.is_relative_to(DOCS) or target.is_dir()
        return link[1] if leaves and target.exists() else link[0]

    return _LINK.sub(kept, text)


PAGES: dict[str, Callable[[], str]] = {
    "reference/spec.md": spec_keys.page,
    "reference/command-line.md": commands.page,
    "reference/python.md": python_api.page,
    "reference/result.md": result_columns.page,
    "changelog.md": changelog,
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Say what is where."""
    config.nav = navigation()
    return config


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links to code, which is not on the site, become plain text; a dead link stays and fails."""
    return inside(markdown, (DOCS / page.file.src_uri).parent)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, so that they are never older than it."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - the tests of PAGES need no MkDocs

    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    return files
