"""How units come in: week by week, from a history or at the rate that the spec says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abtest.analysis.planning.history import History
    from abtest.spec import Spec

MOST_WEEKS = 520
_RECENT = 4  # weeks whose mean stands for those after the history


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many units can be enrolled.

    Attributes:
        weeks: Units that enter in each of the first weeks.
        later: Units that enter in every week after those.
        at_once: Units of a list, who enter as enrolment starts.
    """

    weeks: tuple[float, ...]
    later: float
    at_once: float = 0.0

    def by(self, weeks: float) -> float:
        """Units that have entered after so many weeks, which need not be whole."""
        whole = min(math.floor(weeks), len(self.weeks))
        entered = self.at_once + math.fsum(self.weeks[:whole])
        rest = weeks - whole
        if whole < len(self.weeks):
            return entered + rest * self.weeks[whole]
        return entered + rest * self.later

    def weeks_for(self, units: float) -> int | None:
        """Whole weeks until so many units have entered; None where ten years are not enough."""
        for week in range(1, MOST_WEEKS + 1):
            if self.by(week) >= units:
                return week
        return None


def arrivals_of(spec: Spec, history: History | None) -> Arrivals | None:
    """How units come into the experiment; None where nothing says it.

    What the spec says counts before what the history shows. A unit that comes every week enters
    once, so that fewer enter later; after the weeks of the history the mean of its last four goes
    on. Only the units that the experiment covers count.
    """
    covered = _covered(spec)
    if spec.plan is not None and spec.plan.units is not None:
        return Arrivals((), 0.0, at_once=spec.plan.units * covered)
    said = spec.plan.units_per_week if spec.plan is not None else None
    if said is not None:
        return Arrivals((), said * covered)
    if history is None or not history.entrants:
        return None
    weeks = tuple(units * covered for units in history.entrants)
    recent = weeks[-_RECENT:]
    return Arrivals(weeks, math.fsum(recent) / len(recent))


def _covered(spec: Spec) -> float:
    """The share of entering units that the experiment enrols."""
    share = spec.assignment.coverage
    for phase in spec.assignment.phases:
        share = share if phase.coverage is None else phase.coverage
    layer = spec.assignment.layer
    if layer is not None:
        share *= sum(last - first + 1 for first, last in layer.slots) / 10_000
    return share
