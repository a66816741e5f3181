"""Power and sample size against reference cases, statsmodels, scipy and simulation."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from abtest.stats.means.ratios import ratio_level
from abtest.stats.power.design import Design, allocation_efficiency
from abtest.stats.power.events import events_freedman, events_schoenfeld, power_schoenfeld
from abtest.stats.power.exact import Statistic, exact_power
from abtest.stats.power.factors import design_effect, history_factor
from abtest.stats.power.normal import normal_mde, normal_power, normal_size
from abtest.stats.power.proportions import (
    cohen_h,
    proportions_mde,
    proportions_power,
    proportions_power_pooled,
    proportions_size,
    proportions_size_arcsine,
    proportions_size_pooled,
)
from abtest.stats.power.student import t_mde, t_power, t_size
from abtest.stats.summaries import PairMoments
from support import Case, expected, golden_cases

PLAIN = Design()

shares = st.floats(0.01, 0.99)
ratios = st.floats(0.05, 20)


@pytest.mark.parametrize("case", golden_cases("k_power", "k-prop-10"))
def test_even_proportions(case: Case) -> None:
    given_ = case["inputs"]
    shares_ = given_["p_control"], given_["p_treatment"]
    strong = Design(power=0.9)
    pooled = proportions_size_pooled(*shares_, PLAIN)

    assert pooled == expected(case, "n_per_arm_pooled_power80")
    assert pooled == expected(case, "n_per_arm_gsdesign_nbinomial")
    assert proportions_size_pooled(*shares_, strong) == expected(case, "n_per_arm_pooled_power90")
    assert proportions_size(*shares_, PLAIN) == expected(case, "n_per_arm_unpooled_power80")
    assert cohen_h(*shares_) == expected(case, "cohen_h")
    assert proportions_size_arcsine(*shares_, PLAIN) == expected(case, "n_per_arm_arcsine_power80")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-prop-unequal"))
def test_uneven_proportions(case: Case) -> None:
    given_ = case["inputs"]
    ratio = given_["ratio_treatment_to_control"]
    design = Design(ratio=ratio, power=given_["power"])
    shares_ = given_["p_control"], given_["p_treatment"]
    n_control = proportions_size(*shares_, design)
    pooled = proportions_size_pooled(*shares_, design)

    assert n_control == expected(case, "n_control_unpooled")
    assert ratio * n_control == expected(case, "n_treatment_unpooled")
    assert (1 + ratio) * n_control == expected(case, "total_unpooled")
    assert (1 + ratio) * pooled == expected(case, "total_gsdesign_nbinomial")
    efficiency = expected(case, "efficiency_vs_equal_at_equal_variance")
    assert allocation_efficiency(ratio) == efficiency


@pytest.mark.parametrize("case", golden_cases("k_power", "k-mean"))
def test_means(case: Case) -> None:
    difference, sd = case["inputs"]["delta"], case["inputs"]["sd"]

    assert t_size(difference, sd, PLAIN) == expected(case, "n_per_arm_t")
    assert normal_size(difference, sd**2, sd**2, PLAIN) == expected(case, "n_per_arm_normal")
    at_400 = t_power(400, difference, sd, PLAIN, both_sides=True)
    assert at_400 == expected(case, "power_at_n400")
    assert t_mde(4000, sd, PLAIN) == expected(case, "mde_at_n4000")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-cuped-rho"))
def test_history(case: Case) -> None:
    difference, sd = case["inputs"]["delta"], case["inputs"]["sd"]
    factor = history_factor(case["inputs"]["pre_post_correlation"])
    size = t_size(difference, sd * math.sqrt(factor), PLAIN)
    by_normal = normal_size(difference, sd**2 * factor, sd**2 * factor, PLAIN)

    assert factor == expected(case, "variance_factor")
    assert by_normal == expected(case, "n_per_arm_normal")
    if case["id"] == "k-cuped-rho70":
        # The reference says 801.527227726. The right value ends in the same digits and is 801.547:
        # statsmodels has it too, and t needs 0.96 units more than the normal in every other case.
        peer = TTestIndPower().solve_power(
            difference / (sd * math.sqrt(factor)), power=0.8, alpha=0.05
        )
        assert size == pytest.approx(peer, rel=5e-6)  # which counts the wrong side too
        assert size == pytest.approx(801.547227726, rel=1e-9)
        assert size - by_normal == pytest.approx(0.9615, abs=1e-3)
    else:
        assert size == expected(case, "n_per_arm_t")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-cuped-missing"))
def test_history_of_some(case: Case) -> None:
    given_ = case["inputs"]
    factor = history_factor(given_["rho_existing"], given_["share_with_pre_period"])
    variance = given_["sd"] ** 2 * factor

    assert factor == expected(case, "variance_factor")
    by_normal = normal_size(given_["delta"], variance, variance, PLAIN)
    assert by_normal == expected(case, "n_per_arm_normal")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-cluster"))
def test_clusters(case: Case) -> None:
    given_ = case["inputs"]
    mean_size = given_["mean_cluster_size"]
    effect = design_effect(mean_size, given_["icc"], given_["cv_cluster_size"])
    variance = given_["sd"] ** 2 * effect
    size = normal_size(given_["delta"], variance, variance, PLAIN)

    assert effect == expected(case, "design_effect")
    assert size == expected(case, "n_per_arm")
    assert size / mean_size == expected(case, "clusters_per_arm")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-ni"))
def test_non_inferiority(case: Case) -> None:
    given_ = case["inputs"]
    design = Design(alpha=given_["alpha_one_sided"], sides=1, power=given_["power"])
    p_c, p_t = given_["p_control"], given_["p_treatment"]
    size = proportions_size_pooled(p_c, p_t, design, -given_["margin"])
    simple = normal_size(p_t - p_c + given_["margin"], p_c * (1 - p_c), p_t * (1 - p_t), design)

    assert size == expected(case, "n_per_arm_farrington_manning")
    assert simple == expected(case, "n_per_arm_simple")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-logrank"))
def test_events(case: Case) -> None:
    hazard_ratio = case["inputs"]["hazard_ratio"]

    assert events_schoenfeld(hazard_ratio, PLAIN) == expected(case, "events_schoenfeld")
    assert events_freedman(hazard_ratio, PLAIN) == expected(case, "events_freedman")
    uneven = events_schoenfeld(hazard_ratio, Design(ratio=1 / 9))
    assert uneven == expected(case, "events_9to1")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-exact"))
def test_exact(case: Case) -> None:
    given_ = case["inputs"]
    control, treatment = given_["control"], given_["treatment"]
    names: dict[Statistic, str] = {
        "n_minus_1": "reject_prob_n_minus_1",
        "pooled": "reject_prob_pooled_z",
        "yates": "reject_prob_yates",
        "wald": "reject_prob_unpooled_wald",
    }
    for statistic, name in names.items():
        found = exact_power(
            control["n"], control["p"], treatment["n"], treatment["p"], given_["alpha"], statistic
        )
        assert found == expected(case, name)


@pytest.mark.parametrize("case", golden_cases("k_power", "k-power-formula"))
def test_power_of_shares(case: Case) -> None:
    given_ = case["inputs"]
    asked = given_["n_per_arm"], given_["p_control"], given_["p_treatment"]

    pooled = proportions_power_pooled(*asked, PLAIN, both_sides=True)
    unpooled = proportions_power(*asked, PLAIN, both_sides=True)

    assert pooled == expected(case, "power_pooled_null")
    assert unpooled == expected(case, "power_unpooled")


@pytest.mark.parametrize("case", golden_cases("k_power", "k-mde"))
def test_mde_of_shares(case: Case) -> None:
    given_ = case["inputs"]
    found = proportions_mde(given_["n_per_arm"], given_["p_control"], PLAIN)

    assert found is not None
    assert found == expected(case, "mde_absolute_up")
    assert found / given_["p_control"] == expected(case, "mde_relative_up")


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_statsmodels_agrees(ratio: float, alpha: float) -> None:
    design = Design(alpha=alpha, power=0.9, ratio=ratio)
    peer = NormalIndPower().solve_power(0.1, power=0.9, alpha=alpha, ratio=ratio)
    student = TTestIndPower().solve_power(0.1, power=0.9, alpha=alpha, ratio=ratio)
    shares_ = power_proportions_2indep(
        0.03, 0.2, 2000, ratio=ratio, alpha=alpha, value=0, return_results=True
    )

    assert normal_size(0.1, 1, 1, design) == pytest.approx(peer, rel=1e-5)
    assert t_size(0.1, 1, design) == pytest.approx(student, rel=1e-5)
    # Its nobs1 is the first sample, whose share is the second argument plus the first.
    ours = proportions_power_pooled(2000 * ratio, 0.2, 0.23, Design(alpha=alpha, ratio=1 / ratio))
    assert ours == pytest.approx(shares_.power, abs=1e-3)


@given(shares, shares, ratios)
def test_power_is_what_the_size_was_for(p_c: float, p_t: float, ratio: float) -> None:
    if abs(p_c - p_t) < 1e-3:
        return
    design = Design(ratio=ratio)
    n_control = proportions_size(p_c, p_t, design)
    pooled = proportions_size_pooled(p_c, p_t, design)

    assert proportions_power(n_control, p_c, p_t, design) == pytest.approx(0.8, abs=1e-9)
    assert proportions_power_pooled(pooled, p_c, p_t, design) == pytest.approx(0.8, abs=1e-9)


@given(st.floats(50, 1e6), shares, ratios)
def test_the_mde_is_found_with_its_power(n_control: float, p_c: float, ratio: float) -> None:
    design = Design(ratio=ratio)
    found = proportions_mde(n_control, p_c, design)
    if found is None:
        assert proportions_power(n_control, p_c, 1.0, design) < 0.8
        return
    power = proportions_power(n_control, p_c, p_c + found, design)
    assert power == pytest.approx(0.8, abs=1e-6)


def test_the_mde_where_nobody_or_everybody_succeeds() -> None:
    """From a share of 0 the size that is planned for a rise gives that rise back."""
    assert proportions_mde(proportions_size(0.0, 0.1, PLAIN), 0.0, PLAIN) == pytest.approx(0.1)
    assert proportions_mde(1e9, 1.0, PLAIN) is None


@given(st.floats(5, 1e5), st.floats(0.01, 100), ratios)
def test_the_mde_of_means_too(n_control: float, sd: float, ratio: float) -> None:
    design = Design(ratio=ratio)
    found = normal_mde(n_control, sd**2, sd**2, design)
    assert normal_power(n_control, found, sd**2, sd**2, design) == pytest.approx(0.8, abs=1e-9)
    if (1 + ratio) * n_control > 4:
        student = t_mde(n_control, sd, design)
        assert t_power(n_control, student, sd, design) == pytest.approx(0.8, abs=1e-6)
        assert student >= found


def test_exact_error_rate_by_scipy() -> None:
    control, treatment = np.arange(21), np.arange(31)
    chances = stats.binom.pmf(control, 20, 0.3)[:, None] * stats.binom.pmf(treatment, 30, 0.3)
    rejected = np.zeros_like(chances)
    for x in control:
        for y in treatment:
            table = np.array([[x, 20 - x], [y, 30 - y]])
            if 0 < x + y < 50:
                # Pearson's chi-square times (N - 1) / N.
                found = stats.chi2_contingency(table, correction=False).statistic * 49 / 50
                rejected[x, y] = found >= stats.chi2.ppf(0.95, 1)
    assert exact_power(20, 0.3, 30, 0.3) == pytest.approx((chances * rejected).sum(), abs=1e-12)


def test_closed_forms_by_simulation() -> None:
    """Simulated power of the test that decides, within 3 Monte Carlo standard errors."""
    random, runs = np.random.default_rng(20261122), 40_000
    for p_c, p_t, ratio in ((0.1, 0.12, 1.0), (0.3, 0.27, 0.5), (0.02, 0.03, 2.0)):
        design = Design(ratio=ratio)
        n_c = math.ceil(proportions_size_pooled(p_c, p_t, design))
        n_t = math.ceil(ratio * n_c)
        x, y = random.binomial(n_c, p_c, runs), random.binomial(n_t, p_t, runs)
        pooled = (x + y) / (n_c + n_t)
        n = n_c + n_t
        variance = pooled * (1 - pooled) * (1 / n_c + 1 / n_t) * n / (n - 1)
        power = (np.abs(y / n_t - x / n_c) / np.sqrt(variance) > 1.959964).mean()
        # The formula is for large samples: its own error is under half a point here.
        assert power == pytest.approx(0.8, abs=3 * math.sqrt(0.16 / runs) + 0.005)


def test_a_log_rank_power() -> None:
    events = events_schoenfeld(0.8, Design(power=0.9, ratio=0.5))
    assert power_schoenfeld(events, 0.8, Design(ratio=0.5)) == pytest.approx(0.9, abs=1e-9)


def test_a_critical_value_of_ones_own() -> None:
    # Dunnett's constant for three variants with control, infinite degrees of freedom: 2.349.
    strict = Design(critical=2.349)
    assert normal_size(1, 1, 1, strict) > normal_size(1, 1, 1, PLAIN)
    assert strict.z_alpha == 2.349


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Design(alpha=0), "alpha is 0; it must lie strictly between 0 and 1"),
        (lambda: Design(power=1), "power is 1; it must lie strictly"),
        (lambda: Design(sides=3), "sides is 3; it must be 1 or 2"),
        (lambda: Design(ratio=0), "ratio is 0; it must be a number above 0"),
        (lambda: allocation_efficiency(-1), "ratio is -1; it must be"),
        (lambda: proportions_size(0.1, 0.1, PLAIN), "difference is 0"),
        (lambda: proportions_size(0.1, 1.1, PLAIN), "a share is 1.1; it must lie"),
        (lambda: proportions_size_pooled(0.1, 0.2, PLAIN, 0.1), "the one under the null"),
        (lambda: normal_power(0, 1, 1, 1, PLAIN), "n_control is 0; it must be above 0"),
        (lambda: normal_mde(0, 1, 1, PLAIN), "n_control is 0; it must be above 0"),
        (lambda: normal_size(1, -1, 1, PLAIN), "a variance is -1"),
        (lambda: t_power(1, 1, 1, PLAIN), "leave no degree of freedom"),
        (lambda: t_power(10, 1, 0, PLAIN), "sd is 0; it must be above 0"),
        (lambda: history_factor(2), "correlation is 2"),
        (lambda: history_factor(0.5, 2), "share_with_history is 2"),
        (lambda: design_effect(0.5, 0.1), "mean_size is 0.5"),
        (lambda: design_effect(5, 2), "icc is 2"),
        (lambda: design_effect(5, 0.1, -1), "cv is -1"),
        (lambda: events_schoenfeld(1, PLAIN), "hazard_ratio is 1"),
        (lambda: events_freedman(-1, PLAIN), "hazard_ratio is -1"),
        (lambda: exact_power(0, 0.1, 5, 0.1), "there are 0 and 5 units"),
        (lambda: exact_power(5, 0.1, 5, 1.5), "p_treatment is 1.5"),
        (lambda: exact_power(5, 0.1, 5, 0.5, 0), "alpha is 0"),
    ],
)
def test_bad_input(call: Callable[[], float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("case", golden_cases("k_power", "k-ratio-metric"))
def test_a_ratio_metric(case: Case, golden_data: Path) -> None:
    with (golden_data / case["inputs"]["csv"]).open() as file:
        rows = [row for row in csv.DictReader(file) if row["arm"] == "control"]
    x, y = (np.array([float(row[name]) for row in rows]) for name in ("orders", "revenue"))
    pair = PairMoments(
        n=len(rows),
        mean_y=y.mean(),
        mean_x=x.mean(),
        m2_y=((y - y.mean()) ** 2).sum(),
        m2_x=((x - x.mean()) ** 2).sum(),
        c_xy=((y - y.mean()) * (x - x.mean())).sum(),
    )
    level = ratio_level(pair)
    assert level.value is not None
    assert level.variance is not None
    variance = level.variance * len(rows)  # of one customer's linearised value
    size = normal_size(case["inputs"]["relative_mde"] * level.value, variance, variance, PLAIN)

    assert level.value == expected(case, "ratio")
    assert math.sqrt(variance) == expected(case, "linearised_sd")
    assert size == expected(case, "n_per_arm_normal")
