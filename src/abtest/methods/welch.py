"""Means by Welch's t."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import mean_estimate
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class Welch(MethodBase):
    """Two means by Welch's t and Fieller's lift; a single one with the t interval."""

    kind: Literal["welch"] = "welch"

    takes: ClassVar[type[Moments]] = Moments

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.means.welch``."""
        return welch(expect(Moments, control), expect(Moments, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.estimates.mean_estimate``."""
        return mean_estimate(expect(Moments, summary), ci_level)
