"""Power of the t-test by the noncentral t distribution, for few units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.power.normal import normal_mde, normal_size
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.power.design import Design

_FEWEST = 1.001  # units of control: fewer leave no degree of freedom


def t_power(
    n_control: float, difference: float, sd: float, design: Design, *, both_sides: bool = False
) -> float:
    """The chance that a t-test of two means with one variance finds their difference.

    P(T > q) with T noncentral t, df = n_c + n_t - 2, noncentrality
    difference / (sd sqrt(1/n_c + 1/n_t)) and q the upper alpha / sides quantile.

    Args:
        n_control: Units of control, more than 1.
        difference: Treatment minus control.
        sd: Standard deviation of one unit, above 0.
        design: Error rates and split; its power is not used.
        both_sides: Whether a rejection on the wrong side counts as well.

    Returns:
        The power, 0 to 1.

    Raises:
        ValueError: There are too few units, or sd is not above 0.

    Source:
        Cohen (1988), Statistical Power Analysis, chapter 2.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(t_power(400, 1, 10, Design(), both_sides=True), 4)
        0.2924
    """
    if not sd > 0:
        raise ValueError(f"sd is {sd}; it must be above 0.")
    n_c, n_t = design.split(n_control)
    df = n_c + n_t - 2
    if not df > 0:
        raise ValueError(f"{n_c} and {n_t} units leave no degree of freedom.")
    noncentrality = abs(difference) / (sd * math.sqrt(1 / n_c + 1 / n_t))
    quantile = -float(special.stdtrit(df, design.alpha / design.sides))
    found = 1 - float(special.nctdtr(df, noncentrality, quantile))
    if both_sides and design.sides == 2:
        found += float(special.nctdtr(df, noncentrality, -quantile))
    return found


def t_size(difference: float, sd: float, design: Design) -> float:
    """Units of control that a t-test needs, not rounded.

    Args:
        difference: Treatment minus control, not 0.
        sd: Standard deviation of one unit, above 0.
        design: Error rates and split.

    Returns:
        Units of control; treatment has ``design.ratio`` times as many.

    Raises:
        ValueError: The difference is 0, or sd is not above 0.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(t_size(1, 10, Design()), 2)
        1570.74
    """
    start = normal_size(difference, sd * sd, sd * sd, design)
    low = _FEWEST / min(design.ratio, 1.0)

    def missing(n_control: float) -> float:
        return design.power - t_power(n_control, difference, sd, design)

    return find_root(missing, low, 2 * start + 20 / min(design.ratio, 1.0))


def t_mde(n_control: float, sd: float, design: Design) -> float:
    """The smallest difference that a t-test finds with the design's power.

    Args:
        n_control: Units of control, more than 1.
        sd: Standard deviation of one unit, above 0.
        design: Error rates and split.

    Returns:
        The difference, above 0.

    Raises:
        ValueError: There are too few units, or sd is not above 0.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(t_mde(4000, 10, Design()), 4)
        0.6265
    """

    def missing(difference: float) -> float:
        return design.power - t_power(n_control, difference, sd, design)

    highest = normal_mde(n_control, sd * sd, sd * sd, design)
    while missing(highest) > 0:
        highest *= 2
    return find_root(missing, 0.0, highest)
