"""Events that a log-rank test needs: units without an event add nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.power.design import Design


def events_schoenfeld(hazard_ratio: float, design: Design) -> float:
    """Events in both variants together, by Schoenfeld's formula.

    (z_alpha + z_power)^2 (1 + r)^2 / (r log(HR)^2).

    Args:
        hazard_ratio: Of treatment to control, above 0 and not 1.
        design: Error rates and split.

    Returns:
        Events, not rounded.

    Raises:
        ValueError: The hazard ratio is not above 0, or is 1.

    Source:
        Schoenfeld (1981), Biometrika 68, 316-319.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(events_schoenfeld(0.9, Design()), 1)
        2828.2
    """
    _check(hazard_ratio)
    reach = (design.z_alpha + design.z_power) / math.log(hazard_ratio)
    return reach**2 * (1 + design.ratio) ** 2 / design.ratio


def events_freedman(hazard_ratio: float, design: Design) -> float:
    """Events in both variants together, by Freedman's formula.

    (z_alpha + z_power)^2 (1 + r HR)^2 / (r (1 - HR)^2).

    Args:
        hazard_ratio: Of treatment to control, above 0 and not 1.
        design: Error rates and split.

    Returns:
        Events, not rounded.

    Raises:
        ValueError: The hazard ratio is not above 0, or is 1.

    Source:
        Freedman (1982), Statistics in Medicine 1, 121-129.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(events_freedman(0.9, Design()), 1)
        2833.4
    """
    _check(hazard_ratio)
    reach = (design.z_alpha + design.z_power) / (1 - hazard_ratio)
    return reach**2 * (1 + design.ratio * hazard_ratio) ** 2 / design.ratio


def power_schoenfeld(events: float, hazard_ratio: float, design: Design) -> float:
    """The chance that a log-rank test with so many events finds the hazard ratio.

    Example:
        >>> from abtest.stats.power.design import Design
        >>> round(power_schoenfeld(2828.2, 0.9, Design()), 3)
        0.8
    """
    _check(hazard_ratio)
    se = (1 + design.ratio) / math.sqrt(design.ratio * events)
    return float(special.ndtr(abs(math.log(hazard_ratio)) / se - design.z_alpha))


def _check(hazard_ratio: float) -> None:
    if not 0 < hazard_ratio < float("inf"):
        raise ValueError(f"hazard_ratio is {hazard_ratio}; it must be a number above 0.")
    if hazard_ratio == 1:
        raise ValueError("hazard_ratio is 1; no number of events finds an effect that is none.")
