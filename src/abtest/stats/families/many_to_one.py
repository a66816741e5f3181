"""Several treatments against one control: adjusted p-values and simultaneous intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.families.max_t import MaxT, loadings_of
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.summaries import Moments, Proportion


@dataclass(frozen=True, slots=True)
class ManyToOne:
    """Each treatment against control, in the order that was passed.

    Attributes:
        differences: Treatment minus control, in the metric's unit.
        errors: Their standard errors.
        statistics: Difference over standard error.
        df: Degrees of freedom; None for the normal distribution.
        pvalues_adjusted: Two-sided p-values that bound the chance of any false claim.
        critical_value: What a statistic must exceed.
        intervals: Simultaneous intervals: all of them hold the truth with the coverage asked for.
    """

    differences: tuple[float, ...]
    errors: tuple[float, ...]
    statistics: tuple[float, ...]
    df: float | None
    pvalues_adjusted: tuple[float, ...]
    critical_value: float
    intervals: tuple[Interval, ...]


def many_to_one(
    control: tuple[float, float],
    treatments: Sequence[tuple[float, float]],
    df: float | None = None,
    ci_level: float = 0.95,
) -> ManyToOne:
    """Single-step comparisons with one control by the largest statistic.

    T_i = (m_i - m_c) / sqrt(v_i + v_c); T_i and T_j have the correlation b_i b_j with
    b_i = sqrt(v_c / (v_c + v_i)). p-values and intervals come from one critical value, so that a
    p-value is below 1 - ci_level exactly when its interval leaves out 0.

    Assumes independent estimates that are normal, or t with one common error estimate.

    Args:
        control: Control's estimate and the variance of that estimate.
        treatments: The same of each treatment.
        df: Degrees of freedom of the common error; None where variances are known or samples large.
        ci_level: Joint coverage of the intervals, between 0 and 1.

    Returns:
        All comparisons.

    Raises:
        ValueError: ``ci_level`` is no coverage, a variance is negative, or a difference has none.

    Source:
        Dunnett (1964), Biometrics 20, 482-491; Hothorn, Bretz & Westfall (2008), Biometrical
        Journal 50, 346-363.

    Example:
        >>> found = many_to_one((10.0, 0.5), [(12.0, 0.5), (10.5, 0.5)])
        >>> round(found.critical_value, 4), [round(p, 4) for p in found.pvalues_adjusted]
        (2.2121, [0.0829, 0.8349])
    """
    check_ci_level(ci_level)
    value_control, variance_control = control
    family = MaxT(loadings_of(variance_control, [variance for _, variance in treatments]), df)
    differences = tuple(value - value_control for value, _ in treatments)
    errors = tuple(math.sqrt(variance_control + variance) for _, variance in treatments)
    if not all(errors):
        raise ValueError("a difference has no variance; at least one of the two must vary.")
    statistics = tuple(d / error for d, error in zip(differences, errors, strict=True))
    bound = family.critical_value(1 - ci_level)
    return ManyToOne(
        differences=differences,
        errors=errors,
        statistics=statistics,
        df=df,
        pvalues_adjusted=tuple(map(family.pvalue, statistics)),
        critical_value=bound,
        intervals=tuple(
            Interval(d - bound * error, d + bound * error)
            for d, error in zip(differences, errors, strict=True)
        ),
    )


def dunnett(control: Moments, treatments: Sequence[Moments], ci_level: float = 0.95) -> ManyToOne:
    """Dunnett's test of means with one pooled variance.

    s^2 = sum of the centred second moments / (N - k - 1) over control and k treatments.

    Assumes normal values with the same variance in every variant; ``many_to_one`` with each
    variant's own variance does not.

    Args:
        control: The control's moments.
        treatments: The moments of each treatment.
        ci_level: Joint coverage of the intervals, between 0 and 1.

    Returns:
        All comparisons.

    Raises:
        ValueError: ``ci_level`` is no coverage, a variant is empty, or nothing varies.

    Source:
        Dunnett (1955), JASA 50, 1096-1121.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> found = dunnett(Moments(6, 8.25, 5.0), [Moments(4, 9.0, 3.0), Moments(5, 11.0, 9.0)])
        >>> found.df, round(found.pvalues_adjusted[1], 4)
        (12, 0.0047)
    """
    variants = (control, *treatments)
    if any(moments.n == 0 for moments in variants):
        raise ValueError("a variant has no units; each must have at least one.")
    df = sum(moments.n - 1 for moments in variants)
    if df < 1:
        raise ValueError("every variant has one unit; the variance cannot be estimated.")
    pooled = math.fsum(moments.m2 for moments in variants) / df
    base, *others = [(moments.mean, pooled / moments.n) for moments in variants]
    return many_to_one(base, others, df, ci_level)


def max_z(
    control: Proportion, treatments: Sequence[Proportion], ci_level: float = 0.95
) -> ManyToOne:
    """Several shares against one by the largest z with unpooled variances p q / n.

    Assumes enough events and non-events in each variant for the normal distribution.

    Args:
        control: The control's units and events.
        treatments: The same of each treatment.
        ci_level: Joint coverage of the intervals, between 0 and 1.

    Returns:
        All comparisons.

    Raises:
        ValueError: ``ci_level`` is no coverage, a variant is empty, or two variants do not vary.

    Source:
        Hothorn, Bretz & Westfall (2008), Biometrical Journal 50, 346-363.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> found = max_z(Proportion(1000, 100), [Proportion(1000, 130), Proportion(1000, 110)])
        >>> [round(p, 4) for p in found.pvalues_adjusted]
        [0.0656, 0.6908]
    """
    if any(counts.n == 0 for counts in (control, *treatments)):
        raise ValueError("a variant has no units; each must have at least one.")
    base, *others = [
        (counts.value, counts.value * (1 - counts.value) / counts.n)
        for counts in (control, *treatments)
    ]
    return many_to_one(base, others, None, ci_level)
