"""A seed that was chosen among several, put into a spec's text with nothing else changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abtest.errors import AbtestError, SpecError
from abtest.spec.load import draft_document
from abtest.spec.yaml_text import parse_document

if TYPE_CHECKING:
    from abtest.spec.variants import Rerandomised

_REFUSED = AbtestError(
    "the block `assignment` is written in a way in which the seed cannot be put in\n"
    "  Hint: write it plainly, one key a line."
)


def with_seed(text: str, seed: str, chosen: Rerandomised) -> str:
    """The spec's text with the seed and how it was chosen.

    Args:
        text: A valid spec, as written, comments and all.
        seed: The seed.
        chosen: How it was chosen.

    Raises:
        AbtestError: The block is written in a way (with an anchor) in which that cannot be put in.
    """
    record = json.dumps(chosen.model_dump(by_alias=True), ensure_ascii=False)
    lines = {"seed": json.dumps(seed), "rerandomised": record}
    made = _put(text, lines)
    try:
        assignment = draft_document(parse_document(made), Path()).loaded.spec.assignment
    except SpecError as error:
        raise _REFUSED from error
    if assignment.seed != seed or assignment.rerandomised != chosen:
        raise _REFUSED
    return made


def _put(text: str, lines: dict[str, str]) -> str:
    block = _value_of(yaml.compose(text), "assignment")
    if block is None:
        end = "" if text.endswith("\n") else "\n"
        body = "".join(f"  {key}: {value}\n" for key, value in lines.items())
        return f"{text}{end}assignment:\n{body}"
    if not isinstance(block, yaml.MappingNode) or not block.value:
        raise _REFUSED
    found = _value_of(block, "seed")
    if found is None:
        return _insert(text, block, lines)
    # The later place first: what is put in before it moves nothing then.
    before, after = text[: found.start_mark.index], text[found.end_mark.index :]
    replaced = before + lines["seed"] + after
    return _insert(replaced, block, {"rerandomised": lines["rerandomised"]})


def _insert(text: str, block: yaml.MappingNode, lines: dict[str, str]) -> str:
    """Before the block's first key, on lines of their own or within its braces."""
    first = block.value[0][0].start_mark
    gap = ", " if block.flow_style else "\n" + " " * first.column
    new = "".join(f"{key}: {value}{gap}" for key, value in lines.items())
    return text[: first.index] + new + text[first.index :]


def _value_of(node: Any, key: str) -> Any:  # noqa: ANN401 - any YAML node
    if not isinstance(node, yaml.MappingNode):
        raise _REFUSED
    return next((value for name, value in node.value if name.value == key), None)
