"""Means and quantiles by the bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from abtest.methods.base import MethodBase, expect
from abtest.stats.estimates import mean_estimate
from abtest.stats.resampling.bootstrap import Target, bootstrap
from abtest.stats.resampling.draws import Resampling
from abtest.stats.resampling.quantiles import quantile_estimate
from abtest.stats.resampling.value_counts import ValueCounts

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate


class Bootstrap(MethodBase):
    """Two means or quantiles by resampling units; a single one without."""

    kind: Literal["bootstrap"] = "bootstrap"
    seed: int = Field(default=0, ge=0)
    """The seed of the random numbers: the same seed gives the same result."""
    resamples: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many resamples."""
    interval: Literal["percentile", "bca"] = "percentile"
    """percentile agrees with the p-value; bca corrects for bias and skew and may not."""
    q: float | None = Field(default=None, gt=0, lt=1)
    """Which quantile; the mean where absent."""

    takes: ClassVar[type[ValueCounts]] = ValueCounts

    def compare(self, control: object, treatment: object, ci_level: float) -> Comparison:
        """See ``stats.bootstrap.bootstrap``."""
        return bootstrap(
            expect(ValueCounts, control),
            expect(ValueCounts, treatment),
            Resampling(self.resamples, self.seed),
            Target(self.interval, self.q),
            ci_level,
        )

    def estimate(self, summary: object, ci_level: float) -> Estimate:
        """See ``stats.estimates.mean_estimate`` and ``stats.quantiles.quantile_estimate``."""
        counts = expect(ValueCounts, summary)
        if self.q is None:
            return mean_estimate(counts.moments, ci_level)
        return quantile_estimate(counts, self.q, ci_level)
