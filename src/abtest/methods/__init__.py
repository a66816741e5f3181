"""How variants are compared: one file and one name in ``Method`` for each method."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from abtest.methods.bayes import Bayes
from abtest.methods.bootstrap import Bootstrap
from abtest.methods.boschloo import Boschloo
from abtest.methods.cluster_robust import ClusterRobust
from abtest.methods.cox import Cox
from abtest.methods.kaplan_meier import KaplanMeier
from abtest.methods.linearized_ratio import LinearizedRatio
from abtest.methods.log_rank import LogRank
from abtest.methods.miettinen_nurminen import MiettinenNurminen
from abtest.methods.newcombe import Newcombe
from abtest.methods.permutation import Permutation
from abtest.methods.quantile import Quantile
from abtest.methods.recommended import recommended_proportion_method
from abtest.methods.rmst import Rmst
from abtest.methods.scas import Scas
from abtest.methods.welch import Welch
from abtest.stats.summaries import Clusters, Moments, Proportion, Summary, ValueCounts
from abtest.stats.survival.life_table import LifeTable

__all__ = [
    "METHODS",
    "AnyMethod",
    "Bayes",
    "Bootstrap",
    "Boschloo",
    "ClusterRobust",
    "Cox",
    "KaplanMeier",
    "LinearizedRatio",
    "LogRank",
    "Method",
    "MiettinenNurminen",
    "Newcombe",
    "Permutation",
    "Quantile",
    "Rmst",
    "Scas",
    "Welch",
    "default_method",
    "recommended_proportion_method",
]

AnyMethod = (
    MiettinenNurminen
    | Welch
    | LinearizedRatio
    | KaplanMeier
    | Rmst
    | LogRank
    | Cox
    | Scas
    | Newcombe
    | Boschloo
    | Quantile
    | Bootstrap
    | Permutation
    | ClusterRobust
)

Method = Annotated[AnyMethod, Field(discriminator="kind")]

METHODS: tuple[type[AnyMethod], ...] = get_args(AnyMethod)


def default_method(summary: Summary) -> Method:
    """The method that a summary is compared by where the spec names none.

    Args:
        summary: A summary of one variant.

    Returns:
        Miettinen-Nurminen for proportions, Welch for means, the delta method for ratios of sums,
        Kaplan-Meier for life tables, the median for value counts, CR2 for clusters.

    Example:
        >>> default_method(Proportion(n=10, successes=3)).kind
        'miettinen_nurminen'
    """
    if isinstance(summary, Proportion):
        return MiettinenNurminen()
    if isinstance(summary, LifeTable):
        return KaplanMeier()
    if isinstance(summary, ValueCounts):
        return Quantile()
    if isinstance(summary, Clusters):
        return ClusterRobust()
    return Welch() if isinstance(summary, Moments) else LinearizedRatio()
