"""Did the split come out as planned? The sample-ratio check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Observed counts against the planned split.

    Attributes:
        statistic: Pearson's chi-square; None where nothing can be tested.
        df: Variants with a share, less one.
        pvalue: Chance of a split at least this far from the plan; None where nothing can be tested.
        expected: Expected count of each variant, in the order that was passed.
        unexpected: Units seen in variants whose planned share is zero: any at all is an error.
        notes: Why something is missing or needs care.
    """

    statistic: float | None
    df: int
    pvalue: float | None
    expected: tuple[float, ...]
    unexpected: int
    notes: tuple[str, ...] = ()


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Test counts of units against the planned shares by Pearson's chi-square.

    X^2 = sum (observed - expected)^2 / expected over the variants with a positive share. Variants
    with share zero cost no degree of freedom; units in them are reported in ``unexpected``.

    Assumes independent assignment of each unit and, for more than two variants, expected counts of
    about five or more; with two variants and fewer the p-value is the exact one.

    Args:
        counts: Units per variant, at least 0.
        weights: Planned shares in the same order, in any unit, at least 0.

    Returns:
        The test. Without a p-value where fewer than two variants have a share or no unit came.

    Raises:
        ValueError: The lengths differ, or a count or weight is negative or not finite.

    Source:
        Pearson (1900); Fabijan et al. (2019), Diagnosing sample ratio mismatch, KDD.

    Example:
        >>> round(sample_ratio([821588, 815482], [50, 50]).pvalue, 8)
        1.82e-06
    """
    if len(counts) != len(weights):
        raise ValueError(f"there are {len(counts)} counts and {len(weights)} weights; match them.")
    for value in (*counts, *weights):
        if not 0 <= value < float("inf"):
            raise ValueError(f"a count or weight is {value}; it must be a number from 0.")
    planned = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight]
    units = sum(count for count, _ in planned)
    unexpected = sum(counts) - units
    total_weight = math.fsum(weights)
    expected = tuple(units * weight / total_weight if weight else 0.0 for weight in weights)
    df = max(len(planned) - 1, 0)
    if df == 0 or units == 0:
        note = (
            sentence("no units") if df else sentence("fewer than two variants have a planned share")
        )
        return SampleRatio(
            None, df, None, expected, unexpected, (sentence("{note}: nothing to test", note=note),)
        )
    terms = (
        (count - share) ** 2 / share
        for count, share, weight in zip(counts, expected, weights, strict=True)
        if weight
    )
    statistic = math.fsum(terms)
    small = min(share for share, weight in zip(expected, weights, strict=True) if weight) < 5
    if small and len(planned) == 2:
        exact = exact_split_pvalue(int(planned[0][0]), units, planned[0][1] / total_weight)
        return SampleRatio(statistic, df, exact, expected, unexpected)
    notes = (sentence("an expected count is under 5: the p-value is approximate"),) if small else ()
    pvalue = float(special.chdtrc(df, statistic))
    return SampleRatio(statistic, df, pvalue, expected, unexpected, notes)


def summed(tests: Sequence[SampleRatio]) -> SampleRatio:
    """Several splits as one: customers who entered at 50:50, and those who entered at 80:20.

    The statistics and their degrees of freedom add up, as the splits are independent; so do the
    expected counts.

    Args:
        tests: One test for each split, of the same variants.

    Returns:
        The test of all of them.

    Example:
        >>> both = summed([sample_ratio([50, 50], [1, 1]), sample_ratio([85, 15], [4, 1])])
        >>> both.df, round(both.statistic, 4)
        (2, 1.5625)
    """
    found = [test for test in tests if test.pvalue is not None]
    statistic, df = (
        math.fsum(test.statistic or 0.0 for test in found),
        sum(test.df for test in found),
    )
    return SampleRatio(
        statistic=statistic if found else None,
        df=df,
        pvalue=float(special.chdtrc(df, statistic)) if found else None,
        expected=tuple(map(math.fsum, zip(*(test.expected for test in tests), strict=True))),
        unexpected=sum(test.unexpected for test in tests),
    )


def exact_split_pvalue(count: int, units: int, share: float) -> float:
    """Two-sided exact p-value of one of two variants' counts: for few units.

    The chance of all counts that are at most as likely as the observed one.

    Args:
        count: Units in one variant.
        units: Units in both.
        share: The variant's planned share, strictly between 0 and 1.

    Returns:
        The p-value; 1 without units.

    Raises:
        ValueError: A count or share that is none.

    Source:
        Clopper & Pearson (1934) for the tails; the method of small p-values, as R's binom.test.

    Example:
        >>> round(exact_split_pvalue(1, 10, 0.5), 6)
        0.021484
    """
    if not 0 <= count <= units:
        raise ValueError(f"a variant has {count} of {units} units; it must be between 0 and all.")
    if not 0 < share < 1:
        raise ValueError(f"the share is {share}; it must lie strictly between 0 and 1.")
    mean = units * share
    if count > mean:  # mirrored, so that the observed count is in the lower tail
        count, share, mean = units - count, 1 - share, units - mean

    def log_chance(k: int) -> float:
        ways = -float(special.betaln(k + 1, units - k + 1)) - math.log(units + 1)
        return ways + k * math.log(share) + (units - k) * math.log1p(-share)

    # Ties count although rounding may part them.
    limit = log_chance(count) + 1e-7
    low, high = math.ceil(mean), units + 1
    while low < high:
        middle = (low + high) // 2
        if log_chance(middle) <= limit:
            high = middle
        else:
            low = middle + 1
    lower = float(special.bdtr(count, units, share))
    upper = float(special.bdtrc(low - 1, units, share)) if low <= units else 0.0
    return 1.0 if low <= count + 1 else min(lower + upper, 1.0)
