"""Plays what a page shows: its files are written and its commands run, in their order.

A fenced block with `title="path"` is a file. A `console` block has commands after a `$`, each with
what it prints; a line of three dots stands for lines that the page leaves out.
"""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import run

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command and what the page shows under it."""

    command: str
    shown: str


@dataclass(frozen=True)
class Python:
    """Examples with what they print."""

    text: str


@dataclass(frozen=True)
class File:
    """A file and its text."""

    path: str
    text: str


def steps(page: str) -> list[Step | File | Python]:
    """What a reader of the page does, in order."""
    found: list[Step | File | Python] = []
    for language, title, body in _BLOCK.findall(page):
        if title:
            found.append(File(title, body))
        elif language == "console":
            parts = re.split(r"^\$ (.*)\n", body, flags=re.MULTILINE)
            found += [Step(*pair) for pair in zip(parts[1::2], parts[2::2], strict=True)]
        elif body.startswith(">>>"):
            found.append(Python(body))
    return found


def play(step: Step | File, folder: Path) -> str:
    """What a step prints; the working directory is the folder."""
    if isinstance(step, File):
        path = folder / step.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")
        return ""
    program, *words = shlex.split(step.command)
    if program == "cp":
        for name in words[:-1]:
            shutil.copy(folder / name, folder / words[-1])
        return ""
    assert program == "abtest", f"a page shows abtest and cp only, not {program}"
    done = run(*words)
    assert "Traceback" not in done.err
    return done.out + done.err


def is_shown(printed: str, shown: str) -> bool:
    """Whether the page shows what was printed: all of it, or all but what three dots stand for."""
    chunks = [
        "\n".join(line.rstrip() for line in chunk.strip("\n").splitlines())
        for chunk in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)
    ]
    text = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    if len(chunks) == 1:
        return text == chunks[0]
    pattern = r"\n(?:.*\n)*?".join(re.escape(chunk) for chunk in chunks if chunk)
    before = r"" if chunks[0] else r"(?:.*\n)*?"
    after = r"" if chunks[-1] else r"(?:\n.*)*"
    return re.fullmatch(before + pattern + after, text) is not None


def failures(examples: Python, names: dict[str, Any]) -> int:
    """How many examples print something else; the names are those of the page so far."""
    parsed = doctest.DocTestParser().get_doctest(examples.text, names, "page", "page", 0)
    runner = doctest.DocTestRunner()
    failed = runner.run(parsed, clear_globs=False).failed
    names.update(parsed.globs)
    return failed
