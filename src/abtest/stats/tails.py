"""Quantiles and two-sided p-values, always from the upper tail so that small ones do not vanish."""

from __future__ import annotations

from abtest.stats.scipy_special import special


def check_ci_level(ci_level: float) -> None:
    """Raise ValueError unless ``ci_level`` is a coverage strictly between 0 and 1."""
    if not 0 < ci_level < 1:
        raise ValueError(f"ci_level is {ci_level}; it must lie strictly between 0 and 1.")


def normal_quantile(ci_level: float) -> float:
    """The half-width in standard errors of a two-sided normal interval.

    Example:
        >>> round(normal_quantile(0.95), 6)
        1.959964
    """
    check_ci_level(ci_level)
    return -float(special.ndtri((1 - ci_level) / 2))


def t_quantile(df: float, ci_level: float) -> float:
    """The half-width in standard errors of a two-sided t interval with ``df`` degrees of freedom.

    Example:
        >>> round(t_quantile(10, 0.95), 6)
        2.228139
    """
    check_ci_level(ci_level)
    return -float(special.stdtrit(df, (1 - ci_level) / 2))


def normal_pvalue(statistic: float) -> float:
    """Two-sided p-value of a standard normal statistic, 2 Phi(-abs(z)).

    Example:
        >>> round(normal_pvalue(1.959964), 6)
        0.05
    """
    return 2 * float(special.ndtr(-abs(statistic)))


def t_pvalue(statistic: float, df: float) -> float:
    """Two-sided p-value of a t statistic with ``df`` degrees of freedom.

    Example:
        >>> round(t_pvalue(2.228139, 10), 6)
        0.05
    """
    return 2 * float(special.stdtr(df, -abs(statistic)))
