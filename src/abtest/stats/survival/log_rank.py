"""The log-rank test of two survival curves, plain and stratified."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.absent import SIDES, problem_of
from abtest.stats.survival.hazards import hazard_comparison, no_hazard_comparison
from abtest.stats.survival.risk_sets import risk_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.comparison import Comparison
    from abtest.stats.survival.life_table import Floats, LifeTable
    from abtest.stats.survival.risk_sets import RiskSets

_METHOD = "log_rank"


@dataclass(frozen=True, slots=True)
class LogRankScore:
    """Events seen and expected in the treatment, added over times (and strata).

    Attributes:
        observed_control: Control's events, weighted.
        observed_treatment: Treatment's events, weighted.
        excess: Treatment's observed minus expected events.
        variance: Hypergeometric variance of the excess.
    """

    observed_control: float
    observed_treatment: float
    excess: float
    variance: float

    @property
    def chi_square(self) -> float | None:
        """The test statistic, with one degree of freedom; None without variance."""
        return self.excess * self.excess / self.variance if self.variance > 0 else None

    def __add__(self, other: LogRankScore) -> LogRankScore:
        return LogRankScore(
            self.observed_control + other.observed_control,
            self.observed_treatment + other.observed_treatment,
            self.excess + other.excess,
            self.variance + other.variance,
        )


def log_rank_score(control: LifeTable, treatment: LifeTable, rho: float = 0.0) -> LogRankScore:
    """Observed minus expected events, with weights S(t-)^rho of the pooled curve.

    At each time with d events among y units at risk, y_t of them treated, d_t - d y_t / y has
    variance d (y_t / y) (y_c / y) (y - d) / (y - 1).

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        rho: 0 for the log-rank test; 1 weighs early events more (Peto & Peto's Wilcoxon test).

    Returns:
        The score.

    Raises:
        ValueError: ``rho`` is negative.

    Source:
        Mantel (1966), Cancer Chemotherapy Reports 50, 163-170; Harrington & Fleming (1982),
        Biometrika 69, 553-566, for the weights.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> log_rank_score(LifeTable((1.0,), (1,), (3,)), LifeTable((1.0,), (3,), (1,))).excess
        1.0
    """
    if not rho >= 0:
        raise ValueError(f"rho is {rho}; it must be 0 or more.")
    sets = risk_sets(control, treatment)
    weights = _left_survival(sets) ** rho
    y, d = sets.at_risk, sets.events
    y_c, y_t = sets.at_risk_control, sets.at_risk_treatment
    # In this form an exchange of the variants changes the sign and no digit.
    excess = (sets.events_treatment * y_c - sets.events_control * y_t) / y
    variance = d * (y_c * y_t) * (y - d) / (y * y * np.maximum(y - 1, 1))
    return LogRankScore(
        float((weights * sets.events_control).sum()),
        float((weights * sets.events_treatment).sum()),
        float((weights * excess).sum()),
        float((weights * weights * variance).sum()),
    )


def _left_survival(sets: RiskSets) -> Floats:
    """The pooled Kaplan-Meier curve just before each time."""
    factors = (sets.at_risk - sets.events) / sets.at_risk
    return np.concatenate(([1.0], np.cumprod(factors)[:-1]))[: factors.size]


def log_rank(control: LifeTable, treatment: LifeTable, ci_level: float = 0.95) -> Comparison:
    """Test whether two curves are one, with the hazard ratio that the test implies.

    z = U / sqrt(V), U treatment's observed minus expected events; log hazard ratio U / V with
    standard error 1 / sqrt(V): the same z, so p-value and intervals agree. U / V is close to the
    Cox estimate where the ratio is near 1, and too near 1 where it is far from it.

    Assumes that how long a unit is followed says nothing about when its event would come.

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison: the difference is the log hazard ratio, the lift the ratio minus one.
        Without numbers where no event happens while both variants are followed.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Mantel (1966); Yusuf, Peto, Lewis, Collins & Sleight (1985), Progress in Cardiovascular
        Diseases 27, 335-371, appendix, for U / V.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> control, treatment = LifeTable((1.0,), (10,), (90,)), LifeTable((1.0,), (20,), (80,))
        >>> round(log_rank(control, treatment).pvalue, 4)
        0.0482
    """
    return stratified_log_rank([(control, treatment)], ci_level)


def stratified_log_rank(
    strata: Sequence[tuple[LifeTable, LifeTable]], ci_level: float = 0.95
) -> Comparison:
    """The log-rank test within strata: U and V are added over them.

    Args:
        strata: (control, treatment) of each stratum.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, as for ``log_rank``.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Mantel (1966); Kalbfleisch & Prentice (2002), section 1.5.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> pair = LifeTable((1.0,), (10,), (90,)), LifeTable((1.0,), (20,), (80,))
        >>> round(stratified_log_rank([pair, pair]).statistic, 3)
        2.794
    """
    empty = LogRankScore(0.0, 0.0, 0.0, 0.0)
    score = sum((log_rank_score(*stratum) for stratum in strata), start=empty)
    if score.variance <= 0:
        return no_hazard_comparison(ci_level, _METHOD, no_common_events(strata))
    return hazard_comparison(
        score.excess / score.variance, 1 / math.sqrt(score.variance), ci_level, _METHOD
    )


def no_common_events(strata: Sequence[tuple[LifeTable, LifeTable]]) -> str:
    """Why two sets of life tables cannot be compared by their hazards."""
    units = [sum(pair[side].n for pair in strata) for side in (0, 1)]
    for name, n in zip(SIDES, units, strict=True):
        if n == 0:
            return problem_of(name, sentence("has no observed units"))
    if not any(any(table.events) for pair in strata for table in pair):
        return sentence("there are no events")
    return sentence("no event tells the variants apart: both are never followed at the time of one")
