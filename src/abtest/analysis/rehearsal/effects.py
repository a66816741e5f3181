"""An effect that is planted in past outcomes, of which the size is then known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.errors import DataError
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.rehearsal.outcomes import Floats, Outcome, Outcomes


@dataclass(frozen=True, slots=True)
class Planted:
    """An effect on one metric in every treatment.

    Attributes:
        metric: The metric's key.
        lift: As a share of the metric's value.
        value: The metric's value over all units, without it.
    """

    metric: str
    lift: float
    value: float

    @property
    def difference(self) -> float:
        """The same in the metric's unit."""
        return self.lift * self.value

    @property
    def chance(self) -> float:
        """For a share, with which probability a unit that can change does."""
        if self.lift < 0:
            return -self.lift
        return self.lift * self.value / (1 - self.value) if self.value < 1 else 0.0


def plant(outcomes: Outcomes, wanted: Sequence[tuple[str, float, bool]]) -> tuple[Planted, ...]:
    """Check effects, and say what they come to.

    Args:
        outcomes: The past.
        wanted: A metric's key, its change, and whether that is a share.

    Raises:
        DataError: The past has no such metric, or the effect leaves the range of a share.
    """
    by_key = {outcome.metric: outcome for outcome in outcomes.metrics}
    planted = []
    for key, change, relative in wanted:
        if key not in by_key:
            known = ", ".join(by_key)
            raise DataError(f"an effect is asked for on {key}, which is not replayed", known)
        value = value_of(by_key[key])
        if value == 0:
            raise DataError(f"{key} is 0 in the whole history: an effect cannot be planted in it")
        lift = change if relative else change / value
        if lift <= -1 or (by_key[key].summary is Proportion and value * (1 + lift) > 1):
            raise DataError(
                f"an effect of {lift:+.1%} on {key}, which is {value:.4g}, is too large"
            )
        planted.append(Planted(key, lift, value))
    return tuple(planted)


def value_of(outcome: Outcome) -> float:
    """The metric's value over all observed units."""
    if outcome.x is None:
        return float(outcome.y[outcome.observed].mean())
    return float(outcome.y.sum() / outcome.x.sum())


def with_effect(outcome: Outcome, planted: Planted, random: np.random.Generator) -> Floats:
    """What each unit would have done in a treatment.

    Means and ratios: every value times 1 + lift. Shares: units without the event get it with the
    probability lift p / (1 - p), or units with it lose it with the probability -lift, so that the
    expected share is p (1 + lift).
    """
    if outcome.summary is not Proportion:
        return outcome.y * (1 + planted.lift)
    chance = random.random(len(outcome.y))
    if planted.lift < 0:
        return np.where(chance < planted.chance, 0.0, outcome.y)
    return np.where((outcome.y == 0) & (chance < planted.chance), 1.0, outcome.y)
