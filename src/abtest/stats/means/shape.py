"""Skewness, the largest customer's share, and whether the t test can stand the skew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abtest.stats.resampling.value_counts import ValueCounts

SKEW_LIMIT = 0.12


@dataclass(frozen=True, slots=True)
class SkewCheck:
    """How skewed the units are, and how much of it is left in the difference of means.

    Attributes:
        skewness: Skewness of the units around their own variant's mean; None where none varies.
        skewness_of_difference: Skewness of the difference of means at no effect; 0 where the
            variants have one size, because the two then cancel. None like the above.
        passes: Whether that is at most 0.12 both ways; True where there is nothing to skew.
    """

    skewness: float | None
    skewness_of_difference: float | None
    passes: bool


def skewness(counts: ValueCounts) -> float | None:
    """The skewness of the units, g1 = m_3 / m_2^1.5 with central moments over n.

    Args:
        counts: The variant's value counts. Of a histogram, third moments within bins count as 0.

    Returns:
        The skewness, without a unit; None where the units do not vary.

    Source:
        Joanes & Gill (1998), The Statistician 47, 183-189.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> round(skewness(ValueCounts.of([0.0, 0.0, 3.0])), 4)
        0.7071
    """
    return _skewness((counts,))


def adjusted_skewness(counts: ValueCounts) -> float | None:
    """The skewness with the correction for few units, G1 = g1 sqrt(n (n - 1)) / (n - 2).

    Of spreadsheets and of SAS. Of a normal population its mean is right; of skewed ones, both are
    far too small where units are few.

    Args:
        counts: The variant's value counts.

    Returns:
        The skewness, without a unit; None where there are fewer than three units or none varies.

    Source:
        Joanes & Gill (1998), The Statistician 47, 183-189.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> round(adjusted_skewness(ValueCounts.of([0.0, 0.0, 3.0])), 4)
        1.7321
    """
    plain, n = skewness(counts), counts.n
    if plain is None or n < 3:
        return None
    return plain * math.sqrt(n * (n - 1)) / (n - 2)


def units_by_rule_355(counts: ValueCounts) -> float | None:
    """The units per variant that the rule of thumb 355 g1^2 asks for, for comparison.

    Do not plan by it: it is about a single mean. Of variants of one size the skews cancel and far
    fewer units do; in a holdout of 5% even so many may not do. ``skew_check`` knows both sizes.

    Args:
        counts: The variant's value counts.

    Returns:
        The number of units, not rounded; None where the units do not vary.

    Source:
        Kohavi, Deng, Longbotham & Xu (2014), Seven rules of thumb for web site experimenters, KDD,
        rule 7.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> round(units_by_rule_355(ValueCounts.of([0.0, 0.0, 3.0])), 1)
        177.5
    """
    plain = skewness(counts)
    return None if plain is None else 355 * plain * plain


def _skewness(variants: tuple[ValueCounts, ...]) -> float | None:
    """Skewness around each variant's own mean, as m_3 / m_2^1.5 over all of them."""
    n = sum(variant.n for variant in variants)
    second = math.fsum(variant.moments.m2 for variant in variants)
    if n == 0 or not second > 0 or not math.isfinite(second):
        return None
    scale = math.sqrt(second / n)
    third = 0.0
    for variant in variants:
        steps = (variant.values - variant.moments.mean) / scale
        # Within a bin: E (b + w)^3 = b^3 + 3 b E w^2, with b the bin's step and w the rest.
        third += float((variant.counts * steps**3).sum())
        third += float((3 * steps * variant.m2 / scale**2).sum())
    return third / n


def share_of_top(counts: ValueCounts, share: float = 0.01) -> float | None:
    """The part of the total that the units with the highest values have.

    Args:
        counts: The variant's value counts. Of a histogram, bin means stand in for values.
        share: The share of units that are meant, in (0, 1); at least one unit is.

    Returns:
        Their part, from 0 to 1; None where the total is not positive or a value is negative.

    Raises:
        ValueError: ``share`` is not between 0 and 1.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> share_of_top(ValueCounts.exact([1.0, 51.0], [99, 1]))
        0.34
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must be between 0 and 1.")
    if not len(counts.values) or counts.values[0] < 0:
        return None
    total = float((counts.counts * counts.values).sum())
    if not total > 0:
        return None
    left, found = max(1, math.ceil(share * counts.n)), 0.0
    for value, n in zip(counts.values[::-1], counts.counts[::-1], strict=True):
        taken = min(left, int(n))
        found += taken * float(value)
        left -= taken
        if left == 0:
            break
    return found / total


def skew_check(control: ValueCounts, treatment: ValueCounts) -> SkewCheck:
    """Whether Welch's t can stand the skew of these two variants.

    With skewness g of the units, the difference of means at no effect has skewness
    g (n_c - n_t) / sqrt(n_c n_t (n_c + n_t)), which shifts each side's error of the t test by
    about (2 q^2 + 1) phi(q) / 6 = 0.085 of it at 95% (Edgeworth). Above 0.12 one side's error is
    3.5% and more where 2.5% is nominal, and simulated errors of both sides reach 5.5%. The rule
    "355 skewness^2 units" is far too strict for variants of one size and too lax for a small
    holdout; this one knows both sizes.

    Args:
        control: The control's value counts.
        treatment: The treatment's value counts.

    Returns:
        The diagnosis, which does not depend on which variant is which.

    Source:
        Hall (1992), The Bootstrap and Edgeworth Expansion, section 2.6, for the expansion of t.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> rows = ValueCounts.exact([0.0, 1.0, 500.0], [900, 99, 1])
        >>> skew_check(rows, rows).passes
        True
    """
    return _left(_skewness((control, treatment)), control.n, treatment.n)


def planned_skew(history: ValueCounts, n_control: float, n_treatment: float) -> SkewCheck:
    """The same before there are variants: the skew of earlier units, split as is planned.

    Args:
        history: Value counts of units from before the experiment.
        n_control: How many units the control will have.
        n_treatment: How many the treatment will have.

    Returns:
        The diagnosis by the formula of `skew_check`.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> history = ValueCounts.exact([0.0, 1.0, 500.0], [900, 99, 1])
        >>> planned_skew(history, 500, 500).passes, planned_skew(history, 50, 950).passes
        (True, False)
    """
    return _left(_skewness((history,)), n_control, n_treatment)


def _left(units: float | None, n_c: float, n_t: float) -> SkewCheck:
    """How much skewness of the units is left in the difference of means."""
    if units is None or not n_c or not n_t:
        return SkewCheck(units, None, passes=True)
    left = units * (n_c - n_t) / math.sqrt(n_c * n_t * (n_c + n_t))
    return SkewCheck(units, left, passes=abs(left) <= SKEW_LIMIT)
