"""Exact unconditional tests of two proportions: the most unfavourable common rate decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.summaries import Proportion

Floats = npt.NDArray[np.float64]
Tables = npt.NDArray[np.bool_]

MAX_UNITS = 400  # in all; half a second
_GRID = 1000  # common rates at which the maximum is looked for first
_PEAKS = 5  # of which so many are refined
_ZOOMS = 5  # each narrows the search tenfold
_TIE = 1e-12  # of two maxima as high as that, the one at the lower rate is named


@dataclass(frozen=True, slots=True)
class ExactTest:
    """An exact unconditional test.

    Attributes:
        pvalue: Two-sided: the largest probability, over common rates, of a table as extreme.
        rate: The common rate where it is the largest, the lower one of two; None where every table
            is as extreme as the one seen.
    """

    pvalue: float
    rate: float | None


def check_size(control: Proportion, treatment: Proportion) -> None:
    """Raise ValueError where a table is too large to enumerate all others of its size."""
    units = control.n + treatment.n
    if units > MAX_UNITS:
        raise ValueError(
            f"there are {units:,} units; there must be at most {MAX_UNITS:,}. "
            "Use miettinen_nurminen, which is as good then."
        )


def largest_probability(extreme: Tables) -> ExactTest:
    """The probability of the tables, at the common rate where it is largest.

    Args:
        extreme: Which tables are as extreme as the one seen; [events of control, of treatment].

    Returns:
        The test.

    Example:
        >>> largest_probability(np.eye(2, dtype=bool)).pvalue
        1.0
    """
    if extreme.all():
        return ExactTest(1.0, None)
    rates = np.linspace(0, 1, _GRID + 1)
    found = _probability(extreme, rates)
    best, rate = 0.0, 0.0
    for peak in _peaks(found):
        centre, width = float(rates[peak]), 1 / _GRID
        for _ in range(_ZOOMS):
            near = np.clip(np.linspace(centre - width, centre + width, 21), 0, 1)
            around = _probability(extreme, near)
            centre, width = float(near[np.argmax(around)]), width / 10
        highest = float(around.max())
        if highest > best * (1 + _TIE):
            best, rate = highest, centre
    return ExactTest(min(best, 1.0), rate)


def _peaks(found: Floats) -> list[int]:
    """The highest of the points that no neighbour exceeds, from left to right."""
    walls = np.concatenate(([-1.0], found, [-1.0]))
    places = np.flatnonzero((found >= walls[:-2]) & (found >= walls[2:]))
    highest = places[np.argsort(found[places], kind="stable")[-_PEAKS:]]
    return sorted(highest.tolist())


def _probability(extreme: Tables, rates: Floats) -> Floats:
    n_c, n_t = (size - 1 for size in extreme.shape)
    given: Floats = _binomial(n_c, rates) @ extreme.astype(np.float64)
    return np.asarray((given * _binomial(n_t, rates)).sum(axis=1), dtype=np.float64)


def _binomial(n: int, rates: Floats) -> Floats:
    """Binomial probabilities, one row per rate."""
    k = np.arange(n + 1)
    coefficients = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    rate = rates[:, np.newaxis]
    logs = coefficients + special.xlogy(k, rate) + special.xlog1py(n - k, -rate)
    return np.asarray(np.exp(logs), dtype=np.float64)
