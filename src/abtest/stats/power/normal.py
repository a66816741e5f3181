"""Power of a difference whose estimate is normal: means, ratios of sums, adjusted means, shares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.power.design import Design


def normal_size(
    difference: float, variance_control: float, variance_treatment: float, design: Design
) -> float:
    """Units of control that a difference needs.

    n_c = (z_alpha + z_power)^2 (v_c + v_t / r) / difference^2 with r treatment units for each unit
    of control.

    Args:
        difference: Treatment minus control, not 0; for non-inferiority its distance from the
            margin.
        variance_control: Of one unit of control.
        variance_treatment: Of one unit of treatment.
        design: Error rates and split.

    Returns:
        Units of control, not rounded; treatment has ``design.ratio`` times as many.

    Raises:
        ValueError: The difference is 0, or a variance is negative.

    Source:
        Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, chapter 4.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(normal_size(1, 100, 100, Design()), 1)
        1569.8
    """
    _check(difference, variance_control, variance_treatment)
    spread = variance_control + variance_treatment / design.ratio
    return (design.z_alpha + design.z_power) ** 2 * spread / difference**2


def normal_power(
    n_control: float,
    difference: float,
    variance_control: float,
    variance_treatment: float,
    design: Design,
) -> float:
    """The chance that the test finds the difference, on its own side.

    Phi(|difference| / se - z_alpha) with se^2 = (v_c + v_t / r) / n_c.

    Args:
        n_control: Units of control, above 0.
        difference: Treatment minus control.
        variance_control: Of one unit of control.
        variance_treatment: Of one unit of treatment.
        design: Error rates and split; its power is not used.

    Returns:
        The power, 0 to 1.

    Raises:
        ValueError: There are no units, or a variance is negative.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(normal_power(1569.776, 1, 100, 100, Design()), 4)
        0.8
    """
    _check(1.0, variance_control, variance_treatment)
    if not n_control > 0:
        raise ValueError(f"n_control is {n_control}; it must be above 0.")
    se = math.sqrt((variance_control + variance_treatment / design.ratio) / n_control)
    if se == 0:
        return 1.0 if difference else design.alpha / design.sides
    return float(special.ndtr(abs(difference) / se - design.z_alpha))


def normal_mde(
    n_control: float, variance_control: float, variance_treatment: float, design: Design
) -> float:
    """The smallest difference that is found with the design's power.

    Args:
        n_control: Units of control, above 0.
        variance_control: Of one unit of control.
        variance_treatment: Of one unit of treatment.
        design: Error rates and split.

    Returns:
        The difference, above 0.

    Raises:
        ValueError: There are no units, or a variance is negative.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(normal_mde(1569.776, 100, 100, Design()), 4)
        1.0
    """
    _check(1.0, variance_control, variance_treatment)
    if not n_control > 0:
        raise ValueError(f"n_control is {n_control}; it must be above 0.")
    se = math.sqrt((variance_control + variance_treatment / design.ratio) / n_control)
    return (design.z_alpha + design.z_power) * se


def _check(difference: float, *variances: float) -> None:
    if difference == 0:
        raise ValueError("difference is 0; no number of units finds an effect that is none.")
    for variance in variances:
        if not 0 <= variance < float("inf"):
            raise ValueError(f"a variance is {variance}; it must be a number from 0.")
