"""What a calibration suite is made of: cells, their tallies, and what those are held against."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from zlib import crc32

import numpy as np

Band = Literal["within", "at_most", "at_least", "shown"]
SEED = 2026


class Tally(NamedTuple):
    """Something counted or measured over replications; tallies of batches add up.

    Attributes:
        total: Hits, or the sum of what was measured.
        trials: Of how many (not every replication need count).
        squares: Sum of squares of what was measured; None for hits, whose error follows from the
            nominal rate.
    """

    total: float
    trials: float
    squares: float | None = None

    @property
    def rate(self) -> float | None:
        """Share of hits, or mean; None where nothing was counted."""
        return self.total / self.trials if self.trials else None


def hits(found: Any) -> Tally:
    """How many of an array of truths hold."""
    array = np.asarray(found, dtype=bool)
    return Tally(float(array.sum()), float(array.size))


def values(found: Any) -> Tally:
    """The mean of an array of numbers, with what its Monte Carlo error needs."""
    array = np.asarray(found, dtype=float)
    return Tally(float(array.sum()), float(array.size), float((array**2).sum()))


def added(one: Tally, other: Tally) -> Tally:
    """Two batches as one."""
    squares = None if one.squares is None else one.squares + (other.squares or 0.0)
    return Tally(one.total + other.total, one.trials + other.trials, squares)


@dataclass(frozen=True)
class Claim:
    """What a tally is held against.

    Attributes:
        tally: Its name among what ``simulate`` returns; a column of the table.
        nominal: What is promised.
        band: `within` three Monte Carlo standard errors, `at_most` or `at_least` the nominal value
            but for three of them, or only `shown`.
    """

    tally: str
    nominal: float = float("nan")
    band: Band = "shown"


Simulate = Callable[[np.random.Generator, int], Mapping[str, Tally | tuple[float, float]]]


@dataclass(frozen=True)
class Cell:
    """One setting of a suite, replicated.

    Attributes:
        suite: For example `S1`.
        settings: What is set, unique within the suite; columns of the table, and the seed.
        repeats: Replications of the full run.
        simulate: ``(generator, replications)`` to tallies by name, through the shipped code. A
            function of a module, or a partial of one: it is run in other processes.
        claims: What the tallies are held against.
        batch: Replications of one call of ``simulate``; a stopped run resumes between batches.
        fast: Replications of the fast slice in `make test`; 0 leaves it out.
    """

    suite: str
    settings: Mapping[str, str | int | float]
    repeats: int
    simulate: Simulate
    claims: tuple[Claim, ...]
    batch: int = 1000
    fast: int = 0

    @property
    def key(self) -> str:
        """What names the cell in the store and gives its seed."""
        return f"{self.suite} {json.dumps(dict(self.settings), sort_keys=True)}"

    @property
    def batches(self) -> int:
        """In how many calls the full run is made."""
        return -(-self.repeats // self.batch)

    def run_batch(self, place: int, repeats: int | None = None) -> dict[str, Tally]:
        """One call of ``simulate``, always with the same numbers for the same place."""
        rng = np.random.default_rng([SEED, crc32(self.key.encode()), place])
        left = self.repeats - (place % self.batches) * self.batch
        found = self.simulate(rng, repeats or min(self.batch, left))
        return {name: Tally(*tally) for name, tally in found.items()}
