"""The sufficient statistics that the engine hands over: small, frozen and addable."""

from __future__ import annotations

from abtest.stats.cluster_sums import Clusters
from abtest.stats.life_table import LifeTable
from abtest.stats.moments import Moments, PairMoments, Proportion
from abtest.stats.value_counts import ValueCounts

__all__ = [
    "Clusters",
    "LifeTable",
    "Moments",
    "PairMoments",
    "Proportion",
    "Summary",
    "ValueCounts",
]

Summary = Proportion | Moments | PairMoments | LifeTable | ValueCounts | Clusters
