"""Power of two proportions: the normal formulas, which differ in the variance under no effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.power.normal import normal_power, normal_size
from abtest.stats.proportions.restricted_rates import rates_at_difference
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from abtest.stats.power.design import Design

_MANY = 10**9  # units that stand for a share in whole numbers


def proportions_size(p_control: float, p_treatment: float, design: Design) -> float:
    """Units of control that a difference of two shares needs, by the unpooled variance.

    n_c = (z_alpha + z_power)^2 [p_c q_c + p_t q_t / r] / (p_t - p_c)^2.

    Args:
        p_control: The share in control, 0 to 1.
        p_treatment: The share in treatment, another one.
        design: Error rates and split.

    Returns:
        Units of control, not rounded; treatment has ``design.ratio`` times as many.

    Raises:
        ValueError: A share is out of range, or they are the same.

    Source:
        Fleiss, Levin & Paik (2003), eq. 4.14 without its correction.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(proportions_size(0.10, 0.11, Design()))
        14748
    """
    _check(p_control, p_treatment)
    return normal_size(
        p_treatment - p_control, _variance(p_control), _variance(p_treatment), design
    )


def proportions_size_pooled(
    p_control: float, p_treatment: float, design: Design, margin: float = 0.0
) -> float:
    """Units of control, with the variance under the null where the statistic is under the null.

    n_c = (z_alpha s_0 + z_power s_1)^2 / (p_t - p_c - d_0)^2 with s_1^2 = p_c q_c + p_t q_t / r and
    s_0^2 the same at the likeliest rates under p_t - p_c = d_0: the pooled rate where d_0 is 0.

    Args:
        p_control: The share in control, 0 to 1.
        p_treatment: The share in treatment.
        design: Error rates and split; one side for non-inferiority.
        margin: d_0, the difference under the null: -0.03 for "at most 3 points lower".

    Returns:
        Units of control, not rounded.

    Raises:
        ValueError: A share is out of range, or their difference is the margin.

    Source:
        Farrington & Manning (1990), Statistics in Medicine 9, 1447-1454, method 3.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> one_sided = Design(alpha=0.025, sides=1)
        >>> round(proportions_size_pooled(0.8, 0.8, one_sided, margin=-0.03), 2)
        2794.11
    """
    _check(p_control, p_treatment)
    if p_treatment - p_control == margin:
        raise ValueError("the difference is the one under the null; no number of units finds it.")
    null_control, null_treatment = _null_rates(p_control, p_treatment, design.ratio, margin)
    at_null = _spread(null_control, null_treatment, design.ratio)
    at_effect = _spread(p_control, p_treatment, design.ratio)
    reach = design.z_alpha * math.sqrt(at_null) + design.z_power * math.sqrt(at_effect)
    return (reach / (p_treatment - p_control - margin)) ** 2


def proportions_size_arcsine(p_control: float, p_treatment: float, design: Design) -> float:
    """Units of control by the arcsine transformation, to hold against other calculators.

    The n_c at which Phi(x - z_alpha) + Phi(-x - z_alpha) is the power, with
    x = |h| sqrt(n_c / (1 + 1/r)) and h = 2 asin sqrt p_t - 2 asin sqrt p_c (Cohen's h). It is no
    better than the others and has no split into variances: the plan does not use it.

    Args:
        p_control: The share in control, 0 to 1.
        p_treatment: The share in treatment, another one.
        design: Error rates and split.

    Returns:
        Units of control, not rounded.

    Raises:
        ValueError: A share is out of range, or they are the same.

    Source:
        Cohen (1988), chapter 6.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(proportions_size_arcsine(0.10, 0.11, Design()))
        14744
    """
    _check(p_control, p_treatment)
    effect = abs(cohen_h(p_control, p_treatment))
    one_side = normal_size(effect, 1, 1, design)
    if design.sides == 1:
        return one_side

    def missing(n_control: float) -> float:
        shift = effect * math.sqrt(n_control / (1 + 1 / design.ratio))
        wrong_side = float(special.ndtr(-shift - design.z_alpha))
        return design.power - float(special.ndtr(shift - design.z_alpha)) - wrong_side

    return find_root(missing, 0.0, 2 * one_side)


def cohen_h(p_control: float, p_treatment: float) -> float:
    """The difference of two shares on the arcsine scale: 2 asin sqrt p_t - 2 asin sqrt p_c.

    Example:
        >>> round(cohen_h(0.10, 0.11), 5)
        0.03263
    """
    return 2 * math.asin(math.sqrt(p_treatment)) - 2 * math.asin(math.sqrt(p_control))


def proportions_power(
    n_control: float,
    p_control: float,
    p_treatment: float,
    design: Design,
    *,
    both_sides: bool = False,
) -> float:
    """The chance of finding the difference, by the unpooled variance: see `proportions_size`.

    Args:
        n_control: Units of control, above 0.
        p_control: The share in control, 0 to 1.
        p_treatment: The share in treatment.
        design: Error rates and split; its power is not used.
        both_sides: Whether a rejection on the wrong side counts as well.

    Returns:
        The power, 0 to 1.

    Raises:
        ValueError: A share is out of range, or there are no units.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(proportions_power(5000, 0.300, 0.325, Design()), 4)
        0.7697
    """
    _check(p_control, p_treatment)
    difference = p_treatment - p_control
    variances = _variance(p_control), _variance(p_treatment)
    found = normal_power(n_control, difference, *variances, design)
    if not both_sides or design.sides == 1 or max(variances) == 0:
        return found
    se = math.sqrt(_spread(p_control, p_treatment, design.ratio) / n_control)
    return found + float(special.ndtr(-abs(difference) / se - design.z_alpha))


def proportions_power_pooled(  # noqa: PLR0913 - a margin and a side more than its sibling
    n_control: float,
    p_control: float,
    p_treatment: float,
    design: Design,
    margin: float = 0.0,
    *,
    both_sides: bool = False,
) -> float:
    """The chance of finding the difference, with the variance under the null in the statistic.

    Phi([|p_t - p_c - d_0| sqrt n_c - z_alpha s_0] / s_1): see `proportions_size_pooled`.

    Args:
        n_control: Units of control, above 0.
        p_control: The share in control, 0 to 1.
        p_treatment: The share in treatment.
        design: Error rates and split; its power is not used.
        margin: d_0, the difference under the null.
        both_sides: Whether a rejection on the wrong side counts as well.

    Returns:
        The power, 0 to 1.

    Raises:
        ValueError: A share is out of range, or there are no units.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(proportions_power_pooled(5000, 0.300, 0.325, Design()), 4)
        0.7695
    """
    _check(p_control, p_treatment)
    if not n_control > 0:
        raise ValueError(f"n_control is {n_control}; it must be above 0.")
    null_rates = _null_rates(p_control, p_treatment, design.ratio, margin)
    limit = design.z_alpha * math.sqrt(_spread(*null_rates, design.ratio))
    at_effect = math.sqrt(_spread(p_control, p_treatment, design.ratio))
    distance = abs(p_treatment - p_control - margin) * math.sqrt(n_control)
    if at_effect == 0:
        return 1.0 if distance > limit else 0.0
    found = float(special.ndtr((distance - limit) / at_effect))
    if both_sides and design.sides == 2:
        found += float(special.ndtr((-distance - limit) / at_effect))
    return found


def proportions_mde(n_control: float, p_control: float, design: Design) -> float | None:
    """The smallest rise of a share that is found with the design's power.

    The difference d with d = (z_alpha + z_power) se(d), the variance of treatment taken at p_c + d:
    the larger root of a quadratic, which at p_c = 0 has a root at 0 as well.

    Args:
        n_control: Units of control, above 0.
        p_control: The share in control, 0 to 1.
        design: Error rates and split.

    Returns:
        The difference, above 0; None where not even a rise to 1 is found.

    Raises:
        ValueError: The share is out of range, or there are no units.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(proportions_mde(10_000, 0.10, Design()), 5)
        0.0122
    """
    _check(p_control, 1.0)

    if not n_control > 0:
        raise ValueError(f"n_control is {n_control}; it must be above 0.")
    # With k = (z_alpha + z_power)^2 / n_c: (1 + k / r) d^2 - (k / r) (1 - 2 p) d - k p q (1 + 1/r).
    k = (design.z_alpha + design.z_power) ** 2 / n_control
    leading, half = 1 + k / design.ratio, k / design.ratio * (0.5 - p_control)
    rest = k * _variance(p_control) * (1 + 1 / design.ratio)
    difference = (half + math.sqrt(half * half + leading * rest)) / leading
    return difference if 0 < difference <= 1 - p_control else None


def _null_rates(
    p_control: float, p_treatment: float, ratio: float, margin: float
) -> tuple[float, float]:
    """The likeliest rates of very many units under a difference of ``margin``."""
    n_control, n_treatment = _MANY, round(_MANY * ratio)
    control = Proportion(n_control, round(p_control * n_control))
    treatment = Proportion(n_treatment, round(p_treatment * n_treatment))
    return rates_at_difference(control, treatment, margin)


def _spread(p_control: float, p_treatment: float, ratio: float) -> float:
    return _variance(p_control) + _variance(p_treatment) / ratio


def _variance(p: float) -> float:
    return p * (1 - p)


def _check(*shares: float) -> None:
    for share in shares:
        if not 0 <= share <= 1:
            raise ValueError(f"a share is {share}; it must lie between 0 and 1.")
