"""Contribution by declared segment and half of the customers, as sums per variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.segments.columns import segment_column
from abtest.analysis.streams import UNIT, VARIANT
from abtest.analysis.summaries import Wish, summarize
from abtest.stats.adjustment.co_moments import Columns
from abtest.stats.moments import Moments

if TYPE_CHECKING:
    from abtest.analysis.population import Population
    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import MetricCounts
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

HALF = "abtest:half"
HALVES = 2
_MARK = "\x1f"  # between a variant, a half and a segment; no name has it

ByStratum = Mapping[str, Moments]


@dataclass(frozen=True, slots=True)
class HalvedSegments:
    """The contribution of one attribute's segments.

    Attributes:
        name: The attribute.
        values: Its values: the segments.
        moments: Contribution by half, segment and variant, in its strata.
    """

    name: str
    values: tuple[str, ...]
    moments: Mapping[tuple[int, str, str], ByStratum]


def with_halves(spec: Spec, engine: Engine, population: Population) -> Population:
    """The units with the half that each is in, where segments are declared and units have ids.

    The half is a hash of the id with a salt of its own, so that it has nothing to do with the
    variant, and is the same on every engine and in every order of rows.
    """
    named = UNIT in population.frame.collect_schema().names()
    if not spec.analysis.segments or not named:
        return population
    frame = engine.halved(population.frame, UNIT, f"{spec.key}:half:", HALF)
    return replace(population, frame=frame, carried=(*population.carried, HALF))


def halved_segments(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], reading: Reading, population: Population
) -> tuple[HalvedSegments, ...]:
    """The contribution by segment and half; nothing where there are no halves.

    Args:
        spec: The experiment.
        engine: Where the units are.
        frame: One row per unit, computed, with its contribution.
        reading: Which reading is the contribution.
        population: The units, with their halves.
    """
    if HALF not in population.carried:
        return ()
    variants = [variant.key for variant in spec.variants or ()]
    segments = []
    for name in dict.fromkeys(spec.analysis.segments):
        column = segment_column(name)
        rows = engine.collect(frame.select(column).unique())
        values = tuple(sorted(str(row[column]) for row in rows))
        places = [(h, v, key) for h in range(HALVES) for v in values for key in variants]
        named = {place: _MARK.join((place[2], str(place[0]), place[1])) for place in places}
        parts = [nw.col(VARIANT), nw.col(HALF).cast(nw.String), nw.col(column)]
        split = frame.with_columns(nw.concat_str(parts, separator=_MARK).alias(VARIANT))
        history = Columns((reading.name,))
        wish = Wish(list(named.values()), history, stratified=population.stratified)
        found = summarize(engine, split, [reading], wish).summaries
        moments = {place: _moments(found[reading.name, key]) for place, key in named.items()}
        segments.append(HalvedSegments(name, values, moments))
    return tuple(segments)


def _moments(counts: MetricCounts) -> ByStratum:
    return {
        stratum: Moments(part.n, part.means[0], part.products[0][0])
        for stratum, part in counts.parts.items()
    }
