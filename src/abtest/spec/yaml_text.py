"""YAML in, plain data and line numbers out; whatever is wrong with the text is a fault.

Scalars follow the YAML 1.2 core schema, where 007 and 2026-01-05 stay text and only true and false
are booleans: a variant called `no` is not False.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from abtest.errors import Fault, SpecError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

YamlPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed spec: its data, and the line on which each path stands."""

    data: Any
    file: str = ""
    lines: dict[YamlPath, int] = field(default_factory=dict)

    def line(self, path: YamlPath) -> int:
        """The line of a path, or of the nearest part of it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def placed(self, fault: Fault) -> Fault:
        """The fault with its file and line."""
        line = self.line(fault.path)
        return Fault(fault.path, fault.message, fault.hint, line=line, file=self.file)


def read_document(path: Path) -> Document:
    """Read a spec's text.

    Raises:
        SpecError: There is no such file, or it is not a small, well-formed YAML mapping.
    """
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SpecError([_too_large(path.stat().st_size, name)])
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        fault = Fault((), "is not UTF-8 text", "Save the file as UTF-8.", line=line, file=name)
        raise SpecError([fault]) from error
    except OSError as error:
        reason = "is a folder" if path.is_dir() else (error.strerror or str(error)).lower()
        raise SpecError([Fault((), f"cannot be read: {reason}", file=name)]) from error
    return parse_document(text, name)


def parse_document(text: str, file: str = "") -> Document:
    """Parse a spec's text.

    Raises:
        SpecError: The text is not well-formed YAML, repeats keys, or is not a mapping.
    """
    if len(text) > MAX_BYTES:
        raise SpecError([_too_large(len(text), file)])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax_fault(error, text, file)]) from error
    except yaml.YAMLError as error:
        raise SpecError([Fault((), f"is not YAML: {error}", file=file)]) from error
    except RecursionError as error:
        raise SpecError([Fault((), "is nested too deeply", file=file)]) from error
    if not isinstance(node, yaml.MappingNode):
        hint = "Start from `abtest init NAME --kind messaging`."
        raise SpecError([Fault((), "is not a mapping of keys to values", hint, file=file)])
    return _Builder(file).document(node)


class _Builder:
    """Turns YAML nodes into plain data, counting values so that aliases cannot explode."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[YamlPath, int] = {}
        self.faults: list[Fault] = []
        self.values = 0

    def document(self, node: yaml.Node) -> Document:
        data = self.build(node, ())
        if self.faults:
            raise SpecError(self.faults)
        return Document(data, self.file, self.lines)

    def build(self, node: yaml.Node, path: YamlPath) -> Any:  # noqa: ANN401 - any YAML value
        self.values += 1
        line = node.start_mark.line + 1
        if self.values > MAX_VALUES:
            message = f"expands to more than {MAX_VALUES:,} values"
            hint = "Write anchors and aliases out, or split the file."
            raise SpecError([Fault(path, message, hint, line=line, file=self.file)])
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise TypeError(f"YAML has no {type(node).__name__}")

    def mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                message = "has a key that is a list or a mapping; it must be a word"
                self.faults.append(Fault(path, message, line=line, file=self.file))
                continue
            here = (*path, key)
            if key in data:
                message = f"is written twice, first on line {self.lines[here]}"
                hint = "Keep one of the two."
                self.faults.append(Fault(here, message, hint, line=line, file=self.file))
                continue
            self.lines[here] = line
            data[key] = self.build(value_node, here)
        return data


def _scalar(node: yaml.ScalarNode) -> Any:  # noqa: ANN401 - any YAML scalar
    text: str = node.value
    if node.style is not None:  # quoted or block text stays text
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text) if len(text) < 4_000 else text
    return float(text) if _FLOAT.fullmatch(text) else text


def _too_large(size: int, file: str) -> Fault:
    message = f"is {size:,} bytes; a spec must be at most {MAX_BYTES:,}"
    return Fault((), message, "Data belong in the files that data.*.path names.", file=file)


def _syntax_fault(error: yaml.MarkedYAMLError, text: str, file: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    problem = error.problem or "cannot be parsed"
    hint = "Indent with spaces, not tabs." if "\t" in here else ""
    return Fault((), f"is not YAML: {problem}", hint, line=line, file=file)
