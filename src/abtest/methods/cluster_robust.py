"""Means, shares and ratios where clusters were randomised."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from abtest.methods.base import MethodBase, expect
from abtest.stats.clusters.cr2 import cluster_estimate, cluster_robust
from abtest.stats.summaries import Clusters, Summary

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate


class ClusterRobust(MethodBase):
    """Two variants by CR2 and Satterthwaite's degrees of freedom; a single one by its own."""

    kind: Literal["cluster_robust"] = "cluster_robust"

    takes: ClassVar[type[Summary]] = Clusters

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.clusters.cluster_robust``."""
        return cluster_robust(expect(Clusters, control), expect(Clusters, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.clusters.cluster_estimate``."""
        return cluster_estimate(expect(Clusters, summary), ci_level)
