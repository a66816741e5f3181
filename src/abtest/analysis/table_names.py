"""What messages call a table: the file or the frame that was read, whatever the spec names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.spec import Spec


def as_given(spec: Spec, data: Mapping[str, Any]) -> Spec:
    """The spec with the paths of the tables that were passed by hand, for messages.

    The engine reads these tables by name and not by path, so that nothing else changes.

    Args:
        spec: The experiment.
        data: Tables that are used instead of the spec's paths, by name.

    Example:
        >>> from abtest.spec import load_spec
        >>> spec = load_spec("experiments/2026_03_reorder_reminder/experiment.yaml").spec
        >>> as_given(spec, {"orders": "late.csv"}).data.events["orders"].path
        'late.csv'
    """
    if not data:
        return spec
    block = spec.data
    events = {
        name: table.model_copy(update={"path": _name(name, data[name])}) if name in data else table
        for name, table in block.events.items()
    }
    others = {
        name: table.model_copy(update={"path": _name(name, data[name])})
        for name in ("assignments", "units", "totals", "moments")
        if name in data and hasattr(table := getattr(block, name), "path")
    }
    return spec.model_copy(update={"data": block.model_copy(update={"events": events, **others})})


def _name(name: str, given: object) -> str:
    return str(given) if isinstance(given, str | Path) else f"data[{name!r}]"
