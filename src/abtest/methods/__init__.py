"""How variants are compared: one file and one name in ``Method`` for each method."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from abtest.methods.bayes import Bayes
from abtest.methods.linearized_ratio import LinearizedRatio
from abtest.methods.miettinen_nurminen import MiettinenNurminen
from abtest.methods.welch import Welch
from abtest.stats.summaries import Moments, Proportion, Summary

__all__ = [
    "METHODS",
    "Bayes",
    "LinearizedRatio",
    "Method",
    "MiettinenNurminen",
    "Welch",
    "default_method",
]

Method = Annotated[MiettinenNurminen | Welch | LinearizedRatio, Field(discriminator="kind")]

METHODS: tuple[type[MiettinenNurminen | Welch | LinearizedRatio], ...] = get_args(
    get_args(Method)[0]
)


def default_method(summary: Summary) -> Method:
    """The method that a summary is compared by where the spec names none.

    Args:
        summary: A summary of one variant.

    Returns:
        Miettinen-Nurminen for proportions, Welch for means, the delta method for ratios of sums.

    Example:
        >>> default_method(Proportion(n=10, successes=3)).kind
        'miettinen_nurminen'
    """
    if isinstance(summary, Proportion):
        return MiettinenNurminen()
    return Welch() if isinstance(summary, Moments) else LinearizedRatio()
