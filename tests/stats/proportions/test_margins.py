"""One-sided tests at a margin."""

from __future__ import annotations

import csv
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from abtest.stats.means.t_pivot import Level
from abtest.stats.means.welch import mean_level, welch
from abtest.stats.proportions.margins import (
    difference_at,
    equivalence_pvalue,
    ratio_at,
    share_difference_at,
    share_ratio_at,
)
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.proportions.scas import scas
from abtest.stats.summaries import Moments, Proportion
from support import SHARED, Case, expected, golden_cases


def shares(case: Case) -> tuple[Proportion, Proportion]:
    control, treatment = case["inputs"]["control"], case["inputs"]["treatment"]
    return Proportion(control["n"], control["x"]), Proportion(treatment["n"], treatment["x"])


def moments(values: list[float]) -> Moments:
    array = np.array(values)
    return Moments(len(values), float(array.mean()), float(((array - array.mean()) ** 2).sum()))


def ends(interval: Any) -> list[float]:
    return [interval.low, interval.high]


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-ni-diff"))
def test_reference_differences_of_shares(case: Case) -> None:
    control, treatment = shares(case)
    found = share_difference_at(control, treatment, -case["inputs"]["margin"])
    assert found.statistic == expected(case, "z_mn")
    assert found.above == expected(case, "p_one_sided_mn")
    plain = share_difference_at(control, treatment, -case["inputs"]["margin"], "farrington_manning")
    assert plain.statistic == expected(case, "z_farrington_manning")
    assert plain.above == expected(case, "p_one_sided_fm")
    for level, key in ((0.95, "ci95_diff"), (0.9, "ci90_diff")):
        interval = miettinen_nurminen(control, treatment, level).difference_ci
        assert ends(interval) == expected(case, key)
    alpha = case["inputs"]["alpha_one_sided"]
    assert (found.above < alpha) == case["expected"]["non_inferior_at_025"]


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-ni-ratio"))
def test_reference_ratios_of_shares(case: Case) -> None:
    control, treatment = shares(case)
    found = share_ratio_at(control, treatment, case["inputs"]["ratio_margin"])
    assert found.statistic == expected(case, "z_mn")
    assert found.above == expected(case, "p_one_sided")
    lift = miettinen_nurminen(control, treatment, 0.95).lift_ci
    assert lift is not None
    assert [lift.low + 1, lift.high + 1] == expected(case, "ci95_ratio")
    assert (found.above < 0.025) == case["expected"]["non_inferior_at_025"]


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-tost-prop"))
def test_reference_equivalence_of_shares(case: Case) -> None:
    control, treatment = shares(case)
    margin, alpha = case["inputs"]["margin"], case["inputs"]["alpha"]
    lower, upper = (share_difference_at(control, treatment, m) for m in (-margin, margin))
    assert lower.above == expected(case, "p_lower")
    assert upper.below == expected(case, "p_upper")
    assert equivalence_pvalue(lower, upper) == expected(case, "p_tost")
    interval = miettinen_nurminen(control, treatment, 1 - 2 * alpha).difference_ci
    assert ends(interval) == expected(case, "ci90")
    assert (equivalence_pvalue(lower, upper) < alpha) == case["expected"]["equivalent"]


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-tost-welch"))
def test_reference_equivalence_of_means(case: Case) -> None:
    text = (SHARED / "golden" / "data" / case["inputs"]["csv"]).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0].keys() == {"arm", "revenue"}
    values: dict[str, list[float]] = {"control": [], "treatment": []}
    for row in rows:
        values[row["arm"]].append(float(row["revenue"]))
    control, treatment = moments(values["control"]), moments(values["treatment"])
    levels = mean_level(control), mean_level(treatment)
    margin = case["inputs"]["margin"]
    lower, upper = (difference_at(*levels, limit) for limit in (-margin, margin))
    assert lower.statistic == expected(case, "t_lower")
    assert lower.above == expected(case, "p_lower")
    assert lower.above == expected(case, "p_noninferiority")
    assert upper.statistic == expected(case, "t_upper")
    assert upper.below == expected(case, "p_upper")
    assert equivalence_pvalue(lower, upper) == expected(case, "p_tost")
    assert lower.df == expected(case, "df")
    interval = welch(control, treatment, 1 - 2 * case["inputs"]["alpha"]).difference_ci
    assert ends(interval) == expected(case, "ci90")


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-ni-mean-ratio"))
def test_reference_ratio_of_means(case: Case) -> None:
    control, treatment = (
        mean_level(Moments(v["n"], v["mean"], v["sd"] ** 2 * (v["n"] - 1)))
        for v in (case["inputs"]["control"], case["inputs"]["treatment"])
    )
    found = ratio_at(control, treatment, case["inputs"]["ratio_margin"])
    assert found.statistic == expected(case, "t")
    assert found.df == expected(case, "df_satterthwaite_at_margin")
    assert found.above == expected(case, "p_one_sided")


def test_means_against_statsmodels_and_scipy() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 2, 40), rng.normal(9.6, 3, 25)
    levels = mean_level(moments(list(a))), mean_level(moments(list(b)))
    lower, upper = difference_at(*levels, -1.5), difference_at(*levels, 1.5)
    pvalue, *_ = CompareMeans(DescrStatsW(b), DescrStatsW(a)).ttost_ind(-1.5, 1.5, usevar="unequal")
    assert equivalence_pvalue(lower, upper) == pytest.approx(pvalue, rel=1e-10)
    below = stats.ttest_ind(b, a - 1.5, equal_var=False, alternative="greater")
    assert lower.above == pytest.approx(below.pvalue, rel=1e-10)
    witness = stats.ttest_ind(b, 0.9 * a, equal_var=False, alternative="greater")
    assert ratio_at(*levels, 0.9).above == pytest.approx(witness.pvalue, rel=1e-10)


counts = st.integers(1, 80).flatmap(lambda n: st.builds(Proportion, st.just(n), st.integers(0, n)))
LEVEL = 0.95


@settings(max_examples=50)
@given(counts, counts, st.floats(-0.6, 0.6), st.sampled_from(["miettinen_nurminen", "scas"]))
def test_a_difference_of_shares_agrees_with_its_interval(
    control: Proportion, treatment: Proportion, limit: float, score: Any
) -> None:
    compare = {"miettinen_nurminen": miettinen_nurminen, "scas": scas}[score]
    interval = compare(control, treatment, LEVEL).difference_ci
    assert interval is not None
    assume(abs(limit) > 1e-6)
    assume(min(abs(limit - interval.low), abs(limit - interval.high)) > 1e-9)
    found = share_difference_at(control, treatment, limit, score)
    assert (found.above < 0.025) == (interval.low > limit)
    assert (found.below < 0.025) == (interval.high < limit)
    assert found.above + found.below == pytest.approx(1)


@settings(max_examples=50)
@given(counts, counts, st.floats(0.3, 3), st.sampled_from(["miettinen_nurminen", "scas"]))
def test_a_ratio_of_shares_agrees_with_its_interval(
    control: Proportion, treatment: Proportion, limit: float, score: Any
) -> None:
    compare = {"miettinen_nurminen": miettinen_nurminen, "scas": scas}[score]
    lift = compare(control, treatment, LEVEL).lift_ci
    assert lift is not None
    assume(min(abs(limit - 1 - lift.low), abs(limit - 1 - lift.high)) > 1e-9)
    found = share_ratio_at(control, treatment, limit, score)
    assert (found.above < 0.025) == (lift.low > limit - 1)


@settings(max_examples=50)
@given(counts, counts, st.floats(-0.6, 0.6))
def test_swapping_variants_swaps_the_sides(
    control: Proportion, treatment: Proportion, limit: float
) -> None:
    one = share_difference_at(control, treatment, limit)
    other = share_difference_at(treatment, control, -limit)
    assert one.above == pytest.approx(other.below, abs=1e-9)


def test_the_spread_of_events_at_the_margin_is_right_where_nobody_has_one() -> None:
    """60 without an event in each: at d = -0.05 the constrained shares are 0 and 0.05."""
    found = share_difference_at(Proportion(60, 0), Proportion(60, 0), -0.05, "farrington_manning")
    assert found.statistic == pytest.approx(0.05 / math.sqrt(0.05 * 0.95 / 60), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: share_difference_at(Proportion(5, 1), Proportion(5, 1), 1.0), "the limit is 1"),
        (lambda: share_difference_at(Proportion(0, 0), Proportion(5, 1), 0.1), "control has no un"),
        (lambda: share_ratio_at(Proportion(5, 1), Proportion(0, 0), 0.9), "treatment has no units"),
        (lambda: share_ratio_at(Proportion(5, 1), Proportion(5, 6), 0.9), "treatment has 6 events"),
        (lambda: share_ratio_at(Proportion(5, 1), Proportion(5, 1), 0.0), "the limit is 0"),
        (
            lambda: difference_at(Level(1.0, None, 0, "has one unit"), Level(1.0, 1.0, 9), 0.0),
            "a variant has one unit; there is no test",
        ),
        (lambda: ratio_at(Level(1.0, 1.0, 9), Level(1.0, 1.0, 9), math.inf), "limit is inf"),
        (lambda: ratio_at(Level(None, None, 0), Level(1.0, 1.0, 9), 0.9), "has no estimate"),
        (lambda: difference_at(Level(1.0, 0.0, 9), Level(1.0, 0.0, 9), 0.1), "neither varies"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
