"""What more data are expected to be worth, and what a wrong choice is expected to cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtest.stats.bayes.normal import Normal


@dataclass(frozen=True, slots=True)
class SampleInformation:
    """The value of more data before a choice between doing it and leaving it.

    Attributes:
        preposterior_sd: How far the mean of the belief is expected to move.
        evsi: The expected value of the sample: per customer, in the unit of the belief.
        evpi: The expected value of knowing the truth, which no sample exceeds.
    """

    preposterior_sd: float
    evsi: float
    evpi: float


def sample_information(belief: Normal, se: float) -> SampleInformation:
    """The expected value of an experiment with a standard error, for a launch iff the mean is > 0.

    After the experiment the mean of the belief is N(m, s^2 / sqrt(s^2 + se^2)), of which only what
    is above 0 is taken: EVSI = E[max(0, X)] - max(0, m). With se = 0 this is EVPI.

    Args:
        belief: What is believed of the value per customer, less what a launch costs.
        se: The standard error of the experiment, at least 0, in the same unit.

    Returns:
        The values per customer.

    Raises:
        ValueError: ``se`` is negative.

    Source:
        Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, section 5.4.

    Example:
        >>> round(sample_information(Normal(0.4, 1.5), 0.6).evsi, 6)
        0.378373
    """
    if se < 0:
        raise ValueError(f"se is {se}; it must be at least 0.")
    moved = belief.sd * (belief.sd / math.hypot(belief.sd, se))
    return SampleInformation(moved, _gain(belief.mean, moved), _gain(belief.mean, belief.sd))


def _gain(mean: float, sd: float) -> float:
    """E[max(0, X)] - max(0, m), which is the shortfall on the side that is not chosen."""
    return Normal(abs(mean), sd).expected_shortfall()
