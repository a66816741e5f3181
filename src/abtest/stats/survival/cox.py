"""Cox's proportional hazards for two variants, from their life tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.roots import find_root
from abtest.stats.survival.hazards import hazard_comparison, no_hazard_comparison
from abtest.stats.survival.log_rank import no_common_events
from abtest.stats.survival.partial_likelihood import Deaths, Ties, deaths_of
from abtest.stats.survival.proportional_hazards import proportional_hazards_pvalue
from abtest.stats.survival.risk_sets import risk_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.comparison import Comparison
    from abtest.stats.survival.life_table import Floats, LifeTable

_LARGEST = 50.0  # beyond any log hazard ratio that counts of units can give
_METHOD = "cox"
_PH_ALPHA = 0.05
_AVERAGE = sentence("average hazard ratio, which depends on how long units were followed")


@dataclass(frozen=True, slots=True)
class CoxFit:
    """The fitted model.

    Attributes:
        log_ratio: Log hazard ratio of treatment over control.
        se: Its standard error by the model (inverse information).
        robust_se: Its standard error without trust in the model (Lin & Wei).
        log_likelihood_null: Log partial likelihood at no effect.
        log_likelihood: At the estimate.
        score_statistic: The score test's chi-square with one degree of freedom.
        ph_pvalue: P-value of proportional hazards, Kaplan-Meier scale; None where untestable.
    """

    log_ratio: float
    se: float
    robust_se: float
    log_likelihood_null: float
    log_likelihood: float
    score_statistic: float
    ph_pvalue: float | None

    @property
    def likelihood_ratio(self) -> float:
        """The likelihood-ratio test's chi-square with one degree of freedom."""
        return 2 * (self.log_likelihood - self.log_likelihood_null)


def cox_fit(strata: Sequence[tuple[LifeTable, LifeTable]], ties: Ties = "efron") -> CoxFit | None:
    """Fit the hazard ratio of treatment over control, each stratum with its own baseline.

    The estimate b solves sum (d_t - E(b)) = 0 over events; E is treatment's share of the risk set
    at the ratio exp(b). The score falls in b, so the root is unique.

    Args:
        strata: (control, treatment) of each stratum; one pair without strata.
        ties: How events at one time share their risk set.

    Returns:
        The fit; None where no finite ratio fits, because only one variant has events while both
        are followed.

    Source:
        Cox (1972), JRSS B 34, 187-220; Efron (1977), JASA 72, 557-565; Lin & Wei (1989), JASA 84,
        1074-1078, for the robust error.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> one = LifeTable((1.0, 2.0, 3.0), (1, 1, 0), (0, 0, 2))
        >>> cox_fit([(one, one)]).log_ratio
        0.0
    """
    fits = [deaths_of(risk_sets(*stratum), ties) for stratum in strata]
    if not _finite(fits):
        return None

    def score(log_ratio: float) -> float:
        return math.fsum(float(deaths.residuals(log_ratio).sum()) for deaths in fits)

    log_ratio = find_root(score, -_LARGEST, _LARGEST)
    information = _information(fits, log_ratio)
    meat = math.fsum(
        _squared_residuals(deaths, stratum, log_ratio)
        for deaths, stratum in zip(fits, strata, strict=True)
    )
    return CoxFit(
        log_ratio=log_ratio,
        se=1 / math.sqrt(information),
        robust_se=math.sqrt(meat) / information,
        log_likelihood_null=math.fsum(deaths.log_likelihood(0.0) for deaths in fits),
        log_likelihood=math.fsum(deaths.log_likelihood(log_ratio) for deaths in fits),
        score_statistic=score(0.0) ** 2 / _information(fits, 0.0),
        ph_pvalue=proportional_hazards_pvalue(strata, fits, log_ratio),
    )


def _information(fits: Sequence[Deaths], log_ratio: float) -> float:
    return math.fsum(float(deaths.variances(log_ratio).sum()) for deaths in fits)


def _finite(fits: Sequence[Deaths]) -> bool:
    """Whether both variants have events while both are at risk: else the ratio is 0 or infinite."""
    control = treatment = 0.0
    for deaths in fits:
        sets = deaths.sets
        both = (sets.at_risk_control > 0) & (sets.at_risk_treatment > 0)
        control += float(sets.events_control[both].sum())
        treatment += float(sets.events_treatment[both].sum())
    return control > 0 and treatment > 0


def _squared_residuals(
    deaths: Deaths, stratum: tuple[LifeTable, LifeTable], log_ratio: float
) -> float:
    """The sum over units of squared score residuals.

    Units of one variant that leave at one time in one way have the same residual. With h = 1 over
    the risk set's weight and E treatment's share of it, a unit with covariate x has
    (x - E) at its event, less exp(b x) sum h (x - E) over the events it was at risk of; at its own
    event, Efron's l-th counts for 1 - l / d (Therneau & Grambsch 2000, section 3.4 and 7.1).
    """
    control, treatment = deaths.at(log_ratio)
    total = control + treatment
    mean = deaths.by_time(treatment / total) / deaths.sets.events
    sides = (
        (0.0, -treatment, math.exp(-log_ratio / 2), deaths.sets.events_control, stratum[0]),
        (1.0, control, math.exp(log_ratio / 2), deaths.sets.events_treatment, stratum[1]),
    )
    squares = 0.0
    for covariate, distance, weight, events, table in sides:
        hazard = distance / total / total  # h (x - E)
        so_far = np.concatenate(([0.0], np.cumsum(deaths.by_time(hazard))))
        at_event = so_far[:-1] + deaths.by_time(hazard * (1 - deaths.gone))
        own = covariate - mean - weight * at_event
        squares += float((events * own * own).sum())
        squares += _censored_squares(table, deaths.sets.times, weight * so_far)
    return squares


def _censored_squares(table: LifeTable, times: Floats, so_far: Floats) -> float:
    """The same for censored units, who are at risk of every event up to their own time."""
    seen = np.searchsorted(times, np.array(table.times), side="right")
    residual = so_far[seen]
    return float((np.array(table.censored, dtype=np.float64) * residual * residual).sum())


def cox(control: LifeTable, treatment: LifeTable, ci_level: float = 0.95) -> Comparison:
    """Compare two variants by the hazard ratio with Efron's ties and the robust standard error.

    z = b / robust se; the difference is b, the log hazard ratio, and the lift exp(b) - 1: one
    pivot. Where the test of proportional hazards rejects at 5%, the ratio is not one number but an
    average over the follow-up, and a note says so.

    Assumes that how long a unit is followed says nothing about when its event would come, and, for
    the ratio to be one number, proportional hazards.

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison; without numbers where no finite ratio fits.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Cox (1972); Efron (1977); Lin & Wei (1989); Grambsch & Therneau (1994).

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> control = LifeTable((1.0, 2.0), (20, 20), (0, 60))
        >>> treatment = LifeTable((1.0, 2.0), (10, 10), (0, 80))
        >>> round(cox(control, treatment).lift, 3)
        -0.559
    """
    return stratified_cox([(control, treatment)], ci_level)


def stratified_cox(
    strata: Sequence[tuple[LifeTable, LifeTable]], ci_level: float = 0.95
) -> Comparison:
    """One hazard ratio over strata that each have a baseline of their own.

    Args:
        strata: (control, treatment) of each stratum.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, as for ``cox``.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Kalbfleisch & Prentice (2002), section 4.4.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> one = LifeTable((1.0, 2.0, 3.0), (1, 1, 0), (0, 0, 2))
        >>> stratified_cox([(one, one), (one, one)]).pvalue
        1.0
    """
    fit = cox_fit(strata)
    if fit is None:
        return no_hazard_comparison(ci_level, _METHOD, _why_no_ratio(strata))
    if fit.robust_se <= 1e-12 * fit.se:
        return no_hazard_comparison(
            ci_level, _METHOD, sentence("too few events for a robust error")
        )
    notes: tuple[str, ...] = ()
    if fit.ph_pvalue is not None and fit.ph_pvalue < _PH_ALPHA:
        drift = sentence(
            "the hazards are not proportional (p = {pvalue:.2g}): this is an {average}",
            pvalue=fit.ph_pvalue,
            average=_AVERAGE,
        )
        notes = (drift,)
    return hazard_comparison(fit.log_ratio, fit.robust_se, ci_level, _METHOD, notes)


def _why_no_ratio(strata: Sequence[tuple[LifeTable, LifeTable]]) -> str:
    general = no_common_events(strata)
    if "no event tells" not in general:
        return general
    return sentence(
        "only one variant has events while both are followed: no finite hazard ratio fits"
    )
