"""How much of alpha may be spent by when: spending functions of the information fraction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from abtest.stats.scipy_special import special

Kind = Literal["obrien_fleming", "pocock", "hwang_shih_decani", "power"]


@dataclass(frozen=True, slots=True)
class Spending:
    """A spending function.

    With t the information fraction and a the alpha of one side: O'Brien-Fleming type
    2 - 2 Phi(z_{a/2} / sqrt(t)); Pocock type a ln(1 + (e - 1) t); Hwang-Shih-DeCani
    a (1 - e^{-g t}) / (1 - e^{-g}), or a t where g is 0; power a t^g. Beyond 1 everything is spent.

    Attributes:
        kind: Which function.
        parameter: g of the last two: -4 and 3 where nothing is said; the others have none.

    Source:
        Lan & DeMets (1983), Biometrika 70, 659; Kim & DeMets (1987), Biometrika 74, 149;
        Hwang, Shih & DeCani (1990), Statistics in Medicine 9, 1439.
    """

    kind: Kind = "obrien_fleming"
    parameter: float | None = None

    def __post_init__(self) -> None:
        """Refuse a parameter where there is none, or one under which nothing is spent in order."""
        if self.parameter is None:
            return
        if self.kind in ("obrien_fleming", "pocock"):
            raise ValueError(f"{self.kind} spending has no parameter; {self.parameter} is given.")
        if self.kind == "power" and not self.parameter > 0:
            raise ValueError(f"the power of spending is {self.parameter}; it must be above 0.")

    def spent(self, fraction: float, alpha: float) -> float:
        """What one side has spent at an information fraction.

        Args:
            fraction: The information as a share of the plan's; over 1 counts as 1.
            alpha: One side's error rate, between 0 and 1.

        Returns:
            The cumulative alpha, at most ``alpha``.

        Raises:
            ValueError: A fraction that is not above 0, or an alpha that is no error rate.

        Example:
            >>> round(Spending("pocock").spent(0.5, 0.025), 6)
            0.015503
        """
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
        if not fraction > 0:
            raise ValueError(f"an information fraction is {fraction}; it must be above 0.")
        if fraction >= 1:
            return alpha
        if self.kind == "obrien_fleming":
            z = float(special.ndtri(alpha / 2))
            return 2 * float(special.ndtr(z / math.sqrt(fraction)))
        if self.kind == "pocock":
            return alpha * math.log1p((math.e - 1) * fraction)
        if self.kind == "power":
            return alpha * math.pow(fraction, 3.0 if self.parameter is None else self.parameter)
        gamma = -4.0 if self.parameter is None else self.parameter
        if gamma == 0:
            return alpha * fraction
        if gamma < 0:  # the same, without numbers that are too large for a float
            late = math.exp(gamma * (1 - fraction))
            return alpha * late * math.expm1(gamma * fraction) / math.expm1(gamma)
        return alpha * math.expm1(-gamma * fraction) / math.expm1(-gamma)
