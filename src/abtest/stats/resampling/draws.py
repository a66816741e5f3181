"""What the bootstrap and the permutation test share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DISTINCT = 512  # more distinct values than that are drawn in bins
BINS = 256  # with what varies within added: finer ones change nothing that can be measured
_CELLS = 2_000_000  # counts held in memory at a time


@dataclass(frozen=True, slots=True)
class Resampling:
    """How often to resample, and from which seed.

    Attributes:
        resamples: How many resamples, at least 1.
        seed: The seed of the generator, at least 0: the same seed gives the same bytes.

    Raises:
        ValueError: One is below that.
    """

    resamples: int
    seed: int

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}; it must be at least 1.")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be at least 0.")

    def generator(self) -> np.random.Generator:
        """A new generator; the bit generator is named, so that numpy may change its default."""
        return np.random.Generator(np.random.PCG64(self.seed))


def chunks(resamples: int, cells: int) -> Iterator[int]:
    """Sizes that add up to all resamples and fit into memory, with so many cells to each.

    Example:
        >>> sum(chunks(10_000, 1024)), max(chunks(10_000, 1024))
        (10000, 1953)
    """
    at_a_time = max(1, _CELLS // max(cells, 1))
    for start in range(0, resamples, at_a_time):
        yield min(at_a_time, resamples - start)


def most_beyond(resamples: int, alpha: float) -> int:
    """The most resamples b beyond a point with (b + 1) / (resamples + 1) < alpha.

    Args:
        resamples: How many resamples.
        alpha: The error rate, between 0 and 1.

    Returns:
        The number; -1 where there are too few resamples for such an alpha.

    Example:
        >>> most_beyond(999, 0.05), most_beyond(10, 0.01)
        (48, -1)
    """
    most = math.ceil(alpha * (resamples + 1)) - 2
    while (most + 2) / (resamples + 1) < alpha:  # where the product was rounded
        most += 1
    while most >= 0 and (most + 1) / (resamples + 1) >= alpha:
        most -= 1
    return max(most, -1)
