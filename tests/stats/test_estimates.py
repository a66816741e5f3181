from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, t, ttest_1samp
from statsmodels.stats.proportion import proportion_confint

from abtest.stats.estimates import (
    clopper_pearson_estimate,
    jeffreys_estimate,
    mean_estimate,
    proportion_estimate,
    ratio_estimate,
)
from abtest.stats.summaries import Moments, PairMoments, Proportion
from support import expected, golden_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abtest.stats.comparison import Estimate


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-single"))
def test_one_share_reference(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    share = Proportion(inputs["n"], inputs["x"])
    for key, estimate in {
        "wilson": proportion_estimate(share, inputs["conf"]),
        "clopper_pearson": clopper_pearson_estimate(share, inputs["conf"]),
        "jeffreys": jeffreys_estimate(share, inputs["conf"]),
    }.items():
        assert estimate.ci is not None
        assert [estimate.ci.low, estimate.ci.high] == expected(case, key), key


@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(0.5, 0.999))
def test_beta_intervals_against_statsmodels(n: int, share: float, ci_level: float) -> None:
    events = round(n * share)
    found = Proportion(n, events)
    exact, jeffreys = (
        one(found, ci_level).ci for one in (clopper_pearson_estimate, jeffreys_estimate)
    )
    assert exact is not None
    assert jeffreys is not None
    witness = proportion_confint(events, n, alpha=1 - ci_level, method="beta")
    assert [exact.low, exact.high] == pytest.approx(witness, rel=1e-8, abs=1e-12)
    # statsmodels has no ends of 0 and 1.
    low, high = proportion_confint(events, n, alpha=1 - ci_level, method="jeffreys")
    wanted = [low if events else 0.0, high if events < n else 1.0]
    assert [jeffreys.low, jeffreys.high] == pytest.approx(wanted, rel=1e-8, abs=1e-12)
    assert 0 <= exact.low <= jeffreys.low <= events / n <= jeffreys.high <= exact.high <= 1


@given(st.integers(1, 500), st.data(), st.floats(0.5, 0.999))
def test_the_exact_interval_inverts_two_binomial_tests(
    n: int, data: st.DataObject, ci_level: float
) -> None:
    events = data.draw(st.integers(0, n))
    ci = clopper_pearson_estimate(Proportion(n, events), ci_level).ci
    assert ci is not None
    tail = (1 - ci_level) / 2
    if events:
        assert binom.sf(events - 1, n, ci.low) == pytest.approx(tail, rel=1e-8)
    if events < n:
        assert binom.cdf(events, n, ci.high) == pytest.approx(tail, rel=1e-8)


@pytest.mark.parametrize("one", [clopper_pearson_estimate, jeffreys_estimate])
def test_beta_intervals_of_impossible_counts(one: Callable[..., Estimate]) -> None:
    assert one(Proportion(0, 0)).value is None
    with pytest.raises(ValueError, match="there are 4 events of 3 units"):
        one(Proportion(3, 4))
    with pytest.raises(ValueError, match="ci_level is 95"):
        one(Proportion(3, 2), 95)


@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_against_statsmodels(n: int, share: float, ci_level: float) -> None:
    events = round(n * share)
    estimate = proportion_estimate(Proportion(n, events), ci_level)
    witness = proportion_confint(events, n, alpha=1 - ci_level, method="wilson")
    assert estimate.ci is not None
    assert [estimate.ci.low, estimate.ci.high] == pytest.approx(witness, rel=1e-9, abs=1e-12)
    assert estimate.value is not None
    assert estimate.value in estimate.ci


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.5, 0.999))
def test_mean_against_scipy(values: list[float], ci_level: float) -> None:
    if np.ptp(values) < 1e-3:
        return
    array = np.array(values)
    summary = Moments(len(values), float(array.mean()), float(array.var() * len(values)))
    estimate = mean_estimate(summary, ci_level)
    witness = ttest_1samp(values, 0.0).confidence_interval(ci_level)
    assert estimate.ci is not None
    assert [estimate.ci.low, estimate.ci.high] == pytest.approx(
        [witness.low, witness.high], rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-ratio-aov"))
def test_ratio_against_survey(case: dict[str, Any], golden_data: Path) -> None:
    with (golden_data / "orders.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["arm"] == "control"]
    y, x = (np.array([float(row[name]) for row in rows]) for name in ("revenue", "orders"))
    residual_y, residual_x = y - y.mean(), x - x.mean()
    pair = PairMoments(
        n=len(y),
        mean_y=float(y.mean()),
        mean_x=float(x.mean()),
        m2_y=float((residual_y**2).sum()),
        m2_x=float((residual_x**2).sum()),
        c_xy=float((residual_x * residual_y).sum()),
    )
    estimate = ratio_estimate(pair)
    assert estimate.value == expected(case, "ratio_control")
    assert estimate.ci is not None
    half_width = t.isf(0.025, len(y) - 1) * case["expected"]["se_control"]
    assert (estimate.ci.high - estimate.ci.low) / 2 == pytest.approx(half_width, rel=1e-6)


def test_no_units_or_no_variation() -> None:
    assert proportion_estimate(Proportion(0, 0)).value is None
    assert mean_estimate(Moments(0, 0.0, 0.0)).value is None
    assert mean_estimate(Moments(1, 2.0, 0.0)).ci is None
    assert mean_estimate(Moments(9, 2.0, 0.0)).ci is None
    assert ratio_estimate(PairMoments(9, 2.0, 0.0, 1.0, 0.0, 0.0)).value is None


def test_wilson_ends_are_exact() -> None:
    nobody, everybody = (proportion_estimate(Proportion(7, events)).ci for events in (0, 7))
    assert nobody is not None
    assert everybody is not None
    assert nobody.low == 0
    assert everybody.high == 1


def test_bad_level() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 0\.0; it must lie strictly"):
        proportion_estimate(Proportion(5, 2), 0.0)
    with pytest.raises(ValueError, match=r"ci_level is 0\.0; it must lie strictly"):
        mean_estimate(Moments(5, 2.0, 1.0), 0.0)
