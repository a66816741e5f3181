"""Whether p-values are uniform, as they are where nothing differs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def uniform_pvalue(values: ArrayLike) -> float:
    """Kolmogorov and Smirnov's test of a uniform distribution on 0 to 1.

    D = max(i/n - v(i), v(i) - (i - 1)/n), and P(sqrt(n) D' >= ...) by Kolmogorov's limit at
    D (sqrt n + 0.12 + 0.11 / sqrt n), which is right to about 0.001 from ten values on.

    Args:
        values: At least one number from 0 to 1.

    Returns:
        The p-value.

    Raises:
        ValueError: There is no value, or one is not between 0 and 1.

    Source:
        Stephens (1970), JRSS B 32, 115-122.

    Example:
        >>> round(uniform_pvalue([(i - 0.5) / 50 for i in range(1, 51)]), 3)
        1.0
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n == 0:
        raise ValueError("there are no values; there must be at least one.")
    if not (ordered[0] >= 0 and ordered[-1] <= 1):
        raise ValueError("a value is not between 0 and 1; each must be.")
    above = np.arange(1, n + 1) / n - ordered
    below = ordered - np.arange(n) / n
    distance = float(max(above.max(), below.max()))
    root = math.sqrt(n)
    return float(special.kolmogorov(distance * (root + 0.12 + 0.11 / root)))
