"""Two life tables side by side: who was at risk at each event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from abtest.stats.survival.life_table import Floats, LifeTable


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """Events and units at risk of two variants, at each time with an event in either.

    Attributes:
        times: Times with an event, ascending.
        events_control: Control's events at each time.
        events_treatment: Treatment's events.
        at_risk_control: Control's units followed for at least that long without an earlier event.
        at_risk_treatment: Treatment's.
    """

    times: Floats
    events_control: Floats
    events_treatment: Floats
    at_risk_control: Floats
    at_risk_treatment: Floats

    @property
    def events(self) -> Floats:
        """Events of both."""
        return self.events_control + self.events_treatment

    @property
    def at_risk(self) -> Floats:
        """Units at risk of both."""
        return self.at_risk_control + self.at_risk_treatment


def risk_sets(control: LifeTable, treatment: LifeTable) -> RiskSets:
    """Line up two life tables at the times with an event in either.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> sets = risk_sets(LifeTable((2.0,), (0,), (5,)), LifeTable((1.0, 3.0), (1, 1), (0, 0)))
        >>> sets.at_risk_control, sets.at_risk_treatment
        (array([5., 0.]), array([2., 1.]))
    """
    times = np.unique(np.concatenate([_event_times(table) for table in (control, treatment)]))
    (events_c, at_risk_c), (events_t, at_risk_t) = (
        _at(table, times) for table in (control, treatment)
    )
    return RiskSets(times, events_c, events_t, at_risk_c, at_risk_t)


def _event_times(table: LifeTable) -> Floats:
    times = np.array(table.times, dtype=np.float64)
    return times[np.array(table.events, dtype=np.int64) > 0]


def _at(table: LifeTable, times: Floats) -> tuple[Floats, Floats]:
    """Events at, and units at risk just before, each of the times."""
    own = np.array(table.times, dtype=np.float64)
    events = np.append(np.array(table.events, dtype=np.float64), 0.0)
    at_risk = np.append(table.at_risk(), 0.0)
    place = np.searchsorted(own, times, side="left")
    same = np.append(own, np.nan)[place] == times
    return np.where(same, events[place], 0.0), at_risk[place]
