"""Google docstrings as parts, and as Markdown."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(
    r"^(Args|Attributes|Returns|Raises|Yields|Example|Examples|Source|Note):$", re.MULTILINE
)
_ENTRY = re.compile(r"^    (\w+)(?: \([^)]*\))?: (.*(?:\n {8,}.*|\n(?=\n {8}))*)", re.MULTILINE)
_LISTS = ("Args", "Attributes", "Raises")


def sections(docstring: str | None) -> dict[str, str]:
    """The text (under the name of none, "") and the sections of a docstring, by name."""
    parts = _SECTION.split(inspect.cleandoc(docstring or ""))
    return {"": parts[0].strip()} | dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> dict[str, str]:
    """What a section says of each name, on one line."""
    return {name: plain(text) for name, text in _ENTRY.findall(section)}


def plain(text: str) -> str:
    """The text on one line, with Markdown's backticks."""
    return " ".join(text.split()).replace("``", "`")


def markdown(docstring: str | None) -> str:
    """A docstring as Markdown: lists of arguments as lists, examples as code."""
    out = []
    for name, body in sections(docstring).items():
        if name:
            out.append(f"**{name}**")
        if name in _LISTS:
            out.append("\n".join(f"- `{key}`: {text}" for key, text in entries(body).items()))
        elif name.startswith("Example"):
            out.append(f"```pycon\n{inspect.cleandoc(body)}\n```")
        else:
            out.append(inspect.cleandoc(body).replace("``", "`"))
    return "\n\n".join(part for part in out if part)
