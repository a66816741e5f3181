"""One replay: deal the variants out anew, add up, and let the analysis decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from abtest.analysis.decision import decide
from abtest.analysis.population import Population
from abtest.analysis.records import Comparer
from abtest.analysis.rehearsal.effects import with_effect
from abtest.analysis.summaries import MetricCounts
from abtest.stats.adjustment.co_moments import Columns, from_arrays
from abtest.stats.summaries import Moments, PairMoments, Proportion

if TYPE_CHECKING:
    from abtest.analysis.rehearsal.effects import Planted
    from abtest.analysis.rehearsal.outcomes import Floats, Outcome, Outcomes
    from abtest.analysis.result import Record
    from abtest.analysis.summaries import Summaries
    from abtest.spec import Spec

# What of a record is kept of every replay.
KEPT = (
    *("metric", "variant", "difference", "difference_ci_low", "difference_ci_high", "lift"),
    *("lift_ci_low", "lift_ci_high", "pvalue", "pvalue_adjusted"),
)


@dataclass(frozen=True, slots=True)
class Replay:
    """Makes replays of one experiment.

    Attributes:
        spec: The experiment, with the metrics that can be replayed and nothing that only a real
            split has.
        outcomes: What the units did.
        planted: What treatments change; nothing for an A/A replay.
        seed: Where chance starts; replay k starts at (seed, k).
    """

    spec: Spec
    outcomes: Outcomes
    planted: tuple[Planted, ...]
    seed: int

    def run(self, number: int) -> dict[str, Any]:
        """Replay once.

        Returns:
            The number, the verdict, the variant it names, and what is kept of each record.
        """
        random = np.random.default_rng([self.seed, number])
        variants = self._dealt(random)
        summaries: Summaries = {}
        planted = {one.metric: one for one in self.planted}
        for outcome in self.outcomes.metrics:
            found = planted.get(outcome.metric)
            moved = outcome.y if found is None else with_effect(outcome, found, random)
            y = np.where(variants == self._control, outcome.y, moved)
            for place, variant in enumerate(self.spec.variants or ()):
                mine = variants == place
                counts = self._counts(outcome, y, mine)
                summaries[outcome.metric, variant.key] = counts
        return {"replay": number, **self._decided(summaries, variants)}

    @property
    def _control(self) -> int:
        variants = self.spec.variants or ()
        return next(place for place, variant in enumerate(variants) if variant.control)

    def _dealt(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        weights = np.array([variant.weight for variant in self.spec.variants or ()], dtype=float)
        edges = np.cumsum(weights) / weights.sum()
        return np.searchsorted(edges, random.random(self.outcomes.units), side="right")

    def _counts(self, outcome: Outcome, y: Floats, mine: npt.NDArray[np.bool_]) -> MetricCounts:
        seen = mine & outcome.observed
        left = int(mine.sum() - seen.sum())
        values = np.column_stack([y[seen]] if outcome.x is None else [y[seen], outcome.x[seen]])
        columns = self.outcomes.columns
        if columns is not None:
            values = np.column_stack([values, self.outcomes.history[seen]])
        n, means, products = _moments(values)
        summary: Proportion | Moments | PairMoments
        if outcome.summary is Proportion:
            summary = Proportion(n, round(n * float(means[0])))
        elif outcome.x is None:
            summary = Moments(n, float(means[0]), float(products[0, 0]))
        else:
            summary = PairMoments(
                n,
                float(means[0]),
                float(means[1]),
                float(products[0, 0]),
                float(products[1, 1]),
                float(products[0, 1]),
            )
        parts = {}
        if columns is not None:
            named = Columns(
                ("y",) if outcome.x is None else ("y", "x"), columns.covariates, columns.missing
            )
            parts[""] = from_arrays(named, n, means, products)
        return MetricCounts(left, 0, 0, summary, parts)

    def _decided(self, summaries: Summaries, variants: npt.NDArray[np.int64]) -> dict[str, Any]:
        keys = [variant.key for variant in self.spec.variants or ()]
        assigned = {key: int((variants == place).sum()) for place, key in enumerate(keys)}
        nobody = nw.from_native(pd.DataFrame()).lazy()  # everything is added up already
        population = Population(nobody, assigned, self.outcomes.units)
        records = Comparer(self.spec, population, summaries, {}).records()
        decision = decide(self.spec, (), records)
        return {
            "verdict": decision.verdict,
            "variant": decision.variant,
            "records": [_kept(record) for record in records],
        }


def _kept(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in KEPT}


def _moments(values: Floats) -> tuple[int, Floats, Floats]:
    """Count, means and centred products of the columns."""
    n = len(values)
    if n == 0:
        size = values.shape[1]
        return 0, np.zeros(size), np.zeros((size, size))
    means = values.mean(axis=0)
    centred = values - means
    return n, means, centred.T @ centred
