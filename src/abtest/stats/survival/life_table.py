"""How long units were followed, and how it ended: all that survival methods need to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LifeTable:
    """Counts of events and of censored units at each distinct time, for one variant.

    A censored unit was followed until its time without an event. At equal times events come
    first: a unit censored at t is still at risk of the events at t.

    Attributes:
        times: Distinct times since the anchor, ascending, finite and not negative; in any unit,
            such as days, which must be the same for all variants.
        events: Units with their event at each time.
        censored: Units whose follow-up ended at each time without an event.
    """

    times: tuple[float, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            ValueError: They differ in length, times do not ascend or a count is negative.
        """
        if not len(self.times) == len(self.events) == len(self.censored):
            raise ValueError(
                f"the life table has {len(self.times)} times, {len(self.events)} counts of events "
                f"and {len(self.censored)} of censored units; all must have one length."
            )
        times = np.array(self.times, dtype=np.float64)
        if not (np.isfinite(times).all() and (np.diff(times) > 0).all() and (times >= 0).all()):
            raise ValueError(
                "the life table's times must be finite, not negative and ascending, each once."
            )
        if min(self.events, default=0) < 0 or min(self.censored, default=0) < 0:
            raise ValueError("the life table has a negative count; counts must be 0 or more.")

    @classmethod
    def of(cls, durations: Sequence[float], observed: Sequence[bool]) -> LifeTable:
        """The life table of units given one by one.

        Args:
            durations: How long each unit was followed, or the time of its event.
            observed: Whether that time is an event; otherwise the unit is censored.

        Returns:
            The life table.

        Raises:
            ValueError: The two differ in length, or a duration is negative or no number.

        Example:
            >>> LifeTable.of([3, 1, 3], [True, False, False])
            LifeTable(times=(1.0, 3.0), events=(0, 1), censored=(1, 1))
        """
        times = np.asarray(durations, dtype=np.float64)
        events = np.asarray(observed, dtype=bool)
        if times.shape != events.shape:
            raise ValueError(
                f"there are {times.size} durations and {events.size} flags of events; "
                "each unit must have both."
            )
        return _gathered(times, events.astype(np.int64), (~events).astype(np.int64))

    @classmethod
    def empty(cls) -> LifeTable:
        """The life table of nobody: what a sum starts from."""
        return cls((), (), ())

    def __add__(self, other: LifeTable) -> LifeTable:
        return _gathered(
            np.array(self.times + other.times, dtype=np.float64),
            np.array(self.events + other.events, dtype=np.int64),
            np.array(self.censored + other.censored, dtype=np.int64),
        )

    @property
    def n(self) -> int:
        """Units in the table."""
        return sum(self.events) + sum(self.censored)

    @property
    def last(self) -> float | None:
        """The longest time in the table; None where it is empty."""
        return self.times[-1] if self.times else None

    def at_risk(self) -> Floats:
        """Units still followed and without an event just before each time."""
        leaving = np.array(self.events, dtype=np.float64) + np.array(self.censored, np.float64)
        at_risk: Floats = leaving.sum() - (np.cumsum(leaving) - leaving)
        return at_risk

    def truncated(self, end: float) -> LifeTable:
        """The same units watched through the half-open window [0, end).

        Who is still without an event at ``end`` is censored there; what happens at ``end`` or later
        is not seen. The curve of the result at ``end`` is thus the share with an event *before*
        ``end``, which is how windows count.

        Args:
            end: The window's end, in the table's unit of time, above 0.

        Returns:
            The shorter life table.

        Example:
            >>> LifeTable((1.0, 7.0, 9.0), (1, 1, 1), (0, 0, 2)).truncated(7.0)
            LifeTable(times=(1.0, 7.0), events=(1, 0), censored=(0, 4))
        """
        cut = int(np.searchsorted(np.array(self.times), end, side="left"))
        rest = sum(self.events[cut:]) + sum(self.censored[cut:])
        if not rest:
            return self
        return LifeTable(
            (*self.times[:cut], float(end)), (*self.events[:cut], 0), (*self.censored[:cut], rest)
        )


def common_horizon(tables: Iterable[LifeTable]) -> float | None:
    """The longest time that every variant is followed for; None where one has no units.

    Example:
        >>> common_horizon([LifeTable((5.0,), (1,), (0,)), LifeTable((4.0,), (1,), (0,))])
        4.0
    """
    ends = [table.last for table in tables]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def _gathered(
    times: Floats, events: npt.NDArray[np.int64], censored: npt.NDArray[np.int64]
) -> LifeTable:
    """Counts at equal times added up, in order of time."""
    distinct, place = np.unique(times, return_inverse=True)
    columns = []
    for counts in (events, censored):
        total = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(total, place, counts)
        columns.append(tuple(total.tolist()))
    return LifeTable(tuple(distinct.tolist()), columns[0], columns[1])
