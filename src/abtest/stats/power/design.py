"""What every question about power takes for granted: error rates and the split."""

from __future__ import annotations

from dataclasses import dataclass

from abtest.stats.scipy_special import special


@dataclass(frozen=True, slots=True)
class Design:
    """The error rates and the split of one comparison with control.

    Attributes:
        alpha: Error rate of the test, over both sides where it has two.
        power: The chance of finding the effect that is planned for.
        sides: 2, or 1 for non-inferiority.
        ratio: Treatment units for each unit of control; 1 is an even split.
        critical: The statistic from which the test rejects, in standard errors, where it is not
            the normal quantile of alpha: Dunnett's constant, or a sequential plan's.
    """

    alpha: float = 0.05
    power: float = 0.8
    sides: int = 2
    ratio: float = 1.0
    critical: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("power", self.power)):
            if not 0 < value < 1:
                raise ValueError(f"{name} is {value}; it must lie strictly between 0 and 1.")
        if self.sides not in (1, 2):
            raise ValueError(f"sides is {self.sides}; it must be 1 or 2.")
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"ratio is {self.ratio}; it must be a number above 0.")

    @property
    def z_alpha(self) -> float:
        """The statistic from which the test rejects, in standard errors."""
        if self.critical is not None:
            return self.critical
        return -float(special.ndtri(self.alpha / self.sides))

    @property
    def z_power(self) -> float:
        """How many standard errors above that the effect must lie."""
        return float(special.ndtri(self.power))

    def split(self, n_control: float) -> tuple[float, float]:
        """Units of control and of treatment."""
        return n_control, self.ratio * n_control


def allocation_efficiency(ratio: float) -> float:
    """How precise a split is beside an even one of as many units, where variances are equal.

    4 r / (1 + r)^2 with r treatment units for each unit of control.

    Args:
        ratio: Treatment units for each unit of control, above 0.

    Returns:
        The share, 0 to 1: at 0.19 (19:1) a split needs 5.3 times as many units as an even one.

    Raises:
        ValueError: The ratio is not above 0.

    Example:
        >>> round(allocation_efficiency(19), 2)
        0.19
    """
    if not 0 < ratio < float("inf"):
        raise ValueError(f"ratio is {ratio}; it must be a number above 0.")
    return 4 * ratio / (1 + ratio) ** 2
