"""The attributes of units that a spec asks to look at separately, as columns of a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.sources.wanted import Wanted

if TYPE_CHECKING:
    from abtest.spec import Spec

NO_VALUE = "(missing)"
"""The segment of units without a value: they too were split, and may differ from the others."""


def segment_column(name: str) -> str:
    """The column of a segment, which may be called like a column of ours."""
    return f"segment@{name}"


def segment_columns(spec: Spec) -> list[Wanted]:
    """The columns of data.units that the spec names as segments, each once."""
    if spec.data.units is None:
        return []
    names = dict.fromkeys(spec.analysis.segments)
    return [Wanted(segment_column(name), name, "text") for name in names]


def with_named_values(spec: Spec, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The frame with a name for what is missing in these columns."""
    columns = segment_columns(spec)
    named = [nw.coalesce(nw.col(w.name), nw.lit(NO_VALUE)).alias(w.name) for w in columns]
    return frame.with_columns(*named) if named else frame
