"""Several rows of one unit, such as the weeks of a store, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.counting import count_rows
from abtest.analysis.streams import UNIT, VARIANT
from abtest.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.sources.engine import Engine
    from abtest.sources.wanted import Wanted


def averaged(
    engine: Engine, frame: nw.LazyFrame[Any], outcomes: Sequence[Wanted], path: str
) -> nw.LazyFrame[Any]:
    """One row per unit and variant, with the mean of each column over its rows that have a value.

    Rows that are alike are different weeks that came out alike: none is dropped as a copy.

    Args:
        engine: Where the frame is.
        frame: Rows with a unit, a variant and perhaps a block, a stratum or a cluster.
        outcomes: The columns that are averaged.
        path: The file, for messages.

    Raises:
        DataError: A unit is in two blocks or clusters.
    """
    means = [want.name for want in outcomes]
    fixed = [name for name in frame.collect_schema().names() if name not in means]
    units = engine.materialize(frame.group_by(*fixed).agg(*(nw.col(name).mean() for name in means)))
    keys = [name for name in fixed if name in (UNIT, VARIANT)]
    if len(keys) < len(fixed):
        alone = count_rows(engine, units.select(*keys).unique())
        moved = count_rows(engine, units) - alone
        if moved:
            raise DataError(
                f"{path}: {moved:,} units have rows in more than one block or cluster",
                "A unit belongs to one, and keeps it.",
            )
    return units
