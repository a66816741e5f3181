"""Do units whose window is over, and all units read off the survival curve, tell the same story?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.survival.kaplan_meier import check_horizon, curve_point
from abtest.stats.survival.log_rank import log_rank
from abtest.stats.tails import normal_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.summaries import Proportion
    from abtest.stats.survival.life_table import LifeTable

_NO_GAIN = 1e-9  # a gain of precision below this share of the variance is rounding


@dataclass(frozen=True, slots=True)
class ReadingCheck:
    """Whether two readings that should agree do.

    Attributes:
        gap: The first reading minus the second; None where there is none.
        statistic: The gap in standard errors; None where it cannot be tested.
        pvalue: Two-sided p-value of no gap; None where it cannot be tested.
        flagged: Whether that p-value is below the alpha asked for.
        note: What it means, or why there is no number, for people to read.
    """

    gap: float | None
    statistic: float | None
    pvalue: float | None
    flagged: bool
    note: str


def readings_agree(
    complete: Sequence[Proportion], tables: Sequence[LifeTable], horizon: float, alpha: float = 0.01
) -> ReadingCheck:
    """Compare the complete-case reading with the censored one.

    With one variant the reading is its share p of mature units with the event, against F = 1 - S
    off the curve; with (control, treatment) it is the difference of the two. Both estimate the
    same where late entrants are like early ones, and then the curve, which uses more, is the more
    precise: z = (p - F) / sqrt(F (1 - F) / n - v), v Greenwood's variance. A large z says that the
    immature units differ from the mature ones, and that the censored reading should not be trusted.

    Args:
        complete: Mature units and their events: one variant, or control and treatment.
        tables: All units of the same variants, mature or not.
        horizon: The window's end, in the tables' unit of time, above 0.
        alpha: The p-value below which the gap is flagged, between 0 and 1.

    Returns:
        The check. Without a test where a reading is missing or the curve is no more precise, as
        when all units are mature.

    Raises:
        ValueError: There are not one or two variants in each, or ``horizon`` or ``alpha`` is out
            of range.

    Source:
        Hausman (1978), Econometrica 46, 1251-1271, section 2: the variance of the gap between an
        efficient and an inefficient estimate is the difference of their variances.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> from abtest.stats.summaries import Proportion
        >>> table = LifeTable((5.0, 10.0, 30.0), (40, 30, 0), (0, 100, 50))
        >>> readings_agree([Proportion(90, 35)], [table], 30.0).flagged
        False
    """
    _check_alpha(alpha)
    if len(complete) != len(tables) or len(tables) not in (1, 2):
        raise ValueError(
            f"there are {len(complete)} proportions and {len(tables)} life tables; "
            "pass one variant, or control and treatment, of each."
        )
    points = [curve_point(table, horizon) for table in tables]
    if not all(proportion.n for proportion in complete):
        return _no_check(sentence("no unit of a variant is mature yet"))
    if not all(point.reached for point in points):
        return _no_check(sentence("a curve does not reach the end of the window"))
    signs = (1,) if len(points) == 1 else (-1, 1)
    gap = variance = total = 0.0
    for sign, proportion, point in zip(signs, complete, points, strict=True):
        gap += sign * (proportion.value - point.incidence)
        own = point.incidence * point.survival / proportion.n
        variance += own - point.variance
        total += own
    if variance <= _NO_GAIN * total:
        return ReadingCheck(
            gap, None, None, flagged=False, note=sentence("the curve adds no precision")
        )
    statistic = gap / math.sqrt(variance)
    return _verdict(gap, statistic, normal_pvalue(statistic), alpha, _READINGS)


def cohorts_agree(
    early: LifeTable, late: LifeTable, horizon: float, alpha: float = 0.01
) -> ReadingCheck:
    """Compare units of one variant that entered early with those that entered late.

    The censored reading assumes that they have one curve. The test is the log-rank test of late
    against early, over the times that both are followed for, up to the horizon.

    Args:
        early: Life table of the earlier entrants.
        late: Life table of the later ones.
        horizon: The window's end, in the tables' unit of time, above 0.
        alpha: The p-value below which a drift is flagged, between 0 and 1.

    Returns:
        The check; its gap is the log hazard ratio of late over early. Without a test where no event
        happens while both are followed.

    Raises:
        ValueError: ``horizon`` or ``alpha`` is out of range.

    Source:
        Mantel (1966), Cancer Chemotherapy Reports 50, 163-170.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> early = LifeTable((5.0, 30.0), (200, 0), (0, 800))
        >>> late = LifeTable((5.0, 10.0), (300, 0), (0, 700))
        >>> cohorts_agree(early, late, 30.0).flagged
        True
    """
    _check_alpha(alpha)
    check_horizon(horizon)
    result = log_rank(early.truncated(horizon), late.truncated(horizon))
    if result.difference is None or result.statistic is None or result.pvalue is None:
        return _no_check(sentence("no event tells early and late entrants apart"))
    return _verdict(result.difference, result.statistic, result.pvalue, alpha, _COHORTS)


_READINGS = (
    sentence("mature units and the survival curve agree"),
    sentence(
        "mature units and the survival curve disagree: immature units differ from mature ones"
    ),
)
_COHORTS = (
    sentence("early and late entrants have one curve"),
    sentence("late entrants differ from early ones: the survival curve mixes the two"),
)


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")


def _no_check(note: str) -> ReadingCheck:
    return ReadingCheck(None, None, None, flagged=False, note=note)


def _verdict(
    gap: float, statistic: float, pvalue: float, alpha: float, words: tuple[str, str]
) -> ReadingCheck:
    flagged = pvalue < alpha
    return ReadingCheck(gap, statistic, pvalue, flagged, words[flagged])
