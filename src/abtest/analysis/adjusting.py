"""Adjustment for what was known before the treatment: covariates, and strata of the split.

Customers who entered while the split was 50:50 are compared with each other, and so are those who
entered later at 80:20; the comparisons are weighted by how many entered when. Blocks within which
the variants were dealt out evenly are covariates: indicators in a regression, which is
post-stratification (Miratrix, Sekhon & Yu 2013, J. R. Stat. Soc. B 75, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from abtest.analysis.strata import split_of
from abtest.sentences import sentence
from abtest.stats.adjustment.adjusted_means import AdjustedMeans
from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_arrays
from abtest.stats.adjustment.post_stratification import post_stratify
from abtest.stats.clusters.adjustment import adjust_clusters
from abtest.stats.means.t_pivot import Level
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.summaries import MetricCounts
    from abtest.stats.adjustment.adjusted_means import AdjustedComparison
    from abtest.stats.comparison import Estimate
    from abtest.stats.log_lift import LogLift

# With fewer, nobody knows how much a variant varies within a split.
FEWEST_UNITS = 2
# More indicators than this cost more than they gain. Without them a comparison of variants that
# were dealt out evenly is right too, only wider.
MOST_BLOCKS = 100

_NOBODY = AdjustedMeans((), (), (), (), 0, (), (), ())

Splits = dict[str, dict[str, CoMoments]]
"""The co-moments of each variant, by the split that was in force."""


@dataclass(frozen=True)
class Adjustment:
    """One metric's values, adjusted.

    Attributes:
        counts: What was counted in each variant.
    """

    counts: Mapping[str, MetricCounts]

    def compare(self, control: str, treatment: str, ci_level: float) -> AdjustedComparison:
        """Treatment against control, over the strata in which both have units.

        A variant that joined later is compared with the customers who entered since.
        """
        found = self._means(control, treatment).compare(control, treatment, ci_level)
        notes = (*self._left_out(control, treatment), *found.comparison.notes)
        return replace(
            found, comparison=replace(found.comparison, method=self._method, notes=notes)
        )

    def log_lift(self, control: str, treatment: str) -> LogLift | None:
        """The lift on the log scale, for pooling with other experiments; None without one."""
        pair = self._means(control, treatment).pair(control, treatment)
        return None if isinstance(pair, str) else pair.log_lift

    def estimate(self, variant: str, ci_level: float) -> Estimate:
        """One variant's adjusted value."""
        means = self._joint or self._adjusted([variant])
        return replace(means.estimate(variant, ci_level), method=self._method)

    def moments(self) -> dict[str, Moments] | None:
        """What a Bayesian model may take for the variants' moments: adjusted values and errors.

        None where variants are compared over different strata.
        """
        if self._joint is None:
            return None
        errors = _own_errors(self._joint)
        return {
            variant: _as_moments(level, error, self.counts[variant].n)
            for variant, level, error in zip(
                self._joint.variants, self._joint.levels, errors, strict=True
            )
        }

    def _means(self, control: str, treatment: str) -> AdjustedMeans:
        return self._joint or self._adjusted([control, treatment])

    @cached_property
    def _joint(self) -> AdjustedMeans | None:
        """All variants at once; None where that would leave units out that two of them share."""
        seen = self._seen(list(self.counts))
        if len(seen) > 2 and _units(_splits(self.counts, seen)) < self._observed(seen):
            return None
        return self._adjusted(list(self.counts))

    def _adjusted(self, variants: Sequence[str]) -> AdjustedMeans:
        """Adjusted values of some variants; those without units have none."""
        seen = self._seen(variants)
        clustered = {variant: self.counts[variant].clustered for variant in seen}
        whole = {variant: one for variant, one in clustered.items() if one is not None}
        if whole:
            return _with_absent(adjust_clusters(whole), variants, "has no observed units")
        splits = _splits(self.counts, seen)
        if not splits:
            return _with_absent(_NOBODY, variants, "has no units in a stratum of the others")
        one = next(iter(splits.values()))
        means = adjust_means(one) if len(splits) == 1 else post_stratify(splits)
        return _with_absent(means, variants, "has no observed units")

    @property
    def _method(self) -> str:
        columns = next(c for counts in self.counts.values() for c in counts.parts.values()).columns
        return "regression_adjustment" if columns.covariates else "post_stratification"

    def _left_out(self, control: str, treatment: str) -> tuple[str, ...]:
        """What to say of units in strata where there is nobody to compare them with."""
        pair = self._seen([control, treatment])
        everybody, compared = self._observed(pair), _units(_splits(self.counts, pair))
        if len(pair) == 1 or everybody == compared:
            return ()
        note = sentence(
            "{variant} is compared over the strata in which both have units: "
            "{n:,} of {total:,} units are in others.",
            variant=treatment,
            n=everybody - compared,
            total=everybody,
        )
        return (note,)

    def _seen(self, variants: Sequence[str]) -> list[str]:
        return [variant for variant in variants if self.counts[variant].parts]

    def _observed(self, variants: Sequence[str]) -> int:
        return sum(part.n for key in variants for part in self.counts[key].parts.values())


def can_adjust(counts: Mapping[str, MetricCounts]) -> bool:
    """Whether there is anything to adjust for, in any variant."""
    return any(found.parts for found in counts.values())


def _splits(counts: Mapping[str, MetricCounts], variants: Sequence[str]) -> Splits:
    """The splits in which each of the variants has enough units."""
    found: Splits = {}
    names = {name for variant in variants for name in counts[variant].parts}
    for split in sorted(set(map(split_of, names))):
        blocks = {variant: _of_split(counts[variant].parts, split) for variant in variants}
        if all(blocks.values()):
            shared = sorted(set.intersection(*(set(parts) for parts in blocks.values())))
            found[split] = {key: _whole(parts, shared) for key, parts in blocks.items()}
    enough = {
        split: whole
        for split, whole in found.items()
        if min(part.n for part in whole.values()) >= FEWEST_UNITS
    }
    # A single split with too few units is not weighted with anything: it says so itself.
    return enough if len(found) > 1 else found


def _of_split(parts: Mapping[str, CoMoments], split: str) -> dict[str, CoMoments]:
    return {name: part for name, part in parts.items() if split_of(name) == split}


def _units(splits: Splits) -> int:
    return sum(part.n for split in splits.values() for part in split.values())


def _whole(parts: Mapping[str, CoMoments], shared: Sequence[str]) -> CoMoments:
    """One variant's units of one split, with an indicator of each shared block but the first.

    A block that some variant has no units of goes with the first: within a split all blocks have
    the same shares, so that they may be put together.
    """
    others = () if len(shared) > MOST_BLOCKS else shared[1:]
    return reduce(add, (_with_blocks(part, block, others) for block, part in parts.items()))


def _with_blocks(part: CoMoments, block: str, others: Sequence[str]) -> CoMoments:
    """The co-moments of one block's units, with an indicator of each of the others."""
    old = part.columns
    columns = Columns(
        old.outcome, (*old.covariates, *(f"block {other}" for other in others)), old.missing
    )
    before = len(old.outcome) + len(old.covariates)
    means = np.insert(part.means, before, [float(other == block) for other in others])
    # Within its own block an indicator does not vary.
    places = [before] * len(others)
    products = np.insert(np.insert(part.products, places, 0.0, axis=0), places, 0.0, axis=1)
    return from_arrays(columns, part.n, means, products)


def _with_absent(means: AdjustedMeans, variants: Sequence[str], problem: str) -> AdjustedMeans:
    """The same with those of the variants that have no value."""
    absent = [variant for variant in variants if variant not in means.variants]
    none = [Level(None, None, 0, problem)] * len(absent)
    width = len(means.variants) + len(absent)
    rows = [(*row, *(0.0 for _ in absent)) for row in means.shared]
    return replace(
        means,
        variants=(*means.variants, *absent),
        levels=(*means.levels, *none),
        unadjusted=(*means.unadjusted, *none),
        shared=(*rows, *((0.0,) * width for _ in absent)),
        slopes=(*means.slopes, *(() for _ in absent)),
    )


def _own_errors(means: AdjustedMeans) -> list[float]:
    """The variance of each value less what all variants share, which leaves differences alone.

    What the shared part differs by from variant to variant stays: over all pairs of variants the
    errors add up to the variance of the difference, and for two variants exactly.
    """
    known = np.array([level.value is not None for level in means.levels], dtype=np.float64)
    count = max(float(known.sum()), 2.0)
    centre = np.diag(known) - np.outer(known, known) / count
    unlike = np.diag(centre @ np.array(means.shared) @ centre) * count / (count - 1)
    return [
        (level.variance or 0.0) + float(max(extra, 0.0))
        for level, extra in zip(means.levels, unlike, strict=True)
    ]


def _as_moments(level: Level, error: float, n: int) -> Moments:
    if level.value is None or level.variance is None:
        return Moments(0, 0.0, 0.0)
    return Moments(n, level.value, error * n * (n - 1))
