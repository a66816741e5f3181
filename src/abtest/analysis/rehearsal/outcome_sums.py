"""One metric's sums in replays: as they are in control, and as an effect makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from abtest.analysis.rehearsal.effects import with_effect
from abtest.analysis.rehearsal.unit_sums import UnitSums
from abtest.analysis.summaries import MetricCounts
from abtest.stats.adjustment.co_moments import Columns, from_arrays
from abtest.stats.clusters.adjustment import ClusterHistory
from abtest.stats.summaries import Clusters, Moments, PairMoments, Proportion

if TYPE_CHECKING:
    import numpy.typing as npt

    from abtest.analysis.rehearsal.effects import Planted
    from abtest.analysis.rehearsal.outcomes import Floats, Outcome
    from abtest.analysis.rehearsal.unit_sums import Places


@dataclass(frozen=True, slots=True)
class Flips:
    """Units whose share an effect has turned over in a replay, where they are treated.

    Attributes:
        places: Which units.
        rows: How that changes their rows of sums.
        y: The outcome of every unit with the effect.
    """

    places: Places
    rows: Floats
    y: Floats


@dataclass(frozen=True)
class OutcomeSums:
    """One metric's outcomes, ready to be added up.

    Attributes:
        outcome: What the units did.
        columns: What the analysis adjusts for; None where it does not.
        history: Its values, one row per unit.
        planted: The effect in all treatments; None where there is none.
        clusters: The number of each unit's cluster; None where single units are split.
    """

    outcome: Outcome
    columns: Columns | None
    history: Floats
    planted: Planted | None
    clusters: npt.NDArray[np.int64] | None = None

    def flips(self, random: np.random.Generator) -> Flips | None:
        """Whom an effect on a share turns over; None where there is no such effect."""
        if self.planted is None or self.outcome.summary is not Proportion:
            return None
        y = with_effect(self.outcome, self.planted, random)
        places = np.flatnonzero((y != self.outcome.y) & self.outcome.observed)
        return Flips(places, self._control.change(places, self._values(y)[places]), y)

    def counts(self, places: Places, *, treated: bool, flips: Flips | None) -> MetricCounts:
        """What a variant's units did.

        Args:
            places: Its units.
            treated: Whether the effect is on them.
            flips: Whom it turns over.
        """
        sums = self._treated if treated else self._control
        added = _of_these(flips, places, len(self.outcome.y)) if treated else None
        n, means, products = sums.of(places, added)
        parts = {}
        if self.columns is not None:
            outcome = ("y",) if self.outcome.x is None else ("y", "x")
            named = Columns(outcome, self.columns.covariates, self.columns.missing)
            parts[""] = from_arrays(named, n, means, products)
        counts = MetricCounts(len(places) - n, 0, 0, self._summary(n, means, products), parts)
        if self.clusters is None:
            return counts
        y = flips.y if treated and flips is not None else self._y(treated=treated)
        return self._in_clusters(counts, places, y)

    def _in_clusters(self, counts: MetricCounts, places: Places, y: Floats) -> MetricCounts:
        """The same with the sums of each cluster, of which all units are among these."""
        mine = places[self.outcome.observed[places]]
        codes = self.clusters[mine] if self.clusters is not None else mine
        size = int(codes.max()) + 1 if len(codes) else 0
        units = np.bincount(codes, minlength=size)
        kept = np.flatnonzero(units)

        def sums(values: Floats) -> tuple[float, ...]:
            return tuple(np.bincount(codes, values[mine], minlength=size)[kept].tolist())

        sizes = tuple(units[kept].tolist())
        below = tuple(map(float, sizes)) if self.outcome.x is None else sums(self.outcome.x)
        clusters = Clusters(sizes, sums(y), below)
        if self.columns is None:
            return replace(counts, summary=clusters)
        history = tuple(zip(*(sums(column) for column in self.history.T), strict=True))
        named = Columns(("y",), self.columns.covariates, self.columns.missing)
        clustered = ClusterHistory(named, clusters, history)
        return replace(counts, summary=clusters, clustered=clustered)

    def _summary(
        self, n: int, means: Floats, products: Floats
    ) -> Proportion | Moments | PairMoments:
        if self.outcome.summary is Proportion:
            return Proportion(n, round(n * float(means[0])))
        if self.outcome.x is None:
            return Moments(n, float(means[0]), float(products[0, 0]))
        return PairMoments(
            n,
            float(means[0]),
            float(means[1]),
            float(products[0, 0]),
            float(products[1, 1]),
            float(products[0, 1]),
        )

    @cached_property
    def _control(self) -> UnitSums:
        return UnitSums(self._values(self.outcome.y), self.outcome.observed)

    @cached_property
    def _treated(self) -> UnitSums:
        if self.planted is None or self.outcome.summary is Proportion:
            return self._control
        return UnitSums(self._values(self._y(treated=True)), self.outcome.observed)

    def _y(self, *, treated: bool) -> Floats:
        """The outcome of every unit, with an effect that multiplies it where it is treated."""
        if not treated or self.planted is None or self.outcome.summary is Proportion:
            return self.outcome.y
        return self.outcome.y * (1 + self.planted.lift)

    def _values(self, y: Floats) -> Floats:
        outcome = [y] if self.outcome.x is None else [y, self.outcome.x]
        return np.column_stack([*outcome, self.history])


def _of_these(flips: Flips | None, places: Places, units: int) -> Floats | None:
    """What flips add to the sums of some units."""
    if flips is None:
        return None
    here = np.zeros(units, dtype=bool)
    here[places] = True
    return np.asarray(flips.rows[here[flips.places]].sum(axis=0))
