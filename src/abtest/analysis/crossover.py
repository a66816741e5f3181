"""One row per unit, in one variant: a later assignment does not move it (intention to treat)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.counting import count_rows
from abtest.analysis.strata import BLOCK
from abtest.analysis.streams import UNIT, VARIANT
from abtest.errors import AssignmentError, SpecError
from abtest.instants import from_microseconds
from abtest.metrics.base import ANCHOR, ANCHOR_DAY
from abtest.spec.assignable import experiment_of
from abtest.spec.variants import Assignment

if TYPE_CHECKING:
    from abtest.assignment import Experiment
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

LOW, HIGH, _PAIRS = "abtest:low", "abtest:high", "abtest:pairs"
_ROWS = "abtest:rows"
# The hash is computed unit by unit; more crossed units than this are analysed in their first.
MOST_HASHED = 50_000


@dataclass(frozen=True, slots=True)
class OneEach:
    """Every unit in one variant.

    Attributes:
        frame: One row per analysed unit: unit, variant, anchor and its day, block.
        units: Units seen, analysed or not.
        pairs: Pairs of a unit and a variant that was logged for it.
        crossed: Units that were seen in several variants.
        by_hash: Of those, how many are in the variant that the hash gives them.
    """

    frame: nw.LazyFrame[Any]
    units: int
    pairs: int
    crossed: int = 0
    by_hash: int = 0


def one_variant_each(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], rows: int) -> OneEach:
    """Find each unit's variant.

    A unit that was seen in several is analysed in the one that the hash gives it, where the spec
    says how the hash splits (its ``assignment`` says more than the defaults) and that variant was
    logged for it; else in the first.

    Args:
        spec: The experiment.
        engine: Where the frame is.
        frame: Assignments: unit, variant, anchor and its day, and the block of a stratified split.
        rows: How many there are.
    """
    columns = [UNIT, VARIANT, ANCHOR, ANCHOR_DAY]
    if spec.assignment.stratify is not None:
        columns.append(BLOCK)
    if count_rows(engine, frame.select(UNIT).unique()) == rows:
        return OneEach(frame.select(columns), rows, rows)
    seen = engine.materialize(variants_of(frame, *columns[2:]))
    n_units, n_crossed, pairs = count_units(engine, seen)
    single = seen.filter(nw.col(LOW) == nw.col(HIGH)).with_columns(nw.col(LOW).alias(VARIANT))
    analysed, by_hash = single.select(columns), 0
    if n_crossed and spec.data.crossover == "first":
        several = engine.materialize(seen.filter(nw.col(LOW) != nw.col(HIGH)))
        firsts = _first_variant(frame, several)
        hashed = _hashed(spec, engine, frame, several) if n_crossed <= MOST_HASHED else {}
        by_hash = sum(len(ids) for ids in hashed.values())
        for variant, ids in hashed.items():
            there = nw.when(nw.col(UNIT).is_in(ids)).then(nw.lit(variant))
            firsts = firsts.with_columns(there.otherwise(nw.col(VARIANT)).alias(VARIANT))
        analysed = nw.concat([analysed, firsts.select(columns)])
    return OneEach(engine.materialize(analysed), n_units, pairs, n_crossed, by_hash)


def variants_of(frame: nw.LazyFrame[Any], *kept: str) -> nw.LazyFrame[Any]:
    """The first and last variant of each unit by name, how many it has, and its earliest times."""
    columns = [
        nw.col(VARIANT).min().alias(LOW),
        nw.col(VARIANT).max().alias(HIGH),
        nw.col(VARIANT).n_unique().alias(_PAIRS),
    ]
    return frame.group_by(UNIT).agg(*columns, *(nw.col(column).min() for column in kept))


def count_units(engine: Engine, seen: nw.LazyFrame[Any]) -> tuple[int, int, int]:
    """Units, units in several variants, and pairs of a unit and a variant."""
    crossed = nw.when(nw.col(LOW) != nw.col(HIGH)).then(nw.lit(1)).otherwise(nw.lit(0))
    rows = seen.select(crossed.alias("crossed"), _PAIRS)
    sums = [nw.len().alias(_ROWS), nw.col("crossed").sum(), nw.col(_PAIRS).sum()]
    row = engine.collect(rows.select(*sums))[0]
    return int(row[_ROWS]), int(row["crossed"] or 0), int(row[_PAIRS] or 0)


def _first_variant(frame: nw.LazyFrame[Any], several: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The variant of each crossed unit's earliest assignment."""
    logged = frame.select(UNIT, VARIANT, nw.col(ANCHOR).alias("abtest:at"))
    at_first = several.join(logged, on=UNIT, how="inner").filter(
        nw.col("abtest:at") == nw.col(ANCHOR)
    )
    # Two variants at one instant: the name that sorts first, so that runs agree.
    first = at_first.group_by(UNIT).agg(nw.col(VARIANT).min())
    return several.drop(LOW, HIGH, _PAIRS).join(first, on=UNIT, how="inner")


def _hashed(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], several: nw.LazyFrame[Any]
) -> dict[str, list[Any]]:
    """The crossed units whose hash gives a variant that was logged for them, by that variant."""
    experiment = _experiment(spec)
    if experiment is None:
        return {}
    logged = several.select(UNIT, ANCHOR).join(frame.select(UNIT, VARIANT), on=UNIT, how="inner")
    found: dict[str, list[Any]] = {}
    rows = engine.collect(logged.unique())
    variants: dict[Any, set[str]] = {}
    for row in rows:
        variants.setdefault(row[UNIT], set()).add(row[VARIANT])
    for unit, at in sorted({(row[UNIT], int(row[ANCHOR])) for row in rows}):
        variant = _variant(experiment, unit, at)
        if variant in variants[unit]:
            found.setdefault(str(variant), []).append(unit)
    return found


def _experiment(spec: Spec) -> Experiment | None:
    """The split by hash that the spec describes; None where it describes none for single units."""
    # Not by whether the key was written: the same spec with its defaults filled in is the same.
    described = spec.assignment != Assignment()
    if not described or spec.assignment.stratify is not None:
        return None
    # Which variant a unit gets does not depend on the layer or on who has an override.
    alone = spec.assignment.model_copy(update={"layer": None, "overrides": {}})
    try:
        return experiment_of(spec.model_copy(update={"assignment": alone}))
    except SpecError:
        return None


def _variant(experiment: Experiment, unit: str | int, at: int) -> str | None:
    try:
        return experiment.variant(unit, at=from_microseconds(at, "UTC"))
    except AssignmentError:
        return None
