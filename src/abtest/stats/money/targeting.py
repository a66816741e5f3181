"""Who should get the incentive: all, none, or some segments, valued on customers not chosen by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.bayes.partial_pooling import partial_pool
from abtest.stats.moments import Moments
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.normal import Normal

Cell = Mapping[str, tuple[Moments, Moments]]
"""Contribution of control and of the treatment in one segment, by stratum."""
Segments = Mapping[str, Cell]
"""The cell of each segment."""

SHARED = 0.405
"""The largest part of its own variance that a half's value can share with the other half's.

The choice for one half is made by the other, so that the two values move together. Where a segment
is chosen by the sign of its estimate, with the true value t standard errors below zero, the two
errors have the correlation phi(t)^2 / (1 - Phi(t)), whose maximum, at t = 0.612, is this.
"""


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
        choices: The same by the other half, for each half.
        treat_all: The value of treating everybody; treating nobody is 0.
        treat_chosen: The value of choosing segments in this way: cross-fitted, so that no customer
            counts for a choice that they helped to make.
    """

    effects: Mapping[str, tuple[float, float]]
    shrunken: Mapping[str, Normal]
    chosen: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    treat_all: PolicyValue
    treat_chosen: PolicyValue


def targeting(halves: Sequence[Segments], ci_level: float = 0.95) -> Targeting:
    """Value policies by cross-fitting over two halves of the customers.

    For each half the segments are chosen by the shrunken effects of the other half, and valued by
    its own: V_k = sum of share_s d_s over the chosen, d_s = sum of stratum shares times the
    difference of means. The two values are averaged by their customers, with the variance

        (1 + 0.405) sum_k w_k^2 sum_s (share_s se_s)^2,

    where 0.405 bounds what the halves share: see `SHARED`. Taken for independent, an interval of
    95% covered 93% where effects were small, and with more than two parts less.

    Assumes segments that were known before the assignment, halves of about the same size that were
    made without looking at the outcome, such as by a hash of the id, and estimates of about normal
    distribution.

    Args:
        halves: Both halves; each with the same segments, each of these with two customers per
            variant and stratum.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The effects and the values. The value of choosing is that of choosing by half of the
        customers; nothing is promised beyond the interval.

    Raises:
        ValueError: Not two halves, other segments in one of them, or too few customers.

    Source:
        Athey & Wager (2021), Policy learning with observational data, Econometrica 89, 133-161,
        for cross-fitting; Imai & Li (2023), JASA 118, 242-256, for its variance not being that of
        independent parts; Efron & Morris (1975), JASA 70, 311-319, for the shrinkage.

    Example:
        >>> from abtest.stats.moments import Moments
        >>> half = {"new": {"": (Moments(50, 1.0, 9.0), Moments(50, 2.0, 9.0))}}
        >>> found = targeting([half, half])
        >>> found.chosen, found.treat_chosen.value
        (('new',), 1.0)
    """
    _check(halves)
    quantile = normal_quantile(ci_level)
    everybody = _together(*halves)
    effects = {name: _effect(cell) for name, cell in everybody.items()}
    shrunken = _shrunken(effects)
    total = sum(_units(half) for half in halves)
    choices = tuple(_choice(other) for other in reversed(halves))
    value = variance = 0.0
    for half, choice in zip(halves, choices, strict=True):
        own, spread = _policy(half, choice)
        share = _units(half) / total
        value, variance = value + share * own, variance + share * share * spread
    return Targeting(
        effects=effects,
        shrunken=shrunken,
        chosen=_above_zero(shrunken),
        choices=choices,
        treat_all=_with_ends(*_policy(everybody, list(everybody)), quantile),
        treat_chosen=_with_ends(value, (1 + SHARED) * variance, quantile),
    )


def _check(halves: Sequence[Segments]) -> None:
    if len(halves) != 2:
        raise ValueError(f"there are {len(halves)} parts of the customers; there must be 2.")
    if set(halves[0]) != set(halves[1]):
        raise ValueError("the halves have different segments; each must have all of them.")
    for half in halves:
        for name, cell in half.items():
            if not cell or min(one.n for pair in cell.values() for one in pair) < 2:
                raise ValueError(f"segment {name} has fewer than 2 customers of a variant.")


def _together(first: Segments, second: Segments) -> Segments:
    return {name: _both(cell, second[name]) for name, cell in first.items()}


def _both(first: Cell, second: Cell) -> Cell:
    """The cell of all customers; a stratum may be in one half only."""
    both = dict(first)
    for stratum, (control, treatment) in second.items():
        known = both.get(stratum)
        added = (control, treatment)
        if known is not None:
            added = (known[0] + control, known[1] + treatment)
        both[stratum] = added
    return both


def _effect(cell: Cell) -> tuple[float, float]:
    """The difference of two means over all strata, and its standard error."""
    total = _of(cell)
    value = variance = 0.0
    for pair in cell.values():
        share = sum(one.n for one in pair) / total
        value += share * (pair[1].mean - pair[0].mean)
        variance += share * share * math.fsum(one.m2 / (one.n - 1) / one.n for one in pair)
    return value, math.sqrt(variance)


def _shrunken(effects: Mapping[str, tuple[float, float]]) -> dict[str, Normal]:
    least = 1e-12  # a segment without any variation is known for sure
    pooled = partial_pool(
        [effect for effect, _ in effects.values()],
        [max(se, least) for _, se in effects.values()],
    )
    return dict(zip(effects, pooled.posteriors, strict=True))


def _choice(half: Segments) -> tuple[str, ...]:
    """The segments that half of the customers speak for."""
    return _above_zero(_shrunken({name: _effect(cell) for name, cell in half.items()}))


def _above_zero(beliefs: Mapping[str, Normal]) -> tuple[str, ...]:
    return tuple(name for name, belief in beliefs.items() if belief.mean > 0)


def _of(cell: Cell) -> int:
    return sum(one.n for pair in cell.values() for one in pair)


def _units(half: Segments) -> int:
    return sum(map(_of, half.values()))


def _policy(half: Segments, chosen: Sequence[str]) -> tuple[float, float]:
    """The value per customer of treating some segments, and its variance."""
    total = _units(half)
    value = variance = 0.0
    for name in chosen:
        share = _of(half[name]) / total
        effect, se = _effect(half[name])
        value, variance = value + share * effect, variance + (share * se) ** 2
    return value, variance


def _with_ends(value: float, variance: float, quantile: float) -> PolicyValue:
    half_width = quantile * math.sqrt(variance)
    return PolicyValue(value, value - half_width, value + half_width)
