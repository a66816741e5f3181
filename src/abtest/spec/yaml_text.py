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
from abtest.spec.plain import MAX_DEPTH, YamlPath, plain_mapping
from abtest.spec.yaml_faults import syntax_fault

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

_TAGS = tuple(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed spec: its data, and the line on which each path stands.

    ``faults`` is what is wrong with the text although it can be read, such as a key written twice.
    """

    data: Any
    file: str = ""
    lines: dict[YamlPath, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

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
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SpecError([_too_large(name)])
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        fault = Fault((), "is not UTF-8 text", "Save the file as UTF-8.", line=line, file=name)
        raise SpecError([fault]) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise SpecError([_unreadable(path, error)]) from error
    return parse_document(text, name)


def parse_document(text: str, file: str = "") -> Document:
    """Parse a spec's text.

    Raises:
        SpecError: The text is not well-formed YAML, or is not a mapping.
    """
    if len(text) > MAX_BYTES:
        raise SpecError([_too_large(file)])
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise SpecError([syntax_fault(error, text, file)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"holds the control character U+{error.character:04X}"
        hint = "Delete it; an editor may show it as a blank or not at all."
        raise SpecError([Fault((), message, hint, line=line, file=file)]) from error
    if not isinstance(node, yaml.MappingNode):
        what = "is empty" if node is None else "is not a mapping of keys to values"
        hint = "Start from `abtest init NAME --kind messaging`."
        raise SpecError([Fault((), what, hint, file=file)])
    return _Builder(file).document(node)


class _Loader(yaml.SafeLoader):
    """Stops at the first value too many, before the rest of a huge text is read."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.nodes = 0
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        self.nodes += 1
        self.depth += 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.nodes > 2 * MAX_VALUES:  # keys are nodes too
            problem = f"it holds more than {MAX_VALUES:,} values"
            raise yaml.composer.ComposerError(problem=problem, problem_mark=mark)
        if self.depth > MAX_DEPTH:
            problem = f"it is nested more than {MAX_DEPTH} levels deep"
            raise yaml.composer.ComposerError(problem=problem, problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Builder:
    """Turns YAML nodes into plain data, counting values so that aliases cannot explode."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[YamlPath, int] = {}
        self.faults: list[Fault] = []
        self.values = 0

    def document(self, node: yaml.Node) -> Document:
        document = Document(self.build(node, ()), self.file, self.lines, tuple(self.faults))
        try:
            plain_mapping(document.data)
        except SpecError as error:
            raise SpecError([document.placed(fault) for fault in error.faults]) from error
        return document

    def build(self, node: yaml.Node, path: YamlPath) -> Any:  # noqa: ANN401 - any YAML value
        self.values += 1
        line = node.start_mark.line + 1
        if self.values > MAX_VALUES:
            message = f"expands to more than {MAX_VALUES:,} values"
            hint = "Write anchors and aliases out, or split the file."
            raise SpecError([Fault(path, message, hint, line=line, file=self.file)])
        if len(path) > MAX_DEPTH:  # an alias may hold itself
            message = f"expands to more than {MAX_DEPTH} levels"
            raise SpecError([Fault(path[:3], message, line=line, file=self.file)])
        if node.tag not in _TAGS:
            message = f"has the tag {node.tag}; a spec has plain values only"
            self.faults.append(Fault(path, message, "Delete the tag.", line=line, file=self.file))
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        return _scalar(node)

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
            if key == "<<" and key_node.style is None:
                message = "is a merge key, which abtest does not read"
                hint = "Write the merged keys out."
                self.faults.append(Fault(here, message, hint, line=line, file=self.file))
                continue
            if key in data:
                message = f"is written twice, first on line {self.lines[here]}"
                hint = "Keep one of the two."
                self.faults.append(Fault(here, message, hint, line=line, file=self.file))
                continue
            self.lines[here] = line
            data[key] = self.build(value_node, here)
        return data


def _scalar(node: Any) -> Any:  # noqa: ANN401 - any scalar node, any value
    text: str = node.value
    if node.style is not None:  # quoted or block text stays text
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text) if len(text) < 4_000 else text
    return float(text) if _FLOAT.fullmatch(text) else text


def _too_large(file: str) -> Fault:
    message = f"is too large; a spec must be at most {MAX_BYTES:,} bytes"
    return Fault((), message, "Data belong in the files that data.*.path names.", file=file)


def _unreadable(path: Path, error: Exception) -> Fault:
    if isinstance(error, FileNotFoundError):
        hint = "Check the path, or start one with `abtest init NAME --kind messaging`."
        return Fault((), "does not exist", hint, file=str(path))
    if isinstance(error, IsADirectoryError):
        hint = f"Name the file in it: {path / 'experiment.yaml'}."
        return Fault((), "is a folder; it must be a YAML file", hint, file=str(path))
    reason = getattr(error, "strerror", None) or str(error)
    return Fault((), f"cannot be read: {reason.lower()}", file=str(path))
