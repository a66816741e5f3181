from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import chi2
from statsmodels.duration.survfunc import survdiff

from abtest.stats.survival.cox import cox
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.log_rank import log_rank, log_rank_score, stratified_log_rank
from support import expected, golden_cases
from survival_tables import Units, golden_tables, rossi_tables, table, units


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-logrank"))
def test_reference_rows(case: dict[str, Any], golden_data: Path) -> None:
    control, treatment = golden_tables(golden_data)
    score = log_rank_score(control, treatment)
    early = log_rank_score(control, treatment, rho=1.0)
    assert score.chi_square == expected(case, "chisq")
    assert [score.observed_control, score.observed_treatment] == expected(case, "observed")
    assert [
        score.observed_control + score.excess,
        score.observed_treatment - score.excess,
    ] == expected(case, "expected")
    assert score.variance == expected(case, "variance")
    assert log_rank(control, treatment).pvalue == expected(case, "p_value")
    assert early.chi_square == expected(case, "chisq_peto_rho1")
    assert early.chi_square is not None
    assert chi2.sf(early.chi_square, 1) == expected(case, "p_peto")
    strata = [golden_tables(golden_data, segment) for segment in ("new", "existing")]
    both = stratified_log_rank(strata)
    assert both.statistic is not None
    assert both.statistic**2 == expected(case, "chisq_stratified_segment")
    assert both.pvalue == expected(case, "p_stratified")


def test_rossi(shared_data: Path) -> None:
    got = log_rank(*rossi_tables(shared_data))
    assert got.pvalue == pytest.approx(0.0501161174, abs=5e-11)


def test_rossi_by_race_agrees_with_statsmodels(shared_data: Path) -> None:
    """statsmodels 0.15.0: survdiff(week, arrest, fin, strata=race) gives p .0442107012736."""
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
    assert stratified_log_rank(strata).pvalue == pytest.approx(0.044210701273615705, rel=1e-9)


@given(units, units)
def test_statsmodels_agrees(rows: Units, others: Units) -> None:
    score = log_rank_score(table(rows), table(others))
    if score.variance <= 1e-9:
        assert log_rank(table(rows), table(others)).pvalue is None or score.variance > 0
        return
    every = rows + others
    witness, pvalue = survdiff(
        np.array([time for time, _ in every], float),
        np.array([int(event) for _, event in every]),
        np.array([0] * len(rows) + [1] * len(others)),
    )
    assert score.chi_square == pytest.approx(witness, rel=1e-8, abs=1e-10)
    assert log_rank(table(rows), table(others)).pvalue == pytest.approx(pvalue, rel=1e-8)


@given(units, units)
def test_swapping_flips_signs_and_time_has_no_unit(rows: Units, others: Units) -> None:
    there, back = log_rank(table(rows), table(others)), log_rank(table(others), table(rows))
    assert there.pvalue == back.pvalue
    assert there == log_rank(table(rows, 24.0), table(others, 24.0))
    if there.difference is not None:
        assert there.difference == -(back.difference or 0.0)
        assert there.lift is not None
        assert back.lift is not None
        assert (1 + there.lift) * (1 + back.lift) == pytest.approx(1)


@given(units, units)
def test_one_stratum_is_no_stratum(rows: Units, others: Units) -> None:
    pair = table(rows), table(others)
    empty = LifeTable.empty()
    assert stratified_log_rank([pair, (empty, empty)]) == log_rank(*pair)


def test_the_implied_ratio_is_close_to_cox_near_one() -> None:
    """Peto's one-step ratio is an approximation; Cox's estimate is the witness."""
    control = LifeTable((1.0, 2.0, 3.0), (50, 50, 0), (0, 0, 900))
    treatment = LifeTable((1.0, 2.0, 3.0), (45, 45, 0), (0, 0, 910))
    got = log_rank(control, treatment)
    assert got.lift == pytest.approx(cox(control, treatment).lift, abs=0.005)
    assert got.value is None
    assert "log hazard ratio" in got.notes[0]


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (LifeTable.empty(), LifeTable((1.0,), (3,), (2,)), "control has no observed units"),
        (LifeTable((1.0,), (3,), (2,)), LifeTable.empty(), "treatment has no observed units"),
        (LifeTable((1.0,), (0,), (5,)), LifeTable((2.0,), (0,), (5,)), "there are no events"),
        (LifeTable((1.0,), (0,), (5,)), LifeTable((2.0,), (2,), (5,)), "no event tells"),
        (LifeTable((1.0,), (5,), (0,)), LifeTable((1.0,), (5,), (0,)), "no event tells"),
        (LifeTable((1.0,), (1,), (0,)), LifeTable.empty(), "treatment has no observed units"),
    ],
)
def test_no_inference_says_why(control: LifeTable, treatment: LifeTable, note: str) -> None:
    got = log_rank(control, treatment)
    assert got.pvalue is None
    assert got.difference is None
    assert note in got.notes[0]


def test_bad_input() -> None:
    own = LifeTable((1.0,), (1,), (1,))
    with pytest.raises(ValueError, match=r"rho is -0\.5; it must be 0 or more"):
        log_rank_score(own, own, rho=-0.5)
    with pytest.raises(ValueError, match="ci_level is 0; it must lie strictly"):
        log_rank(own, own, 0)
    with pytest.raises(ValueError, match="ci_level is 0; it must lie strictly"):
        log_rank(LifeTable.empty(), own, 0)
