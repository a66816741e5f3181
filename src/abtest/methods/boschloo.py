"""Proportions of tiny tables by Boschloo's exact test."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import proportion_estimate
from abtest.stats.proportions.boschloo import boschloo
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class Boschloo(MethodBase):
    """Two proportions of tiny tables by an exact test; a single one with Wilson's interval."""

    kind: Literal["boschloo"] = "boschloo"

    takes: ClassVar[type[Proportion]] = Proportion

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.boschloo.boschloo``."""
        return boschloo(expect(Proportion, control), expect(Proportion, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.estimates.proportion_estimate``."""
        return proportion_estimate(expect(Proportion, summary), ci_level)
