"""Quantiles by order statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from abtest.methods.base import MethodBase, expect
from abtest.stats.resampling.quantiles import compare_quantiles, quantile_estimate
from abtest.stats.resampling.value_counts import ValueCounts

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate


class Quantile(MethodBase):
    """A quantile of two variants by order statistics; a single one with its exact interval."""

    kind: Literal["quantile"] = "quantile"
    q: float = Field(default=0.5, gt=0, lt=1)
    """Which quantile; 0.5 is the median."""

    takes: ClassVar[type[ValueCounts]] = ValueCounts

    def compare(self, control: object, treatment: object, ci_level: float) -> Comparison:
        """See ``stats.quantiles.compare_quantiles``."""
        return compare_quantiles(
            expect(ValueCounts, control), expect(ValueCounts, treatment), self.q, ci_level
        )

    def estimate(self, summary: object, ci_level: float) -> Estimate:
        """See ``stats.quantiles.quantile_estimate``."""
        return quantile_estimate(expect(ValueCounts, summary), self.q, ci_level)
