"""A hazard ratio as a comparison: the logarithm is the pivot, the lift is the ratio minus one."""

from __future__ import annotations

import math

from abtest.sentences import sentence
from abtest.stats.absent import without_inference
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.tails import normal_pvalue, normal_quantile

LOG_SCALE = sentence(
    "the difference is the log hazard ratio and the lift the hazard ratio minus one; "
    "a hazard ratio has no value for one variant"
)


def hazard_comparison(
    log_ratio: float, se: float, ci_level: float, method: str, notes: tuple[str, ...] = ()
) -> Comparison:
    """One statistic log_ratio / se for p-value, difference (log scale) and lift (ratio - 1).

    Args:
        log_ratio: Log hazard ratio of treatment over control.
        se: Its standard error, above 0.
        ci_level: Coverage of the intervals, between 0 and 1.
        method: The method's kind.
        notes: What needs care.

    Returns:
        The comparison; the two values are None, as a hazard ratio belongs to no single variant.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Example:
        >>> result = hazard_comparison(math.log(2), 0.5, 0.95, "cox")
        >>> round(result.lift, 9), round(result.statistic, 3)
        (1.0, 1.386)
    """
    quantile = normal_quantile(ci_level)
    low, high = log_ratio - quantile * se, log_ratio + quantile * se
    return Comparison(
        value=None,
        value_control=None,
        difference=log_ratio,
        difference_ci=Interval(low, high),
        lift=_minus_one(log_ratio),
        lift_ci=Interval(_minus_one(low), _minus_one(high)),
        se=se,
        statistic=log_ratio / se,
        df=None,
        pvalue=normal_pvalue(log_ratio / se),
        ci_level=ci_level,
        method=method,
        notes=(LOG_SCALE, *notes),
    )


def no_hazard_comparison(ci_level: float, method: str, note: str) -> Comparison:
    """No number, and why.

    Raises:
        ValueError: ``ci_level`` is no coverage.
    """
    normal_quantile(ci_level)
    return without_inference(None, None, ci_level=ci_level, method=method, note=note)


def _minus_one(log_ratio: float) -> float:
    return math.expm1(log_ratio) if log_ratio < 700 else math.inf
