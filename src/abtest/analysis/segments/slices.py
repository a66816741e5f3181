"""The units in parts: by the value of an attribute, or by the week in which they entered.

Every part has the same sufficient statistics as the whole, from one pass over the units for each
attribute; what adds up adds up to the whole.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.clusters import in_clusters
from abtest.analysis.counting import count_rows
from abtest.analysis.segments.columns import segment_column
from abtest.analysis.strata import entry_number
from abtest.analysis.streams import VARIANT
from abtest.analysis.summaries import summarize
from abtest.errors import DataError
from abtest.metrics.base import ANCHOR_DAY
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.facts import Facts
    from abtest.analysis.population import Population
    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import Summaries
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

MOST_VALUES = 20
"""An attribute with more is no segment: nobody can read that many parts, and none has units."""
_MARK = "\x1f"  # between a variant and a part; no name has it
PART = "abtest:part"
"""The column of the part that a unit is in."""
_UNITS = "abtest:units"
_ENTRY = "abtest:entry"
_WEEK = 7
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Slice:
    """All units, part by part.

    Attributes:
        name: The attribute.
        assigned: Units of each variant, by the part.
        summaries: The counts and summaries of each part's units.
        by_entry: Units of each variant by the part, under each of the weights that were in force;
            empty where the split was the same for all.
    """

    name: str
    assigned: Mapping[str, Mapping[str, int]]
    summaries: Mapping[str, Summaries]
    by_entry: Mapping[str, Sequence[Mapping[str, int]]] = field(default_factory=dict)


def segments_of(
    spec: Spec, engine: Engine, population: Population, frame: nw.LazyFrame[Any], facts: Facts
) -> tuple[Slice, ...]:
    """The units by each attribute that the spec declares as segments.

    Args:
        spec: The experiment.
        engine: Where the units are.
        population: The units with their attributes.
        frame: The same with their outcomes.
        facts: What made the frame.

    Raises:
        DataError: An attribute has too many values.
    """
    if spec.control is None:
        return ()
    found = []
    for name in dict.fromkeys(spec.analysis.segments):
        column = segment_column(name)
        _refuse_many(name, count_rows(engine, population.frame.select(column).unique()))
        assigned = _assigned(spec, engine, population.frame, column)
        summaries = part_summaries(
            spec, engine, frame.rename({column: PART}), facts, list(assigned)
        )
        by_entry = _by_entry(spec, engine, population, column)
        found.append(Slice(name, assigned, summaries, by_entry))
    return tuple(found)


def entry_weeks(
    spec: Spec,
    engine: Engine,
    days: Mapping[int, Mapping[str, int]],
    frame: nw.LazyFrame[Any],
    facts: Facts,
) -> Slice | None:
    """The units by the week in which they entered, with the primary shares and means.

    Args:
        spec: The experiment.
        engine: Where the units are.
        days: Units of each variant by the day on which they entered.
        frame: The units with their outcomes and their day of entry.
        facts: What made the frame.

    Returns:
        The parts, longer than a week where there would be more than 20; None for one part.
    """
    if spec.control is None or spec.cluster is not None or not days:
        return None
    first = (min(days) + _MONDAY) // _WEEK
    weeks = (max(days) + _MONDAY) // _WEEK - first + 1
    length = _WEEK * -(-weeks // MOST_VALUES)
    if weeks == 1:
        return None
    start = first * _WEEK - _MONDAY
    assigned: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day, counts in sorted(days.items()):
        for variant, n in counts.items():
            assigned[str((day - start) // length)][variant] += n
    part = ((nw.col(ANCHOR_DAY) - start) // length).cast(nw.Int64).cast(nw.String)
    parts = frame.with_columns(part.alias(PART))
    return Slice(
        "entry week",
        assigned,
        part_summaries(spec, engine, parts, facts, list(assigned), main=True),
    )


def units_by_day(engine: Engine, population: Population) -> dict[int, dict[str, int]]:
    """Units of each variant by their local day of assignment; empty where there are no times."""
    if ANCHOR_DAY not in population.frame.collect_schema().names():
        return {}
    counted = population.frame.group_by(VARIANT, ANCHOR_DAY).agg(nw.len().alias(_UNITS))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in engine.collect(counted):
        found[int(row[ANCHOR_DAY])][row[VARIANT]] = int(row[_UNITS])
    return dict(sorted(found.items()))


def _assigned(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], column: str
) -> dict[str, dict[str, int]]:
    rows = engine.collect(frame.group_by(VARIANT, column).agg(nw.len().alias(_UNITS)))
    counts = {(str(row[column]), row[VARIANT]): int(row[_UNITS]) for row in rows}
    keys = [variant.key for variant in spec.variants or ()]
    values = sorted({value for value, _ in counts})
    return {value: {key: counts.get((value, key), 0) for key in keys} for value in values}


def _by_entry(
    spec: Spec, engine: Engine, population: Population, column: str
) -> dict[str, list[dict[str, int]]]:
    """The same under each of the weights that were in force."""
    if not population.by_entry:
        return {}
    number = entry_number(spec).alias(_ENTRY)
    found: dict[str, list[dict[str, int]]] = {}
    for place in range(len(population.by_entry)):
        entered = population.frame.with_columns(number).filter(nw.col(_ENTRY) == place)
        for value, counts in _assigned(spec, engine, entered, column).items():
            nobody = [dict.fromkeys(counts, 0) for _ in population.by_entry]
            found.setdefault(value, nobody)[place] = counts
    return found


def part_summaries(  # noqa: PLR0913 - one part of the units, and what to find out of it
    spec: Spec,
    engine: Engine,
    frame: nw.LazyFrame[Any],
    facts: Facts,
    parts: Sequence[str],
    *,
    main: bool = False,
) -> dict[str, Summaries]:
    """Summaries by part: each variant of each part is summarised as if it were a variant.

    Args:
        spec: The experiment.
        engine: Where the units are.
        frame: The units with their outcomes, and their part in the column ``PART``.
        facts: What made the frame.
        parts: The names of the parts.
        main: Whether only the primary shares and means are wanted, as they are.
    """
    variants = [variant.key for variant in spec.variants or ()]
    declared = {metric.key for metric in spec.metrics}
    readings = [
        reading
        for reading in facts.readings
        if reading.metric.key in declared and (not main or _is_main(reading))
    ]
    if not readings:
        return {part: {} for part in parts}
    name = nw.concat_str([nw.col(VARIANT), nw.col(PART)], separator=_MARK)
    named = [f"{variant}{_MARK}{part}" for part in parts for variant in variants]
    split, wish = frame.with_columns(name.alias(VARIANT)), facts.wish(named)
    wish = replace(wish, history=None, stratified=False) if main else wish
    found = summarize(engine, split, readings, wish)
    if spec.cluster is not None:
        found = in_clusters(engine, split, readings, found, facts.history)
    return {
        part: {
            (reading.name, variant): found.summaries[reading.name, f"{variant}{_MARK}{part}"]
            for reading in readings
            for variant in variants
        }
        for part in parts
    }


def _is_main(reading: Reading) -> bool:
    """Whether it is the main reading of a primary share or mean."""
    metric = reading.metric
    is_plain = reading.summary in (Proportion, Moments) and reading.name == metric.key
    return is_plain and metric.role == "primary"


def _refuse_many(name: str, values: int) -> None:
    if values > MOST_VALUES:
        raise DataError(
            f"segment {name} has {values:,} different values; it must have at most {MOST_VALUES}",
            "Group them in the table of units, such as ages as young, middle and old.",
        )
