"""Proportions by the score of Miettinen & Nurminen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import proportion_estimate
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class MiettinenNurminen(MethodBase):
    """Two proportions by one score statistic; a single one with Wilson's interval."""

    kind: Literal["miettinen_nurminen"] = "miettinen_nurminen"

    takes: ClassVar[type[Proportion]] = Proportion

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.proportions.miettinen_nurminen``."""
        return miettinen_nurminen(
            expect(Proportion, control), expect(Proportion, treatment), ci_level
        )

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.estimates.proportion_estimate``."""
        return proportion_estimate(expect(Proportion, summary), ci_level)
