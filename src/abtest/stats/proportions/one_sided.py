"""One-sided p-values from the statistic of a two-sided comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison


@dataclass(frozen=True, slots=True)
class OneSided:
    """P-values against one side each; they add up to 1.

    Attributes:
        greater: Of no effect or a negative one, against treatment above control.
        less: Of no effect or a positive one, against treatment below control.
    """

    greater: float
    less: float


def one_sided(comparison: Comparison) -> OneSided | None:
    """The one-sided p-values P(T >= t) and P(T <= t) of a comparison's own statistic.

    The smaller is half the two-sided p-value. Which side is asked about must be fixed before the
    data are seen; a one-sided test at 5% is a two-sided one at 10%, and the usual level is 2.5%.
    For a margin, read the interval: its lower end above the margin is the one-sided test at half
    the alpha.

    Args:
        comparison: A comparison whose statistic is t or normal.

    Returns:
        The two; None where the comparison has no p-value, or one that is not from a statistic
        (exact tests, permutation, bootstrap).

    Source:
        Casella & Berger (2002), Statistical Inference, section 8.3.4.

    Example:
        >>> from abtest.stats.means.welch import welch
        >>> from abtest.stats.summaries import Moments
        >>> found = one_sided(welch(Moments(50, 10.0, 245.0), Moments(50, 11.0, 245.0)))
        >>> round(found.greater, 4), round(found.less, 4)
        (0.0138, 0.9862)
    """
    statistic, df = comparison.statistic, comparison.df
    if comparison.pvalue is None or statistic is None or not comparison.coherent:
        return None
    tails = [
        float(special.ndtr(end) if df is None else special.stdtr(df, end))
        for end in (-statistic, statistic)
    ]
    return OneSided(*tails)
