"""Whether the segments differ: the interaction tests, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, listed, named, tell

if TYPE_CHECKING:
    from abtest.analysis.result import Result


def build_interactions(result: Result) -> tuple[str, ...]:
    """One sentence for each test of whether the effect differs between segments."""
    found = (one for one in result.sensitivity if one.get("reading") == "segment_interaction")
    return tuple(map(_sentence, found))


def _sentence(found: dict[str, Any]) -> str:
    told = _(
        "{metric}, {variant}: does the effect differ by {segment}? p-value {pvalue}",
        metric=named(found.get("metric")),
        variant=named(found.get("variant")),
        segment=named(found.get("segment")),
        pvalue=numbers.pvalue(found.get("pvalue")),
    )
    adjusted = found.get("pvalue_adjusted")
    parts = [told, *map(tell, found.get("notes") or ())]
    if adjusted is not None:
        parts.insert(1, _("adjusted {number}", number=numbers.pvalue(adjusted)))
    return listed(parts)
