"""The pages that are made from the code have all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import abtest
import commands
import python_api
import result_columns
import spec_keys
from abtest.analysis import result
from abtest.cli.app import COMMANDS
from abtest.spec.schema import json_schema
from docstrings import entries, markdown, sections
from hooks import PAGES, changelog, inside
from navigation import navigation, pages_of, title_of
from support import ROOT

DOCS = ROOT / "docs"


def test_every_key_of_a_spec_is_there_with_its_meaning() -> None:
    page = spec_keys.page()
    schema = json_schema()
    for block in (schema, *schema["$defs"].values()):
        for key in block.get("properties", {}):
            assert re.search(rf"^\| `{key}` \| .+ \| .* \| \S.* \|$", page, re.MULTILINE), key


def test_every_link_to_a_block_has_its_block() -> None:
    page = spec_keys.page()
    anchors = re.findall(r"\{#(\w[\w-]*)\}", page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= set(anchors)


def test_every_command_and_option_is_there() -> None:
    page = commands.page()
    for command in COMMANDS:
        assert f"## abtest {command.__name__.rstrip('_')}\n" in page
    for option in ("`--as-of`", "`--verdict`: ship, rollback", "`-o`", "| `SPEC` | required |"):
        assert option in page
    assert not re.search(r"\|  \|$", page, re.MULTILINE), "an option without a meaning"


def test_every_public_name_is_there() -> None:
    page = python_api.page()
    for name in abtest.__all__:
        assert f"## {name}\n" in page or name.startswith("__")
    assert "### Result.to_pandas()" in page
    assert "### Experiment.from_json()" in page


@pytest.mark.parametrize("name", result_columns.PARTS)
def test_every_column_has_a_meaning(name: str) -> None:
    model = getattr(result, name)
    assert list(result_columns.meanings(model)) == list(model.model_fields)
    page = result_columns.page()
    assert f"## {result_columns.PARTS[name]}\n" in page


def test_docstrings_become_markdown() -> None:
    text = """Do it.

    Args:
        one: The ``first``, which goes on
            here.
        two (int): The second.

    Example:
        >>> 1 + 1
        2
    """
    assert entries(sections(text)["Args"]) == {
        "one": "The `first`, which goes on here.",
        "two": "The second.",
    }
    assert markdown(text).endswith("**Example**\n\n```pycon\n>>> 1 + 1\n2\n```")


def test_every_page_is_in_the_navigation() -> None:
    listed = pages_of(navigation())
    assert len(listed) == len(set(listed))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert set(listed) == written | set(PAGES)


def test_a_title_is_a_page_s_first_heading(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# Welch's t-test (`welch`)\n\nText.\n")
    assert title_of(page) == "Welch's t-test (welch)"


def test_links_that_leave_the_site_become_text() -> None:
    text = "[a](../../README.md) [b](read-a-report.md#x) [c](https://d.org/e.md) [d](no.md) [e](#f)"
    shown = "a [b](read-a-report.md#x) [c](https://d.org/e.md) [d](no.md) [e](#f)"
    assert inside(text, DOCS / "how-to") == shown


def test_the_changelog_links_to_pages() -> None:
    assert "](docs/" not in changelog()
    assert "](../docs/" not in changelog()
