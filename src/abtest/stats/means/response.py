"""Who answered? The response rates of a survey, and what the missing answers could have changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.comparison import Interval
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class ResponseRates:
    """Response rates side by side.

    Attributes:
        rates: The share of each variant's units that answered; None where nobody was asked.
        statistic: Pearson's chi-square; None where nothing can be tested.
        df: Variants in which somebody was asked, less one.
        pvalue: Chance of rates at least this unequal were they the same; None as above.
        notes: Why something is missing or needs care.
    """

    rates: tuple[float | None, ...]
    statistic: float | None
    df: int
    pvalue: float | None
    notes: tuple[str, ...] = ()


def response_rates(answered: Sequence[int], asked: Sequence[int]) -> ResponseRates:
    """Test whether the same share of each variant's units answered, by Pearson's chi-square.

    X^2 = sum_v (a_v - m_v p)^2 / (m_v p (1 - p)) with p = sum a / sum m, on (variants - 1) degrees
    of freedom: the chi-square of the table of answered and not answered by variant, without a
    correction for continuity.

    Assumes that units answer independently and expected counts of about five or more.

    Args:
        answered: Units per variant that answered, from 0 to ``asked``.
        asked: Units per variant that could have answered, in the same order.

    Returns:
        The test. Without a p-value where fewer than two variants were asked, or where all units
        answered, or none.

    Raises:
        ValueError: The lengths differ, or a count is negative or above the units asked.

    Source:
        Pearson (1900), Phil. Mag. 50:157-175.

    Example:
        >>> found = response_rates([420, 350], [1000, 1000])
        >>> found.rates, round(found.pvalue, 5)
        ((0.42, 0.35), 0.0013)
    """
    if len(answered) != len(asked):
        raise ValueError(f"there are {len(answered)} and {len(asked)} counts; match them.")
    for part, whole in zip(answered, asked, strict=True):
        if not 0 <= part <= whole:
            raise ValueError(f"{part} of {whole} answered; it must be from 0 to all.")
    rates = tuple(
        part / whole if whole else None for part, whole in zip(answered, asked, strict=True)
    )
    df = max(sum(whole > 0 for whole in asked) - 1, 0)
    total, units = sum(answered), sum(asked)
    if df == 0:
        note = sentence("fewer than two variants were asked: nothing to test")
        return ResponseRates(rates, None, df, None, (note,))
    if total in (0, units):
        note = sentence("everybody answered: nothing to test")
        if total == 0:
            note = sentence("nobody answered: nothing to test")
        return ResponseRates(rates, None, df, None, (note,))
    share = total / units
    statistic = math.fsum(
        (part - whole * share) ** 2 / (whole * share * (1 - share))
        for part, whole in zip(answered, asked, strict=True)
        if whole
    )
    smallest = min(whole for whole in asked if whole) * min(share, 1 - share)
    notes = (
        (sentence("an expected count is under 5: the p-value is approximate"),)
        if smallest < 5
        else ()
    )
    return ResponseRates(rates, statistic, df, float(special.chdtrc(df, statistic)), notes)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one variant.

    Attributes:
        asked: Units that could have answered.
        answered: Those that did, from 0 to ``asked``.
        mean: The mean score of those that did, in the score's unit; unused where nobody did.
    """

    asked: int
    answered: int
    mean: float

    def mean_if_all(self, score: float) -> float:
        """The mean over all units had each one that did not answer given this score."""
        share = self.answered / self.asked
        return share * (self.mean if self.answered else 0.0) + (1 - share) * score


def worst_case_bounds(
    control: Answers, treatment: Answers, low: float, high: float
) -> Interval | None:
    """Between which values the difference lies, whatever the missing answers would have been.

    With r the share that answered, a variant's mean over all units asked is in
    [r mean + (1 - r) low, r mean + (1 - r) high]. The difference is smallest where every missing
    answer is the lowest in treatment and the highest in control, and largest the other way round.

    Assumes nothing but the scale. The bounds hold for the units that were asked; they are no
    confidence interval, and the error of sampling comes on top.

    Args:
        control: Control's answers.
        treatment: The treatment's answers.
        low: The lowest score there is, such as -100 for NPS.
        high: The highest.

    Returns:
        The bounds of treatment less control, in the score's unit; None where a variant was not
        asked at all.

    Raises:
        ValueError: A count or a mean is impossible, or ``low`` is not below ``high``.

    Source:
        Manski (1990), Nonparametric Bounds on Treatment Effects, Am. Econ. Rev. 80(2):319-323;
        Horowitz & Manski (2000), J. Am. Stat. Assoc. 95:77-84.

    Example:
        >>> bounds = worst_case_bounds(Answers(100, 90, 10.0), Answers(100, 80, 25.0), -100, 100)
        >>> round(bounds.low, 10), round(bounds.high, 10)
        (-19.0, 41.0)
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the scale is from {low} to {high}; it must be from low to high.")
    for side in (control, treatment):
        if not 0 <= side.answered <= side.asked:
            raise ValueError(f"{side.answered} of {side.asked} answered; it must be from 0 to all.")
        if side.answered and not low <= side.mean <= high:
            raise ValueError(f"a mean is {side.mean}; it must be from {low} to {high}.")
    if control.asked == 0 or treatment.asked == 0:
        return None
    return Interval(
        treatment.mean_if_all(low) - control.mean_if_all(high),
        treatment.mean_if_all(high) - control.mean_if_all(low),
    )
