"""Ratios of sums by the delta method."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import ratio_estimate
from abtest.stats.means.ratios import linearized_ratio
from abtest.stats.summaries import PairMoments

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class LinearizedRatio(MethodBase):
    """Two ratios of sums, linearised by unit; a single one with the t interval."""

    kind: Literal["linearized_ratio"] = "linearized_ratio"

    takes: ClassVar[type[PairMoments]] = PairMoments

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.ratios.linearized_ratio``."""
        return linearized_ratio(
            expect(PairMoments, control), expect(PairMoments, treatment), ci_level
        )

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.estimates.ratio_estimate``."""
        return ratio_estimate(expect(PairMoments, summary), ci_level)
