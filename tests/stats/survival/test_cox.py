from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import chi2, norm
from statsmodels.duration.hazard_regression import PHReg

from abtest.stats.survival import partial_likelihood
from abtest.stats.survival.cox import CoxFit, cox, cox_fit, stratified_cox
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.partial_likelihood import Ties, deaths_of
from abtest.stats.survival.proportional_hazards import proportional_hazards_pvalue
from abtest.stats.survival.risk_sets import risk_sets
from support import expected, golden_cases
from survival_tables import Units, golden_tables, rossi_tables, table, units

Pair = tuple[LifeTable, LifeTable]


def _fit(strata: list[Pair], ties: Ties = "efron") -> CoxFit:
    fit = cox_fit(strata, ties)
    assert fit is not None
    return fit


def _tests(fit: CoxFit, strata: list[Pair], ties: Ties) -> dict[str, Any]:
    deaths = [deaths_of(risk_sets(*pair), ties) for pair in strata]
    quantile = norm.ppf(0.975)
    return {
        "loghr": fit.log_ratio,
        "se": fit.se,
        "hr": math.exp(fit.log_ratio),
        "hr_ci": [math.exp(fit.log_ratio + side * quantile * fit.se) for side in (-1, 1)],
        "wald_p": 2 * norm.sf(abs(fit.log_ratio / fit.se)),
        "robust_se": fit.robust_se,
        "lr_stat": fit.likelihood_ratio,
        "lr_p": chi2.sf(fit.likelihood_ratio, 1),
        "score_stat": fit.score_statistic,
        "score_p": chi2.sf(fit.score_statistic, 1),
        "loglik": [fit.log_likelihood_null, fit.log_likelihood],
        "zph_identity_p": proportional_hazards_pvalue(strata, deaths, fit.log_ratio, "identity"),
        "zph_km_p": fit.ph_pvalue,
    }


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-cox"))
def test_reference_rows(case: dict[str, Any], golden_data: Path) -> None:
    ties: Ties = "breslow" if case["inputs"].get("ties") == "breslow" else "efron"
    strata = [golden_tables(golden_data)]
    if "strat" in case["id"]:
        strata = [golden_tables(golden_data, segment) for segment in ("new", "existing")]
    got = _tests(_fit(strata, ties), strata, ties)
    for key in got.keys() & case["expected"].keys():
        assert got[key] == expected(case, key), key


def test_an_exact_root() -> None:
    """Breslow's ratio solves r^2 - 3 r - 6 = 0 on six units, so r = (3 + sqrt 33) / 2.

    Events at 1 (x = 1) and 6 (x = 1 and 0) and 9 (x = 0) with units censored at 1 (x = 1) and 8
    (x = 0): the score is 1 - r / (r + 1) + 1 - 2 r / (r + 3), whose root this is. A test set of
    Therneau & Grambsch (2000), Modeling Survival Data, appendix E.
    """
    control = LifeTable.of([6, 8, 9], [True, False, True])
    treatment = LifeTable.of([1, 1, 6], [True, False, True])
    breslow = _fit([(control, treatment)], "breslow")
    assert math.exp(breslow.log_ratio) == pytest.approx((3 + math.sqrt(33)) / 2, rel=1e-12)
    assert breslow.log_likelihood_null == pytest.approx(-math.log(6 * 4 * 4), rel=1e-12)


def test_rossi_agrees_with_statsmodels(shared_data: Path) -> None:
    """statsmodels 0.15.0: PHReg(week, fin, status=arrest, ties='efron')."""
    fit = _fit([rossi_tables(shared_data)])
    assert fit.log_ratio == pytest.approx(-0.3690692102755324, rel=1e-6)
    assert fit.se == pytest.approx(0.18972243678909706, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-673.4621040921375, rel=1e-9)


def test_rossi_is_proportional_as_lifelines_says(shared_data: Path) -> None:
    """lifelines 0.30.3, proportional_hazard_test(time_transform="identity"), gives p .9864694.

    It uses the older approximation, which is close here. Its "km" scale is S(t), R's is S(t-).
    """
    pair = rossi_tables(shared_data)
    deaths = [deaths_of(risk_sets(*pair))]
    got = proportional_hazards_pvalue([pair], deaths, _fit([pair]).log_ratio, "identity")
    assert got == pytest.approx(0.9864694, abs=1e-6)


def test_rossi_by_race_agrees_with_statsmodels(shared_data: Path) -> None:
    """statsmodels 0.15.0: the same with strata=race."""
    with (shared_data / "rossi.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    strata = []
    for race in ("0", "1"):
        pair = [
            LifeTable.of(
                [float(r["week"]) for r in rows if (r["race"], r["fin"]) == (race, aid)],
                [r["arrest"] == "1" for r in rows if (r["race"], r["fin"]) == (race, aid)],
            )
            for aid in ("0", "1")
        ]
        strata.append((pair[0], pair[1]))
    fit = _fit(strata)
    assert fit.log_ratio == pytest.approx(-0.3801220547849154, rel=1e-6)
    assert fit.se == pytest.approx(0.19009768668468607, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-634.8996983304688, rel=1e-9)
    got = stratified_cox(strata)
    assert got.se == fit.robust_se
    assert got.difference == fit.log_ratio


def test_robust_error_without_ties_agrees_with_lifelines() -> None:
    """lifelines 0.30.3, CoxPHFitter(robust=True); with ties it is not R's error, so none here."""
    times = [3, 5, 8, 9, 12, 15, 17, 20, 21, 26], [2, 4, 6, 7, 10, 11, 13, 14, 18, 19]
    events = [1, 1, 0, 1, 1, 0, 1, 0, 1, 0], [1, 0, 1, 1, 1, 1, 0, 1, 1, 0]
    control, treatment = (
        LifeTable.of(time, [bool(flag) for flag in event])
        for time, event in zip(times, events, strict=True)
    )
    fit = _fit([(control, treatment)])
    assert fit.log_ratio == pytest.approx(0.5653771033525388, rel=1e-9)
    assert fit.robust_se == pytest.approx(0.5562340296040371, rel=1e-9)


def _weighted_score(rows: list[tuple[int, bool, int]], weights: list[float], b: float) -> float:
    """Efron's score with a weight per unit: tied events share their mean weight."""
    score = 0.0
    for moment in {time for time, event, _ in rows if event}:
        at_risk = [i for i, (time, _, _) in enumerate(rows) if time >= moment]
        dying = [i for i in at_risk if rows[i][0] == moment and rows[i][1]]
        risk = {i: weights[i] * math.exp(b * rows[i][2]) for i in at_risk}
        score += sum(weights[i] * rows[i][2] for i in dying)
        for order in range(len(dying)):
            gone = order / len(dying)
            shares = {i: risk[i] * (1 - gone * (i in dying)) for i in at_risk}
            mean = sum(share * rows[i][2] for i, share in shares.items()) / sum(shares.values())
            score -= sum(weights[i] for i in dying) / len(dying) * mean
    return score


@given(units, units)
def test_robust_error_is_the_infinitesimal_jackknife(rows: Units, others: Units) -> None:
    """The witness shifts each unit's weight a little: b moves by its score over the information."""
    fit = cox_fit([(table(rows), table(others))])
    if fit is None:
        return
    every = [(*row, 0) for row in rows] + [(*row, 1) for row in others]
    step, squares = 1e-5, 0.0
    for i in range(len(every)):
        moved = []
        for side in (-1, 1):
            weights = [1.0] * len(every)
            weights[i] += side * step
            moved.append(_weighted_score(every, weights, fit.log_ratio))
        squares += ((moved[1] - moved[0]) / (2 * step)) ** 2
    assert fit.robust_se == pytest.approx(math.sqrt(squares) * fit.se**2, rel=1e-5, abs=1e-6)


@given(units, units)
def test_statsmodels_agrees(rows: Units, others: Units) -> None:
    fit = cox_fit([(table(rows), table(others))])
    if fit is None:
        return
    every = rows + others
    model = PHReg(
        np.array([time for time, _ in every], float),
        np.array([0.0] * len(rows) + [1.0] * len(others))[:, None],
        status=np.array([int(event) for _, event in every]),
        ties="efron",
    )
    at = np.array([fit.log_ratio])
    # The witness's own score must vanish at our estimate, and its curvature is our information.
    assert model.score(at)[0] == pytest.approx(0, abs=1e-8)
    assert -model.hessian(at)[0, 0] == pytest.approx(fit.se**-2, rel=1e-6, abs=1e-9)
    assert model.loglike(at) == pytest.approx(fit.log_likelihood, rel=1e-9, abs=1e-9)


def test_many_events_on_one_day_are_summed_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few weighted points stand for hundreds of tied events; one by one is the witness."""
    pair = (
        LifeTable((1.0, 2.0, 3.0, 4.0), (300, 80, 150, 0), (10, 20, 90, 50)),
        LifeTable((1.0, 2.0, 3.0, 4.0), (200, 90, 190, 3), (15, 25, 8, 70)),
    )
    short = deaths_of(risk_sets(*pair))
    monkeypatch.setattr(partial_likelihood, "_MANY", 10**9)
    whole = deaths_of(risk_sets(*pair))
    assert short.place.size < whole.place.size == 1013
    for at in (-3.0, 0.0, 0.7):
        assert short.residuals(at) == pytest.approx(whole.residuals(at), rel=1e-11, abs=1e-10)
        assert short.variances(at) == pytest.approx(whole.variances(at), rel=1e-12)
        assert short.log_likelihood(at) == pytest.approx(whole.log_likelihood(at), rel=1e-13)
    slow = _fit([pair])
    monkeypatch.undo()
    fast = _fit([pair])
    assert fast.log_ratio == pytest.approx(slow.log_ratio, rel=1e-10)
    assert fast.robust_se == pytest.approx(slow.robust_se, rel=1e-10)
    assert fast.ph_pvalue == pytest.approx(slow.ph_pvalue, rel=1e-9)


@given(units, units)
def test_swapping_flips_signs_and_time_has_no_unit(rows: Units, others: Units) -> None:
    there, back = cox(table(rows), table(others)), cox(table(others), table(rows))
    assert (there.pvalue is None) == (back.pvalue is None)
    assert there == cox(table(rows, 24.0), table(others, 24.0))
    if there.pvalue is not None:
        assert there.difference == -(back.difference or 0.0)
        assert there.pvalue == pytest.approx(back.pvalue, rel=1e-9)


def test_hazards_that_cross_are_called_an_average() -> None:
    early = LifeTable((1.0, 2.0, 8.0, 9.0), (60, 60, 5, 5), (0, 0, 0, 100))
    late = LifeTable((1.0, 2.0, 8.0, 9.0), (5, 5, 60, 60), (0, 0, 0, 100))
    got = cox(early, late)
    assert "the hazards are not proportional" in got.notes[1]
    assert "average hazard ratio" in got.notes[1]
    assert len(cox(early, early).notes) == 1


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (LifeTable.empty(), LifeTable((1.0,), (3,), (2,)), "control has no observed units"),
        (LifeTable((1.0,), (0,), (5,)), LifeTable((2.0,), (0,), (5,)), "there are no events"),
        (
            LifeTable((3.0,), (0,), (5,)),
            LifeTable((2.0,), (2,), (5,)),
            "only one variant has events",
        ),
        (
            LifeTable((1.0,), (2,), (0,)),
            LifeTable((2.0,), (2,), (5,)),
            "only one variant has events",
        ),
        (LifeTable((1.0,), (1,), (0,)), LifeTable((1.0,), (1,), (0,)), "too few events"),
    ],
)
def test_no_ratio_says_why(control: LifeTable, treatment: LifeTable, note: str) -> None:
    got = cox(control, treatment)
    assert got.pvalue is None
    assert got.difference is None
    assert note in got.notes[0]


def test_one_event_time_cannot_show_a_drift() -> None:
    fit = _fit([(LifeTable((1.0,), (3,), (9,)), LifeTable((1.0,), (5,), (7,)))])
    assert fit.ph_pvalue is None


def test_a_stratum_of_nobody_changes_nothing() -> None:
    pair = LifeTable((1.0, 2.0), (3, 2), (0, 4)), LifeTable((1.0, 2.0), (1, 2), (1, 5))
    empty = LifeTable.empty()
    assert stratified_cox([pair, (empty, empty)]) == cox(*pair)
    assert stratified_cox([]).notes == ("control has no observed units",)


def test_bad_level() -> None:
    own = LifeTable((1.0, 2.0), (1, 1), (1, 1))
    with pytest.raises(ValueError, match="ci_level is 1; it must lie strictly"):
        cox(own, own, 1)
