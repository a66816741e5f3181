"""Every block of code on every page is run, or parsed."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from abtest.cli.app import app
from support import ROOT

DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in DOCS.rglob("*.md")}
TESTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}

# A block with a title is a file, which test_sessions.py writes and uses.
_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n(?:\n(?= {4}))?)+")


def _blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each block; of an indented one the language is not said."""
    fenced = [
        (found[1], found[2]) for found in _FENCED.finditer(text) if "title=" not in found[0][:60]
    ]
    rest = _FENCED.sub("", text)
    return [*fenced, *(("", re.sub("(?m)^    ", "", block)) for block in _INDENTED.findall(rest))]


def _examples(page: str) -> list[str]:
    """The blocks of a page that show Python with what it prints."""
    return [block for _, block in _blocks(PAGES[page]) if block.lstrip().startswith(">>>")]


# Where there are commands too, test_sessions.py plays both in their order.
ALONE = sorted(page for page in PAGES if _examples(page) and "```console" not in PAGES[page])


@pytest.mark.parametrize("page", ALONE)
def test_what_python_prints_is_real(page: str) -> None:
    source = "\n\n".join(_examples(page))
    example = doctest.DocTestParser().get_doctest(source, {}, page, page, 0)
    assert doctest.DocTestRunner().run(example).failed == 0


def _commands(text: str) -> list[str]:
    """The command lines in the blocks of a page, whether or not their output is shown."""
    return [
        line.removeprefix("$ ").split(" #")[0]
        for language, block in _blocks(text)
        if language not in ("yaml", "python")
        for line in block.replace("\\\n", " ").splitlines()
        if line.removeprefix("$ ").startswith("abtest ")
    ]


COMMANDS = sorted({(page, one) for page, text in PAGES.items() for one in _commands(text)})


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_has_the_options_that_it_is_shown_with(page: str, line: str) -> None:
    group: Any = typer.main.get_command(app)
    _, name, *rest = shlex.split(re.split(r" (?:\||>|&&) ", line)[0])
    assert name in group.commands or name.startswith("--"), page
    if "OPTIONS" not in line and name in group.commands:
        group.commands[name].make_context(name, rest)


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) > 30
    assert _examples("methods/cox.md")
    assert _examples("explanation/mistakes.md")


@pytest.mark.parametrize("page", sorted(PAGES))
def test_other_python_and_yaml_has_a_test_of_its_page(page: str) -> None:
    held = [
        language
        for language, block in _blocks(PAGES[page])
        if language in ("python", "yaml") and not block.lstrip().startswith(">>>")
    ]
    name = Path(page).stem if Path(page).stem != "index" else Path(page).parent.name
    by_name = re.compile(rf"\b{re.escape(name)}\b")
    tested = any(by_name.search(text) for text in TESTS.values()) or page.startswith("metrics/")
    assert not held or tested, "test these blocks, as test_blocks_with_files.py does"
