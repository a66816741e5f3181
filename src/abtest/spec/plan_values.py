"""What of a spec may not move once results can be seen, as one value for each path.

Titles, the owner, where files lie, how they are written and up to when they are complete may move:
no number of the plan changes with them. Everything else is the plan.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from abtest.spec.experiment import Spec

Steps = tuple[str, ...]
Values = dict[str, "JsonValue"]

_MOVABLE = {"spec", "title", "owner"}
# Where a table is and how its text is written; what its columns mean is part of the plan.
_OF_A_FILE = {"path", "table", "decimal", "time", "day_zero", "date_format"}
_OF_DATA = {"as_of", "currency"}
ORDERS = ("variants", "primary")
"""Lists of keys whose order matters; a key that only one of two lists has is told elsewhere."""
_HERE = ""
_PLAIN_STEP = re.compile(r'[^."]+')
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"|[^."]+')


def path_text(steps: Sequence[str]) -> str:
    """A path as one text; a step with a dot in it is quoted.

    >>> path_text(("variants", "10.5%", "weight"))
    'variants."10.5%".weight'
    """
    return ".".join(
        step if _PLAIN_STEP.fullmatch(step) else json.dumps(step, ensure_ascii=False)
        for step in steps
    )


def steps_of(path: str) -> Steps:
    """The steps of a path, from its text.

    >>> steps_of('variants."10.5%".weight')
    ('variants', '10.5%', 'weight')
    """
    return tuple(json.loads(step) if step.startswith('"') else step for step in _STEP.findall(path))


def plan_values(spec: Spec) -> Values:
    """Every value of the plan by its path, defaults filled in; what is null is not there."""
    return _values(spec, spec.to_dict())


def stated_paths(spec: Spec) -> set[str]:
    """The paths of values that are not at their default.

    A block that is there although none is the default is stated, also where all in it is at its
    default: ``{kind: permutation}`` is a choice.
    """
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    given = {steps_of(path) for path in _values(spec, _marked(dumped))}
    blocks = {steps[:-1] for steps in given if steps[-1] == _HERE}
    return {
        path
        for path in plan_values(spec)
        if (steps := steps_of(path)) in given
        or any(steps[:length] in blocks for length in range(1, len(steps)))
    }


def _marked(dumped: Any) -> Any:  # noqa: ANN401 - plain data
    """The same with a mark in each block that is empty, so that it is a value too."""
    if isinstance(dumped, dict):
        return {name: _marked(block) for name, block in dumped.items()} or {_HERE: True}
    return [_marked(item) for item in dumped] if isinstance(dumped, list) else dumped


def _values(spec: Spec, given: Mapping[str, Any]) -> Values:
    tree = {name: block for name, block in given.items() if name not in _MOVABLE}
    tree["variants"] = _by_key(tree.get("variants") or (), {"control"})
    tree["metrics"] = _by_key(tree["metrics"], {"title"})
    tree["data"] = _data(tree["data"])
    assignment = dict(tree.get("assignment", {}))
    phases = {phase["from"]: phase for phase in assignment.get("phases", ())}
    tree["assignment"] = {
        **assignment,
        "phases": {start: _without(phase, {"from"}) for start, phase in phases.items()},
        "seed": spec.seed,
    }
    found = {path_text(steps): value for steps, value in _leaves(tree, ())}
    found["variants"] = [variant.key for variant in spec.variants or ()]
    found["primary"] = [metric.key for metric in spec.metrics if metric.role == "primary"]
    if spec.control is not None:
        found["control"] = spec.control.key
    return found


def _by_key(blocks: Sequence[Mapping[str, Any]], left_out: set[str]) -> dict[str, Any]:
    return {block["key"]: _without(block, {"key", *left_out}) for block in blocks}


def _without(block: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in left_out}


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Filters and columns, but not where the tables are."""
    kept = _without(data, _OF_DATA)
    for name, block in kept.items():
        if name == "events":
            kept[name] = {stream: _without(table, _OF_A_FILE) for stream, table in block.items()}
        elif isinstance(block, dict):
            kept[name] = _without(block, _OF_A_FILE)
    return kept


def _leaves(block: Mapping[str, Any], above: Steps) -> Iterator[tuple[Steps, JsonValue]]:
    for name, value in block.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        elif value is not None:
            yield (*above, name), value
