"""Explicit ranges as YAML, and into the last phase of a spec's text with nothing else changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abtest.assignment.formula import SPACE
from abtest.assignment.ranges import size_of
from abtest.errors import AbtestError, SpecError
from abtest.spec.load import draft_document
from abtest.spec.yaml_text import parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.assignment.ranges import Ranges
    from abtest.spec.experiment import Spec

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def ranges_lines(ranges: Mapping[str, Ranges]) -> list[str]:
    """The block to paste into a phase, with each variant's share for people to read.

    >>> for line in ranges_lines({"control": ((0, 2**51),), "coupon": ((2**51, 2**52),)}):
    ...     print(line)
    ranges:  # half-open, of 2**52 = 4503599627370496
      control: [[0, 2251799813685248]]  # 50%
      coupon: [[2251799813685248, 4503599627370496]]  # 50%
    """
    lines = [f"ranges:  # half-open, of 2**52 = {SPACE}"]
    for name, own in ranges.items():
        lines.append(f"  {_key(name)}: {_pairs(own)}  # {size_of(own) / SPACE * 100:.6g}%")
    return lines


def _pairs(own: Ranges) -> str:
    return str([list(pair) for pair in own])


def _key(name: str) -> str:
    """A variant's name as a YAML key."""
    if _PLAIN.fullmatch(name) and name.lower() not in _WORDS:
        return name
    text: str = yaml.safe_dump(name, default_style='"', allow_unicode=True, width=1_000_000)
    return text.strip()


def with_ranges(text: str, ranges: Mapping[str, Ranges]) -> str:
    """The spec's text with ranges as the first key of its last phase.

    Args:
        text: A valid spec with at least one phase, as written, comments and all.
        ranges: The ranges of each variant.

    Raises:
        AbtestError: The phase has ranges already, or is written in a way (with an anchor) in which
            they cannot be put in.
    """
    phase = _last_phase(yaml.compose(text))
    if any(key.value == "ranges" for key, _ in phase.value):
        raise AbtestError(
            "the last phase of the new spec has ranges already\n"
            "  Hint: delete them first, then write them anew."
        )
    place = phase.start_mark.index
    if phase.flow_style:
        inside = ", ".join(f"{_key(name)}: {_pairs(own)}" for name, own in ranges.items())
        place, added = place + 1, f"ranges: {{{inside}}}, "
    else:
        line = ("\r\n" if "\r\n" in text else "\n") + " " * phase.start_mark.column
        added = line.join([*ranges_lines(ranges), ""])
    written = text[:place] + added + text[place:]
    if _parted(written) != (_parted(text)[0], ranges):
        raise AbtestError(
            "the ranges cannot be put into the spec's text\n"
            "  Hint: leave out -o, and paste what is printed into the phase."
        )
    return written


def _last_phase(node: Any) -> yaml.MappingNode:  # noqa: ANN401 - any YAML node
    for name in ("assignment", "phases"):
        node = next(value for key, value in node.value if key.value == name)
    found: yaml.MappingNode = node.value[-1]
    return found


def _parted(text: str) -> tuple[object, object]:
    """The spec of a text as plain data, and apart from it the ranges of its last phase."""
    try:
        spec: Spec = draft_document(parse_document(text), Path()).require().spec
    except SpecError:
        return None, None
    data = spec.to_dict()
    del data["assignment"]["phases"][-1]["ranges"]
    return data, spec.assignment.phases[-1].ranges
