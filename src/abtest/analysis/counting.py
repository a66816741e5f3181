"""How many rows a frame has, in all and per value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.streams import VARIANT

if TYPE_CHECKING:
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

_ROWS = "abtest:rows"


def count_rows(engine: Engine, frame: nw.LazyFrame[Any]) -> int:
    """How many rows there are."""
    return int(engine.collect(frame.select(nw.len().alias(_ROWS)))[0][_ROWS])


def count_by(engine: Engine, frame: nw.LazyFrame[Any], column: str) -> dict[str, int]:
    """Rows per value of a column of text; rows without one are under the empty text."""
    rows = engine.collect(frame.group_by(column).agg(nw.len().alias(_ROWS)))
    return {"" if row[column] is None else row[column]: int(row[_ROWS]) for row in rows}


def count_variants(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any]) -> dict[str, int]:
    """Rows per variant of the spec, in its order; 0 for one that has none."""
    counts = count_by(engine, frame, VARIANT)
    return {variant.key: counts.get(variant.key, 0) for variant in spec.variants or ()}
