"""Two means: Welch's t and Fieller's lift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.means.t_pivot import Level, t_comparison

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison
    from abtest.stats.summaries import Moments

_ROUNDING = 1e-15  # a spread below this share of the mean is rounding, not variation


def mean_level(moments: Moments) -> Level:
    """The mean of one variant with the variance of that mean, m2 / (n (n - 1)).

    Args:
        moments: The variant's moments.

    Returns:
        The level; its variance is None with fewer than two units or where a moment overflowed.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> mean_level(Moments(n=5, mean=2.0, m2=40.0)).variance
        2.0
    """
    n = moments.n
    if n == 0:
        return Level(None, None, 0, sentence("has no observed units"))
    if not (math.isfinite(moments.mean) and math.isfinite(moments.m2)):
        return Level(None, None, 0, sentence("has values too large to average"))
    if n == 1:
        return Level(
            moments.mean, None, 0, sentence("has one observed unit, which shows no variation")
        )
    noise = _ROUNDING * moments.mean
    m2 = moments.m2 if moments.m2 > n * noise * noise else 0.0
    return Level(moments.mean, m2 / (n - 1) / n, n - 1)


def welch(control: Moments, treatment: Moments, ci_level: float = 0.95) -> Comparison:
    """Compare two means without assuming equal variances.

    t = (m_t - m_c) / sqrt(s2_t / n_t + s2_c / n_c), degrees of freedom by Satterthwaite. The lift's
    interval is Fieller's with the same degrees of freedom, so p-value and both intervals agree.

    Assumes independent units and means that are close to normal: large samples, or mild skew.

    Args:
        control: The control's moments.
        treatment: The treatment's moments.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit. Without inference with fewer than two units in a
        variant or where neither varies; without a lift where control's mean is not positive.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Welch (1947), Biometrika 34, 28-35; Fieller (1954), JRSS B 16, 175-185.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> round(welch(Moments(50, 10.0, 245.0), Moments(50, 11.0, 245.0)).pvalue, 4)
        0.0276
    """
    return t_comparison(mean_level(control), mean_level(treatment), ci_level, "welch")


def student(control: Moments, treatment: Moments, ci_level: float = 0.95) -> Comparison:
    """Compare two means by the t test that assumes equal variances, to compare with other tools.

    t = (m_t - m_c) / sqrt(s2 (1 / n_t + 1 / n_c)) with s2 the variance pooled over both variants,
    on n_t + n_c - 2 degrees of freedom; Fieller's lift by the same statistic.

    Do not decide by it. Where the smaller variant varies more, it rejects far too often, and where
    the larger one does, too seldom; Welch's test costs next to nothing where variances are equal.

    Assumes independent units, means that are close to normal, and equal variances.

    Args:
        control: The control's moments.
        treatment: The treatment's moments.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit. One unit in a variant is enough where the other has
        two. Without inference where no unit varies about its variant's mean.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Student (1908), Biometrika 6, 1-25.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> student(Moments(50, 10.0, 245.0), Moments(50, 11.0, 245.0)).df
        98
    """
    base, other = mean_level(control), mean_level(treatment)
    df = control.n + treatment.n - 2
    if base.value is not None and other.value is not None and df > 0:
        parts = ((base, control.n), (other, treatment.n))
        pooled = math.fsum((level.variance or 0.0) * n * (n - 1) for level, n in parts) / df
        base, other = (Level(level.value, pooled / n, df) for level, n in parts)
    return t_comparison(base, other, ci_level, "student", lambda *_: df)
