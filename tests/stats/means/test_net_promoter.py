"""Net promoter scores from counts; the scores written out unit by unit are the witness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from abtest.stats.means.net_promoter import NpsAnswers, net_promoter_z, rocks_adjusted_wald
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments
from support import expected, golden_cases

counts = st.integers(0, 500)
answers = st.builds(NpsAnswers, counts, counts, counts)


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-nps"))
def test_reference_cases(case: dict[str, Any]) -> None:
    level = case["inputs"]["conf"]
    control, treatment = (NpsAnswers(**case["inputs"][side]) for side in ("control", "treatment"))
    found = net_promoter_z(control, treatment, level)
    assert found.difference_ci is not None
    rocks = rocks_adjusted_wald(treatment, level).ci
    assert rocks is not None
    for key, value in {
        "nps_treatment": found.value,
        "nps_control": found.value_control,
        "var_treatment": treatment.variance,
        "var_control": control.variance,
        "diff_points": found.difference,
        "se_points": found.se,
        "z": found.statistic,
        "p_value": found.pvalue,
        "ci_points": [found.difference_ci.low, found.difference_ci.high],
        "rocks_adjusted_wald_ci_treatment": [rocks.low, rocks.high],
    }.items():
        assert value == expected(case, key), key


def scores(one: NpsAnswers) -> Any:
    return np.repeat([100.0, 0.0, -100.0], [one.promoters, one.passives, one.detractors])


@given(answers, answers, st.floats(0.5, 0.999))
def test_it_is_the_z_of_the_scores(
    control: NpsAnswers, treatment: NpsAnswers, ci_level: float
) -> None:
    found = net_promoter_z(control, treatment, ci_level)
    back = net_promoter_z(treatment, control, ci_level)
    spread = [scores(one).var() / one.n if one.n else 0.0 for one in (control, treatment)]
    if min(control.n, treatment.n) == 0 or sum(spread) == 0:
        assert found.pvalue is None
        assert found.notes
        return
    difference = scores(treatment).mean() - scores(control).mean()
    se = math.sqrt(sum(spread))
    assert found.difference == pytest.approx(difference, abs=1e-9)
    assert found.se == pytest.approx(se, rel=1e-9)
    assert found.pvalue == pytest.approx(2 * norm.sf(abs(difference) / se), rel=1e-6)
    assert back.pvalue == found.pvalue
    assert found.difference_ci is not None
    assert found.pvalue is not None
    if abs(found.pvalue - (1 - ci_level)) > 1e-9:
        assert (found.pvalue < 1 - ci_level) == (0 not in found.difference_ci)


def test_with_many_answers_it_is_welch() -> None:
    control, treatment = NpsAnswers(3800, 3300, 2900), NpsAnswers(4200, 3100, 2700)
    plain = [scores(one) for one in (control, treatment)]
    moments = [Moments(len(each), each.mean(), each.var() * len(each)) for each in plain]
    wanted = welch(moments[0], moments[1])
    assert net_promoter_z(control, treatment).se == pytest.approx(wanted.se, rel=1e-4)


@given(answers, st.floats(0.5, 0.999))
def test_rocks_adds_three_answers(one: NpsAnswers, ci_level: float) -> None:
    found = rocks_adjusted_wald(one, ci_level)
    if one.n == 0:
        assert (found.value, found.ci) == (None, None)
        return
    shares = np.array([one.promoters + 0.75, one.passives + 1.5, one.detractors + 0.75])
    n, shares = shares.sum(), shares / shares.sum()
    points = np.array([100.0, 0.0, -100.0])
    centre = shares @ points
    half = norm.ppf(0.5 + ci_level / 2) * math.sqrt(shares @ (points - centre) ** 2 / n)
    assert found.ci is not None
    assert (found.ci.low, found.ci.high) == pytest.approx((centre - half, centre + half), abs=1e-8)
    assert found.value == one.score


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="a count is -1"):
        NpsAnswers(3, -1, 2)
    some = NpsAnswers(3, 1, 2)
    with pytest.raises(ValueError, match="ci_level is 95"):
        net_promoter_z(some, some, 95)
    with pytest.raises(ValueError, match="ci_level is 95"):
        rocks_adjusted_wald(some, 95)
