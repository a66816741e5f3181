"""Means by the studentised permutation test."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import mean_estimate
from abtest.stats.resampling.draws import Resampling
from abtest.stats.resampling.permutation import permutation
from abtest.stats.resampling.value_counts import ValueCounts

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate


class Permutation(MethodBase):
    """Two means by permuting units between variants; a single one with the t interval."""

    kind: Literal["permutation"] = "permutation"
    seed: int = Field(default=0, ge=0)
    """The seed of the random numbers: the same seed gives the same result."""
    resamples: int = Field(default=9_999, ge=1, le=1_000_000)
    """How many permutations."""

    takes: ClassVar[type[ValueCounts]] = ValueCounts

    def compare(self, control: object, treatment: object, ci_level: float) -> Comparison:
        """See ``stats.permutation.permutation``."""
        resampling = Resampling(self.resamples, self.seed)
        return permutation(
            expect(ValueCounts, control), expect(ValueCounts, treatment), resampling, ci_level
        )

    def estimate(self, summary: object, ci_level: float) -> Estimate:
        """See ``stats.estimates.mean_estimate``."""
        return mean_estimate(expect(ValueCounts, summary).moments, ci_level)
