"""Who should get the incentive: all, none, or some segments, valued on customers not chosen by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from abtest.stats.bayes.partial_pooling import partial_pool
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.stats.bayes.normal import Normal
    from abtest.stats.moments import Moments

Segments = dict[str, tuple["Moments", "Moments"]]
"""Contribution per customer of control and of the treatment, by segment."""


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a policy is worth per customer, compared with treating nobody.

    Attributes:
        value: The estimate.
        low: The lower end of its interval.
        high: The upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Targeting:
    """The effects by segment and what three policies are worth.

    Attributes:
        effects: The raw effect of each segment with its standard error.
        shrunken: What is believed of each after they were drawn to each other.
        chosen: The segments whose belief is above 0, by all data.
        treat_all: The value of treating everybody; treating nobody is 0.
        treat_chosen: The value of choosing segments in this way: cross-fitted, so that no customer
            counts for a choice that they helped to make.
    """

    effects: Mapping[str, tuple[float, float]]
    shrunken: Mapping[str, Normal]
    chosen: tuple[str, ...]
    treat_all: PolicyValue
    treat_chosen: PolicyValue


def targeting(folds: Sequence[Segments], ci_level: float = 0.95) -> Targeting:
    """Value policies by cross-fitting over folds of customers.

    For each fold the segments are chosen by the shrunken effects of the other folds, and valued by
    its own: V_k = sum of share_s d_s over the chosen. The folds' values are averaged by their
    customers. Its variance takes the folds' values as independent.

    Assumes segments that were known before the assignment, and folds that were made without
    looking at the outcome, such as by a hash of the id.

    Args:
        folds: At least two; each with the same segments, each with two customers per variant.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The effects and the values. Nothing is promised beyond the interval.

    Raises:
        ValueError: Fewer than two folds, other segments in one of them, or too few customers.

    Source:
        Athey & Wager (2021), Policy learning with observational data, Econometrica 89, 133-161,
        for cross-fitting; Efron & Morris (1975) for the shrinkage.

    Example:
        >>> from abtest.stats.moments import Moments
        >>> fold = {"new": (Moments(50, 1.0, 9.0), Moments(50, 2.0, 9.0))}
        >>> found = targeting([fold, fold])
        >>> found.chosen, found.treat_chosen.value
        (('new',), 1.0)
    """
    _check(folds)
    quantile = normal_quantile(ci_level)
    everybody = _together(folds)
    effects = {name: _effect(pair) for name, pair in everybody.items()}
    shrunken = _shrunken(effects)
    total = sum(_units(fold) for fold in folds)
    value = variance = 0.0
    for place, fold in enumerate(folds):
        others = _together([other for k, other in enumerate(folds) if k != place])
        belief = _shrunken({name: _effect(pair) for name, pair in others.items()})
        own, spread = _policy(fold, [name for name in fold if belief[name].mean > 0])
        share = _units(fold) / total
        value, variance = value + share * own, variance + share * share * spread
    return Targeting(
        effects=effects,
        shrunken=shrunken,
        chosen=tuple(name for name, belief in shrunken.items() if belief.mean > 0),
        treat_all=_with_ends(*_policy(everybody, list(everybody)), quantile),
        treat_chosen=_with_ends(value, variance, quantile),
    )


def _check(folds: Sequence[Segments]) -> None:
    if len(folds) < 2:
        raise ValueError(f"there are {len(folds)} folds; there must be at least 2.")
    for fold in folds:
        if set(fold) != set(folds[0]):
            raise ValueError("the folds have different segments; each must have all of them.")
        for name, pair in fold.items():
            if min(one.n for one in pair) < 2:
                raise ValueError(f"segment {name} has fewer than 2 customers of a variant.")


def _together(folds: Sequence[Segments]) -> Segments:
    return {
        name: (reduce(add, (f[name][0] for f in folds)), reduce(add, (f[name][1] for f in folds)))
        for name in folds[0]
    }


def _effect(pair: tuple[Moments, Moments]) -> tuple[float, float]:
    """The difference of two means and its standard error."""
    control, treatment = pair
    variance = math.fsum(one.m2 / (one.n - 1) / one.n for one in pair)
    return treatment.mean - control.mean, math.sqrt(variance)


def _shrunken(effects: Mapping[str, tuple[float, float]]) -> dict[str, Normal]:
    least = 1e-12  # a segment without any variation is known for sure
    pooled = partial_pool(
        [effect for effect, _ in effects.values()],
        [max(se, least) for _, se in effects.values()],
    )
    return dict(zip(effects, pooled.posteriors, strict=True))


def _units(fold: Segments) -> int:
    return sum(one.n for pair in fold.values() for one in pair)


def _policy(fold: Segments, chosen: Sequence[str]) -> tuple[float, float]:
    """The value per customer of treating some segments, and its variance."""
    total = _units(fold)
    value = variance = 0.0
    for name in chosen:
        share = sum(one.n for one in fold[name]) / total
        effect, se = _effect(fold[name])
        value, variance = value + share * effect, variance + (share * se) ** 2
    return value, variance


def _with_ends(value: float, variance: float, quantile: float) -> PolicyValue:
    half_width = quantile * math.sqrt(variance)
    return PolicyValue(value, value - half_width, value + half_width)
