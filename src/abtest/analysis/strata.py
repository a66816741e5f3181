"""Strata of the split: blocks that were dealt out evenly, or phases with other weights.

Customers who entered while the split was 50:50 may differ from those who entered at 80:20; pooled,
the difference between the two times would look like an effect of the variant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from abtest.instants import parse_instant, to_microseconds
from abtest.metrics.base import ANCHOR
from abtest.spec.cells import weights_of

if TYPE_CHECKING:
    from abtest.spec import Spec

STRATUM, BLOCK = "stratum", "block"
SPLIT_NUMBER = "split "


def is_stratified(spec: Spec) -> bool:
    """Whether units have to be compared within strata."""
    return spec.assignment.stratify is not None or len(entry_weights(spec)) > 1


def entry_weights(spec: Spec) -> list[tuple[int | None, dict[str, int]]]:
    """From when on which weights were in force: the first since ever, which is None.

    A phase that changes coverage only moves nobody between variants and starts nothing new.
    """
    found: list[tuple[int | None, dict[str, int]]] = [(None, weights_of(spec))]
    for phase in spec.assignment.phases:
        weights = phase.weights or found[-1][1]
        if _shares(weights) != _shares(found[-1][1]):
            start = to_microseconds(parse_instant(phase.from_, spec.schedule.timezone))
            found.append((start, weights))
    return found


def _shares(weights: dict[str, int]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def entry_number(spec: Spec) -> nw.Expr:
    """Under which of `entry_weights` a unit was assigned, from 0."""
    number = nw.lit(0)
    for place, (start, _) in enumerate(entry_weights(spec)[1:], start=1):
        later = nw.col(ANCHOR) >= (start or 0)
        number = nw.when(later).then(nw.lit(place)).otherwise(number)
    return number


def stratum(spec: Spec) -> nw.Expr:
    """A unit's stratum as text: under which weights it was assigned, and its block if any."""
    split = nw.concat_str([nw.lit(SPLIT_NUMBER), (entry_number(spec) + 1).cast(nw.String)])
    if spec.assignment.stratify is None:
        return split
    return nw.concat_str([split, nw.coalesce(nw.col(BLOCK), nw.lit("(missing)"))], separator=", ")


def split_of(name: str) -> str:
    """Under which weights the units of a stratum were assigned.

    >>> split_of("split 2, north, east")
    'split 2'
    """
    return name.partition(", ")[0]
