"""Net promoter scores from counts by the normal formulas that survey tools print, to compare."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.comparison import Estimate, Interval
from abtest.stats.normal_pivot import NormalLevel, normal_comparison
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison

_POINTS = 100.0
_CONSTANT = sentence("has answers of one kind only")


@dataclass(frozen=True, slots=True)
class NpsAnswers:
    """Who answered what.

    Attributes:
        promoters: NpsAnswers of 9 and 10.
        passives: NpsAnswers of 7 and 8.
        detractors: NpsAnswers of 0 to 6.

    Raises:
        ValueError: A count is negative.

    Example:
        >>> NpsAnswers(10, 5, 5).score
        25.0
    """

    promoters: int
    passives: int
    detractors: int

    def __post_init__(self) -> None:
        least = min(self.promoters, self.passives, self.detractors)
        if least < 0:
            raise ValueError(f"a count is {least}; it must be at least 0.")

    @property
    def n(self) -> int:
        """Everybody who answered."""
        return self.promoters + self.passives + self.detractors

    @property
    def score(self) -> float | None:
        """100 (P - D), in points from -100 to 100; None where nobody answered."""
        return _POINTS * (self.promoters - self.detractors) / self.n if self.n else None

    @property
    def variance(self) -> float | None:
        """P + D - (P - D)^2 with P and D shares: of one answer, on the scale from -1 to 1."""
        return _variance(self.promoters, self.passives, self.detractors) if self.n else None


def _variance(promoters: float, passives: float, detractors: float) -> float:
    """P + D - (P - D)^2, as 4 P D + (P + D)(1 - P - D), in which nothing cancels."""
    n = promoters + passives + detractors
    return (4 * promoters * detractors + (promoters + detractors) * passives) / n / n


def net_promoter_z(
    control: NpsAnswers, treatment: NpsAnswers, ci_level: float = 0.95
) -> Comparison:
    """Compare two scores by z = (NPS_t - NPS_c) / (100 sqrt(var_t / n_t + var_c / n_c)).

    For comparison with other tools: the variances are divided by n and not by n - 1, and taken for
    known. ``abtest analyze`` compares the scores -100, 0 and 100 by Welch's t, which is right with
    few answers too. A relative lift of a score says nothing: 1 point to 2 is +100%.

    Assumes one answer per unit and units that answer independently; and some 50 answers or more.

    Args:
        control: The control's answers.
        treatment: The treatment's answers.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in points. Without inference where nobody answered in a variant or where all
        of each variant's answers are of one kind.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Goodman (1964), Annals of Mathematical Statistics 35, 716-725; Rocks (2016), The American
        Statistician 70, 365-372.

    Example:
        >>> found = net_promoter_z(NpsAnswers(380, 330, 290), NpsAnswers(420, 310, 270))
        >>> found.difference, round(found.se, 3)
        (6.0, 3.646)
    """
    base, other = _level(control), _level(treatment)
    if not base.problem and not other.problem and base.variance + other.variance == 0:
        base, other = (replace(level, problem=_CONSTANT) for level in (base, other))
    return normal_comparison(base, other, ci_level, "net_promoter_z")


def _level(answers: NpsAnswers) -> NormalLevel:
    score, variance = answers.score, answers.variance
    if score is None or variance is None:
        return NormalLevel(None, 0.0, sentence("has no answers"))
    return NormalLevel(score, _POINTS * _POINTS * variance / answers.n)


def rocks_adjusted_wald(answers: NpsAnswers, ci_level: float = 0.95) -> Estimate:
    """One score with the Wald interval after adding 3/4, 3/2 and 3/4 answers.

    The three that are added are of promoters, passives and detractors. For fewer than 50 answers,
    where the plain interval is too narrow. It can reach beyond -100 and 100. Optional: its weights
    are those of the author's program.

    Args:
        answers: The answers of one variant.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The score, in points, with the interval around the score of the added-up answers; without
        both where nobody answered.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Rocks (2016), The American Statistician 70, 365-372.

    Example:
        >>> found = rocks_adjusted_wald(NpsAnswers(8, 2, 0))
        >>> round(found.ci.low, 1), round(found.ci.high, 1)
        (29.3, 93.8)
    """
    quantile = normal_quantile(ci_level)
    if answers.score is None:
        return Estimate(None, None, "rocks_adjusted_wald")
    more = answers.promoters + 0.75, answers.passives + 1.5, answers.detractors + 0.75
    n = math.fsum(more)
    centre = _POINTS * (more[0] - more[2]) / n
    half_width = quantile * _POINTS * math.sqrt(_variance(*more) / n)
    ci = Interval(centre - half_width, centre + half_width)
    return Estimate(answers.score, ci, "rocks_adjusted_wald")
