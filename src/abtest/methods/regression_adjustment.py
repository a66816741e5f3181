"""Means, shares and ratios adjusted for what was known before the assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.adjustment import adjust_means
from abtest.stats.co_moments import CoMoments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.stats.adjusted_means import AdjustedMeans
    from abtest.stats.comparison import Comparison, Estimate


class RegressionAdjustment(MethodBase):
    """All variants by one regression each, centred on the mean of all (ANHECOVA).

    With three or more variants use ``adjust``: it centres on all of them, so that their contrasts
    add up. ``compare`` knows two variants and ``estimate`` one, which nothing can adjust.
    """

    kind: Literal["regression_adjustment"] = "regression_adjustment"

    takes: ClassVar[type[CoMoments]] = CoMoments  # type: ignore[assignment]  # not in Summary yet

    def adjust(self, summaries: Mapping[str, CoMoments]) -> AdjustedMeans:
        """See ``stats.adjustment.adjust_means``."""
        return adjust_means(summaries)

    def compare(self, control: object, treatment: object, ci_level: float) -> Comparison:
        """Two variants as if there were no other; see ``adjust``."""
        both = {"control": expect(CoMoments, control), "treatment": expect(CoMoments, treatment)}
        return adjust_means(both).compare("control", "treatment", ci_level).comparison

    def estimate(self, summary: object, ci_level: float) -> Estimate:
        """One variant's own mean: with no other to share a centre, nothing changes."""
        return adjust_means({"only": expect(CoMoments, summary)}).estimate("only", ci_level)
