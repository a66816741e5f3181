"""What MkDocs asks while it builds: pages that are made from the code."""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parent.parent


def changelog() -> str:
    """The changelog."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


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


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, so that they are never older than it."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - the tests of PAGES need no MkDocs

    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    return files
