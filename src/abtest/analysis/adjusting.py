"""Adjustment for what was known before the treatment: covariates, and strata of the split.

Post-stratification is regression adjustment on indicators of the strata (Miratrix, Sekhon & Yu
2013, J. R. Stat. Soc. B 75, section 2): customers who entered while the split was 50:50 are
compared with each other, and so are those who entered later at 80:20.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.adjustment import adjust_means
from abtest.stats.co_moments import Columns, CoMoments, from_arrays
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.summaries import MetricCounts
    from abtest.stats.adjusted_means import AdjustedComparison, AdjustedMeans
    from abtest.stats.comparison import Estimate
    from abtest.stats.log_lift import LogLift


@dataclass(frozen=True)
class Adjustment:
    """One metric's values, adjusted.

    Attributes:
        counts: What was counted in each variant; the control is the first.
    """

    counts: Mapping[str, MetricCounts]

    def compare(self, control: str, treatment: str, ci_level: float) -> AdjustedComparison:
        """Treatment against control, over the strata in which both have units.

        A variant that joined later is compared with the customers who entered since.
        """
        found = self._means(control, treatment).compare(control, treatment, ci_level)
        named = replace(found.comparison, method=self._method, notes=self._notes(found, treatment))
        return replace(found, comparison=named)

    def log_lift(self, control: str, treatment: str) -> LogLift | None:
        """The lift on the log scale, for pooling with other experiments; None without one."""
        pair = self._means(control, treatment).pair(control, treatment)
        return None if isinstance(pair, str) else pair.log_lift

    def estimate(self, variant: str, ci_level: float) -> Estimate:
        """One variant's adjusted value."""
        means = self._joint or _adjust(self.counts, [variant])
        return replace(means.estimate(variant, ci_level), method=self._method)

    def moments(self) -> dict[str, Moments] | None:
        """What a Bayesian model may take for the variants' moments: adjusted values and errors.

        The part of the error that all variants share leaves their differences alone and is left
        out. None where variants are compared over different strata.
        """
        if self._joint is None:
            return None
        return {
            variant: _as_moments(self._joint, place, self.counts[variant].n)
            for place, variant in enumerate(self._joint.variants)
        }

    def _means(self, control: str, treatment: str) -> AdjustedMeans:
        return self._joint or _adjust(self.counts, [control, treatment])

    @cached_property
    def _joint(self) -> AdjustedMeans | None:
        """All variants at once, where all have units in the same strata."""
        strata = {tuple(sorted(counts.parts)) for counts in self.counts.values()}
        return _adjust(self.counts, list(self.counts)) if len(strata) == 1 else None

    @property
    def _method(self) -> str:
        columns = next(c for counts in self.counts.values() for c in counts.parts.values()).columns
        return "regression_adjustment" if columns.covariates else "post_stratification"

    def _notes(self, found: AdjustedComparison, treatment: str) -> tuple[str, ...]:
        notes = found.comparison.notes
        if self._joint is not None:
            return notes
        return (f"{treatment} is compared over the strata in which both have units.", *notes)


def can_adjust(counts: Mapping[str, MetricCounts]) -> bool:
    """Whether there is anything to adjust for, in every variant."""
    return all(found.parts for found in counts.values())


def _adjust(counts: Mapping[str, MetricCounts], variants: Sequence[str]) -> AdjustedMeans:
    """Adjusted values over the strata that the variants have in common."""
    common = set.intersection(*(set(counts[variant].parts) for variant in variants))
    strata = sorted(common)
    return adjust_means(
        {
            variant: reduce(
                add,
                (
                    _with_strata(counts[variant].parts[stratum], stratum, strata)
                    for stratum in strata
                ),
            )
            for variant in variants
        }
    )


def _with_strata(part: CoMoments, stratum: str, strata: Sequence[str]) -> CoMoments:
    """The co-moments of one stratum's units, with an indicator of each stratum but the first."""
    others = strata[1:]
    old = part.columns
    columns = Columns(
        old.outcome, (*old.covariates, *(f"stratum {other}" for other in others)), old.missing
    )
    before = len(old.outcome) + len(old.covariates)
    means = np.insert(part.means, before, [float(other == stratum) for other in others])
    # Within its own stratum an indicator does not vary.
    places = [before] * len(others)
    products = np.insert(np.insert(part.products, places, 0.0, axis=0), places, 0.0, axis=1)
    return from_arrays(columns, part.n, means, products)


def _as_moments(means: AdjustedMeans, place: int, n: int) -> Moments:
    level = means.levels[place]
    if level.value is None or level.variance is None:
        return Moments(0, 0.0, 0.0)
    return Moments(n, level.value, level.variance * n * (n - 1))
