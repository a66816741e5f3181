"""Proportions by the hybrid score of Newcombe."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import proportion_estimate
from abtest.stats.proportions.newcombe import newcombe
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class Newcombe(MethodBase):
    """Two proportions by Wilson's intervals put together; a single one with Wilson's interval."""

    kind: Literal["newcombe"] = "newcombe"

    takes: ClassVar[type[Proportion]] = Proportion

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.newcombe.newcombe``."""
        return newcombe(expect(Proportion, control), expect(Proportion, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.estimates.proportion_estimate``."""
        return proportion_estimate(expect(Proportion, summary), ci_level)
