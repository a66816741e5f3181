"""How a spec differs from a plan, value by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.spec.plan_values import ORDERS, path_text, plan_values, stated_paths, steps_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from abtest.spec.experiment import Spec
    from abtest.spec.plan_values import Values


@dataclass(frozen=True, slots=True)
class Change:
    """One value, before and after; None where there was, or is, none."""

    before: JsonValue = None
    after: JsonValue = None


def changes_of(
    plan: Values, spec: Spec, beside: Mapping[str, JsonValue] | None = None
) -> dict[str, Change]:
    """Every value that differs, by its path.

    A value that the plan does not know and that is at its default is no difference: a newer
    version has more defaults.

    Args:
        plan: The values that hold, as ``plan_values`` gives them.
        spec: The spec as it is now.
        beside: Values that files beside the spec have now; a plan that does not know them is older.
    """
    now = {**plan_values(spec), **(beside or {})}
    new = stated_paths(spec) - plan.keys()
    blocks = {_whole(path, plan) for path in new}  # what is new has its defaults too
    known = {
        path: value
        for path, value in now.items()
        if path in plan or path in new or _whole(path, plan) in blocks
    }
    return between(plan, known)


def changed(plan: Values, changes: Mapping[str, Change]) -> Values:
    """The plan after these changes."""
    after = {path: change.after for path, change in changes.items()}
    return {path: value for path, value in {**plan, **after}.items() if value is not None}


def between(before: Values, after: Values) -> dict[str, Change]:
    """Every value that differs between two plans."""
    return {
        path: Change(before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if not _same(path, before.get(path), after.get(path))
    }


def in_blocks(changes: Mapping[str, Change], before: Values) -> dict[str, Change]:
    """The changes for people to read: a block that came or went whole is one change.

    Args:
        changes: The changes, value by value.
        before: The plan that they start from.
    """
    after = changed(before, changes)
    found: dict[str, Change] = {}
    for path, change in changes.items():
        if change.before is not None and change.after is not None:
            found[path] = change
            continue
        lacking = before if change.before is None else after
        block = _whole(path, lacking)
        found[block] = Change(_block(block, before), _block(block, after))
    return found


def _whole(path: str, lacking: Values) -> str:
    """The outermost block around a path of which one of the plans has nothing."""
    steps = steps_of(path)
    others = [steps_of(other) for other in lacking if other not in ORDERS]
    for length in range(1, len(steps)):
        block = steps[:length]
        if not any(other[:length] == block for other in others):
            return path_text(block)
    return path


def _block(path: str, plan: Values) -> JsonValue:
    """The value at a path, or all values below it."""
    if path in plan:
        return plan[path]
    steps = steps_of(path)
    below = {
        path_text(inner[len(steps) :]): value
        for inner, value in ((steps_of(other), value) for other, value in plan.items())
        if inner[: len(steps)] == steps
    }
    return below or None


def _same(path: str, before: JsonValue, after: JsonValue) -> bool:
    if path in ORDERS and isinstance(before, list) and isinstance(after, list):
        return [key for key in before if key in after] == [key for key in after if key in before]
    return before == after and isinstance(before, bool) == isinstance(after, bool)
