"""Cox's partial likelihood of one 0/1 covariate, from the risk sets of two life tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from abtest.stats.survival.life_table import Floats
    from abtest.stats.survival.risk_sets import RiskSets

Ties = Literal["efron", "breslow"]

_NODES = 20
_MANY = 100  # below this the events are cheap to go through one by one


@dataclass(frozen=True, slots=True, eq=False)
class Deaths:
    """One entry per event, or a few that stand for many at one time: who was at risk of it.

    Of d events at one time, Efron's l-th (l = 0 to d - 1) sees the risk set less l / d of those d;
    Breslow's sees it whole. Half of the log hazard ratio is given to each variant with its own
    sign, so that an exchange of the variants changes signs and no digit.

    Attributes:
        sets: The risk sets that the events come from.
        place: Which risk set each event belongs to.
        gone: Efron's l / d; all 0 for Breslow.
        weight: How many events the entry stands for.
        control: Control's units at risk of each event.
        treatment: Treatment's.
    """

    sets: RiskSets
    place: npt.NDArray[np.intp]
    gone: Floats
    weight: Floats
    control: Floats
    treatment: Floats

    def at(self, log_ratio: float) -> tuple[Floats, Floats]:
        """The two variants' weights in each event's risk set, at a log hazard ratio."""
        return (
            self.control * math.exp(-log_ratio / 2),
            self.treatment * math.exp(log_ratio / 2),
        )

    def residuals(self, log_ratio: float) -> Floats:
        """Treatment's observed minus expected events, at each time: Schoenfeld's, summed."""
        control, treatment = self.at(log_ratio)
        events = self.sets.events[self.place]
        share_control = self.sets.events_control[self.place] / events
        share_treatment = self.sets.events_treatment[self.place] / events
        each = (share_treatment * control - share_control * treatment) / (control + treatment)
        return self.by_time(each)

    def variances(self, log_ratio: float) -> Floats:
        """The variance of each residual: what each time adds to the information."""
        control, treatment = self.at(log_ratio)
        total = control + treatment
        return self.by_time((control / total) * (treatment / total))

    def log_likelihood(self, log_ratio: float) -> float:
        """The logarithm of the partial likelihood."""
        control, treatment = self.at(log_ratio)
        excess = self.sets.events_treatment.sum() - self.sets.events_control.sum()
        return float(excess * log_ratio / 2 - self.weight @ np.log(control + treatment))

    def by_time(self, each: Floats) -> Floats:
        """The sum over the events of each time."""
        weighted = each * self.weight
        total: Floats = np.bincount(self.place, weighted, self.sets.times.size).astype(np.float64)
        return total


def deaths_of(sets: RiskSets, ties: Ties = "efron") -> Deaths:
    """The events of risk sets one by one; by a few points where there are many at one time.

    Args:
        sets: The risk sets.
        ties: How events at one time share their risk set.

    Returns:
        The events.

    Source:
        Efron (1977), JASA 72, 557-565; Breslow (1974), Biometrics 30, 89-99.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> from abtest.stats.survival.risk_sets import risk_sets
        >>> two = LifeTable((1.0,), (1,), (1,))
        >>> deaths_of(risk_sets(two, two)).control
        array([2. , 1.5])
    """
    if ties == "breslow":
        place, gone, weight = np.arange(sets.times.size), np.zeros(sets.times.size), sets.events
    else:
        place, gone, weight = _efron_entries(sets)
    return Deaths(
        sets=sets,
        place=place,
        gone=gone,
        weight=weight,
        control=sets.at_risk_control[place] - gone * sets.events_control[place],
        treatment=sets.at_risk_treatment[place] - gone * sets.events_treatment[place],
    )


def _efron_entries(sets: RiskSets) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """The risk set, l / d and weight of each entry."""
    few = (sets.events <= _MANY) | (
        (sets.at_risk_control < 2 * sets.events_control)
        | (sets.at_risk_treatment < 2 * sets.events_treatment)
    )
    counts = sets.events[few].astype(np.int64)
    order = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    nodes, weights = _efron_nodes(sets.events[~few])
    places = np.repeat(np.flatnonzero(few), counts), np.repeat(np.flatnonzero(~few), _NODES)
    return (
        np.concatenate(places),
        np.concatenate((order / np.repeat(counts, counts), nodes)),
        np.concatenate((np.ones(order.size), weights)),
    )


def _efron_nodes(events: Floats) -> tuple[Floats, Floats]:
    """A few points of l / d, with weights, that stand for all of l = 0 to d - 1.

    The Gauss rule of the sum over equally spaced points: exact for polynomials of degree 39. What
    is summed has its pole outside twice the range, as at most half of the units at risk have
    their event, so the rule's error is below 1e-25 of the sum. Millions of events on one day then
    cost as much as twenty. The points are the eigenvalues of the three-term recurrence of Gram's
    polynomials (Golub & Welsch 1969, Mathematics of Computation 23, 221-230).
    """
    step = np.arange(1.0, _NODES)
    jacobi = np.zeros((events.size, _NODES, _NODES))
    diagonal, below = np.arange(_NODES), np.arange(1, _NODES)
    jacobi[:, diagonal, diagonal] = ((events - 1) / (2 * events))[:, None]
    spread = step**2 * (1 - (step / events[:, None]) ** 2) / (4 * (4 * step**2 - 1))
    jacobi[:, below, below - 1] = np.sqrt(spread)
    points, vectors = np.linalg.eigh(jacobi)
    return points.ravel(), (events[:, None] * vectors[:, 0, :] ** 2).ravel()
