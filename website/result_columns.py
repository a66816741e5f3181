"""The page of what a result holds, from the docstrings of its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis import result
from docstrings import entries, plain, sections
from tables import code, table

if TYPE_CHECKING:
    from pydantic import BaseModel

HEAD = """# What a result holds

`abtest analyze SPEC --format json` writes one document, `abtest-result/v1`; `--format csv` and
`Result.to_pandas()` write its records, one row each, with the columns below in this order. What
is absent is `null` (an empty cell), never NaN and never 0, and then `notes` says why. Lifts are
relative: 0.05 is +5%. Differences are treatment minus control, in the unit of the metric.
"""

PARTS = {
    "Record": "A record: the columns",
    "Result": "The document",
    "Decision": "The decision",
    "Check": "A health check",
    "WaterfallStep": "A step of the waterfall",
    "VariantEstimate": "A variant's own value",
    "PlanLock": "The frozen plan",
    "PlanChange": "A change of the plan",
}


def page() -> str:
    """The page."""
    return "\n".join([HEAD, *(_part(name, title) for name, title in PARTS.items())])


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the class says of each of its fields."""
    return entries(sections(model.__doc__).get("Attributes", ""))


def _part(name: str, title: str) -> str:
    model = getattr(result, name)
    said = meanings(model)
    rows = [
        (code("schema" if field == "schema_" else field), _type(info.annotation), said[field])
        for field, info in model.model_fields.items()
    ]
    about = plain(sections(model.__doc__)[""])
    return f"## {title}\n\n{about}\n\n{table(('column', 'type', 'meaning'), rows)}\n"


def _type(annotation: object) -> str:
    words = str(annotation) if not isinstance(annotation, type) else annotation.__name__
    if "Literal[" in words:
        inside = words.split("Literal[", 1)[1].split("]", 1)[0]
        return ", ".join(code(word.strip(" '")) for word in inside.split(","))
    for known, shown in (("tuple", "list"), ("dict", "mapping"), ("str", "text")):
        if known in words:
            return shown
    for known, shown in (("bool", "true or false"), ("int", "whole number"), ("float", "number")):
        if known in words:
            return shown
    return "mapping"
