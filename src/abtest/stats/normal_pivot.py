"""One pivot for two estimates with known standard errors: z for the difference, Fieller's lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.absent import problems_of, without_inference
from abtest.stats.means.fieller import fieller_lift
from abtest.stats.pivot import Pivot
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison


@dataclass(frozen=True, slots=True)
class NormalLevel:
    """One variant's estimate.

    Attributes:
        value: The estimate, in the metric's unit; None where there is none.
        variance: Its variance, above 0 where there is no problem.
        problem: Why there is no estimate or no variance; empty where there are both.
    """

    value: float | None
    variance: float
    problem: str = ""


def normal_comparison(
    control: NormalLevel, treatment: NormalLevel, ci_level: float, method: str
) -> Comparison:
    """Compare two independent estimates by one normal statistic.

    p-value, difference interval and lift interval all invert
    T(rho) = (m_t - rho m_c) / sqrt(v_t + rho^2 v_c), which is normal in large samples.

    Args:
        control: The control's estimate.
        treatment: The treatment's estimate.
        ci_level: Coverage of the intervals, between 0 and 1.
        method: The method's kind, for the result.

    Returns:
        The comparison; without inference where a variant has a problem.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Fieller (1954), JRSS B 16, 175-185.

    Example:
        >>> control, treatment = NormalLevel(10.0, 0.5), NormalLevel(12.0, 0.5)
        >>> normal_comparison(control, treatment, 0.95, "rmst").statistic
        2.0
    """
    check_ci_level(ci_level)
    problems = problems_of(control.problem, treatment.problem)
    if problems or control.value is None or treatment.value is None:
        return without_inference(
            control.value, treatment.value, ci_level=ci_level, method=method, note=problems
        )
    known = control.value, control.variance, treatment.value, treatment.variance
    se = math.sqrt(control.variance + treatment.variance)
    return Pivot(control.value, treatment.value, se, None).comparison(
        lambda quantile: fieller_lift(*known, quantile), ci_level=ci_level, method=method
    )
