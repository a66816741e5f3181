"""What is wrong with text that is not YAML, in words for people who do not know its grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault

if TYPE_CHECKING:
    import yaml


def syntax_fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Fault:
    """The fault for a text that the parser refused."""
    problem, context = error.problem or "it cannot be parsed", error.context or ""
    line = _line(error.problem_mark or error.context_mark)
    opened = _line(error.context_mark)
    lines = text.split("\n")
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "quoted scalar" in context and "end of stream" in problem:
        return Fault((), "opens a quote that is never closed", line=opened, file=file)
    if "another document" in problem:
        hint = "Put each experiment into a file of its own; delete the line `---`."
        return Fault((), "holds more than one document", hint, line=line, file=file)
    hint = _hint(problem, context, here, opened)
    return Fault((), f"is not YAML: {problem}", hint, line=line, file=file)


def _line(mark: yaml.Mark | None) -> int:
    return mark.line + 1 if mark is not None else 0


def _hint(problem: str, context: str, here: str, opened: int) -> str:
    if "\t" in here:
        return "Indent with spaces, not tabs."
    if "cannot start any token" in problem:
        return "Put the text in quotes."
    if "mapping values are not allowed" in problem:
        return 'Put text that holds ": " in quotes, and line up the keys of one block.'
    if "flow" in context:
        return f"A bracket that opens on line {opened} may not be closed, or lack a comma."
    if "block" in context:
        return f"Line up the keys of the block that starts on line {opened}."
    return ""
