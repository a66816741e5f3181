"""The sufficient statistics that the engine hands over: small, frozen and addable."""

from __future__ import annotations

from abtest.stats.clusters.sums import Clusters
from abtest.stats.moments import Moments, PairMoments, Proportion
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.survival.life_table import LifeTable

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
