"""When in a week people buy, as a clock that runs faster when they buy more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WEEK = 7.0  # days
# Monday to Sunday, and the hours of a day from midnight: relative rates of buying.
_DAYS = np.array([1.0, 0.9, 0.9, 1.0, 1.15, 1.25, 1.1])
_HOURS = np.array(
    [2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 6, 6, 6, 6, 7, 8, 10, 10, 9, 6, 4], dtype=np.float64
)


def _cumulative() -> tuple[Floats, Floats]:
    """The time in a week, in days, and the clock's time at each; both from 0 to 7."""
    rates = np.outer(_DAYS, _HOURS).ravel()
    grid = np.linspace(0, WEEK, len(rates) + 1)
    clock = np.concatenate([[0.0], np.cumsum(rates)])
    return grid, clock * (WEEK / clock[-1])


_GRID, _CLOCK = _cumulative()


def to_clock(days: Floats) -> Floats:
    """The clock at a time in days since a Monday's midnight; a whole week is seven on both."""
    weeks = np.floor(days / WEEK)
    return np.asarray(weeks * WEEK + np.interp(days - weeks * WEEK, _GRID, _CLOCK))


def from_clock(clock: Floats) -> Floats:
    """The time in days at which the clock shows so much."""
    weeks = np.floor(clock / WEEK)
    return np.asarray(weeks * WEEK + np.interp(clock - weeks * WEEK, _CLOCK, _GRID))
