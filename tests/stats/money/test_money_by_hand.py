"""The money formulas against arithmetic that is written out here, and their properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.bayes.normal import Normal, update
from abtest.stats.money import measures as m
from abtest.stats.money.finite_population import size_of_test_and_roll as roll_size
from abtest.stats.money.joint import (
    Contrast,
    JointMeans,
    estimated,
    joint_means,
    pooled_shares,
)
from abtest.stats.money.ratio import Estimated, fieller_ratio
from abtest.stats.money.waiting import sample_information
from support import Case, expected, golden_cases

AMOUNTS = ("gross", "incentive", "bought", "both", "redemptions", "base", "exposure")
# Rows of customers: gross, incentive, bought, both, redemptions, base, exposure.
CONTROL = [(20.0, 0, 1, 0, 0, 50.0, 0), *[(0.0, 0, 0, 0, 0, 0.0, 0)] * 9]
TREATED = [
    (20.0, 4.0, 1, 1, 1, 50.0, 0.1),
    (20.0, 4.0, 1, 1, 1, 50.0, 0.1),
    (20.0, 0.0, 1, 0, 0, 50.0, 0.1),
    *[(0.0, 0.0, 0, 0, 0, 0.0, 0.1)] * 7,
]


def both(quantile: float = 1.96) -> m.Means:
    columns = Columns(AMOUNTS[:1], AMOUNTS[1:])
    control, treatment = (
        joint_means({"": from_rows(columns, rows)}, {"": 1.0}) for rows in (CONTROL, TREATED)
    )
    return m.Means(control, treatment, quantile)


def test_profit_per_customer() -> None:
    """Control: 20 / 10 = 2. Treated: (60 - 8) / 10 - 0.10 = 5.10. Difference: +3.10."""
    means = both()
    assert means.control.mean(m.PROFIT) == pytest.approx(2.0)
    assert means.treatment.mean(m.PROFIT) == pytest.approx(5.1)
    assert means.difference(m.PROFIT) == pytest.approx(3.1)
    # Treated profits 15.9, 15.9, 19.9 and seven of -0.1: by the textbook formula.
    profits = [15.9, 15.9, 19.9, *[-0.1] * 7]
    mean = sum(profits) / 10
    variance = sum((p - mean) ** 2 for p in profits) / 9 / 10
    assert means.treatment.shared(m.PROFIT, m.PROFIT) == pytest.approx(variance)


def test_break_even() -> None:
    """Gross +4.00, less 0.10 for reaching them: 3.90 over 0.2 redemptions is 19.50 each."""
    means = both()
    assert m.break_even_redemption(means).value == pytest.approx(19.5)
    # 3.90 over orders worth 15.00 per assigned customer: 26%.
    assert m.break_even_share(means).value == pytest.approx(3.9 / 15)
    # 0.90 is spent per customer; a buyer brings 6 / 0.3 = 20, so 0.045 more must buy: 45% of 0.1.
    assert m.break_even_lift(means) == pytest.approx(0.45)
    nobody = JointMeans(AMOUNTS, (0.0,) * 7, ((0.0,) * 7,) * 7, 10)
    assert m.break_even_lift(m.Means(nobody, nobody, 1.96)) is None


def test_who_would_have_bought_anyway() -> None:
    """1 - (0.3 - 0.1) / 0.2 = 0: every redeemer is new; with 0.5 in control, 1 - (-1) = 2."""
    assert m.bought_anyway(both()).value == pytest.approx(0.0)
    means = both()
    more = JointMeans(AMOUNTS, (2, 0, 0.5, 0, 0, 5, 0), means.control.covariance, 10)
    assert m.bought_anyway(m.Means(more, means.treatment, 1.96)).value == pytest.approx(2.0)


def test_cost_per_incremental_customer_with_fieller() -> None:
    """0.90 spent for 0.2 more buyers: 4.50. The ends solve a quadratic, written out here."""
    means = both(0.5)
    found = m.cost_per_incremental(means)
    assert found.value == pytest.approx(4.5)
    # v_t: costs 4.1, 4.1 and eight of 0.1; mean 0.9; sum of squares 2 x 3.2^2 + 8 x 0.8^2 = 25.6.
    v_t = 25.6 / 90
    # v_b: 0.3 x 0.7 / 9 + 0.1 x 0.9 / 9.
    v_b = 0.21 / 9 + 0.09 / 9
    # c: of the ten treated, two have cost 4.1 and bought, one 0.1 and bought:
    # 2 x 3.2 x 0.7 + 1 x (-0.8) x 0.7 + 7 x (-0.8) x (-0.3) = 5.6; over 90.
    c = 5.6 / 90
    a, b, rest = 0.04 - 0.25 * v_b, 0.9 * 0.2 - 0.25 * c, 0.81 - 0.25 * v_t
    root = math.sqrt(b * b - a * rest)
    assert (found.low, found.high) == pytest.approx(((b - root) / a, (b + root) / a))
    assert found.bounded
    # At 95% the difference in buyers is not clear of zero: the net benefit has bounds all the same.
    wide = both(1.96)
    assert not m.cost_per_incremental(wide).bounded
    line = m.net_benefit(wide, 20.0)
    assert line.value == pytest.approx(20 * 0.2 - 0.9)
    variance = 400 * v_b + v_t - 2 * 20 * c
    assert line.high - line.value == pytest.approx(1.96 * math.sqrt(variance))


def test_return() -> None:
    """3.10 over 0.90 spent."""
    assert m.return_on_cost(both()).value == pytest.approx(3.1 / 0.9)


@pytest.mark.parametrize(
    ("pair", "shape", "ends"),
    [
        # (t - 2 b)^2 ... with no error in the bottom: 10 / 5 plus or minus 2 / 5.
        (Estimated(10, 5, 1, 0), "interval", (1.6, 2.4)),
        # Bottom 1 +- 2: A = 1 - 4 = -3, B = 10, C = 100 - 4 = 96: 10 / -3 +- sqrt(388) / 3.
        (
            Estimated(10, 1, 1, 1),
            "outside",
            ((-10 - math.sqrt(388)) / 3, (-10 + math.sqrt(388)) / 3),
        ),
        # Neither is clear of zero: nothing is rejected.
        (Estimated(1, 1, 1, 1), "everything", (-math.inf, math.inf)),
        # A = 0: (10 - 2 r 10 ...) is linear, r >= 96 / 20.
        (Estimated(10, 1, 1, 0.25), "outside", (4.8, math.inf)),
        (Estimated(-10, 1, 1, 0.25), "outside", (-math.inf, -4.8)),
    ],
)
def test_fieller_sets(pair: Estimated, shape: str, ends: tuple[float, float]) -> None:
    found = fieller_ratio(pair, 2.0)
    assert found.shape == shape
    assert (found.low, found.high) == pytest.approx(ends)


def test_no_denominator() -> None:
    assert fieller_ratio(Estimated(1.0, 0.0, 1.0, 1.0), 2.0).value is None


amounts = st.floats(-50, 50)
spreads = st.floats(0.01, 20)


@given(st.tuples(amounts, amounts), st.tuples(spreads, spreads), st.floats(-0.9, 0.9), amounts)
def test_a_ratio_is_in_the_set_exactly_where_its_statistic_is_small(
    values: tuple[float, float], errors: tuple[float, float], correlation: float, ratio: float
) -> None:
    (top, bottom), (sd_top, sd_bottom) = values, errors
    covariance = correlation * sd_top * sd_bottom
    found = fieller_ratio(Estimated(top, bottom, sd_top**2, sd_bottom**2, covariance), 1.96)
    variance = sd_top**2 - 2 * ratio * covariance + (ratio * sd_bottom) ** 2
    statistic = abs(top - ratio * bottom) / math.sqrt(variance)
    if abs(statistic - 1.96) < 1e-6:
        return
    inside = found.low <= ratio <= found.high
    if found.shape == "outside":
        inside = ratio <= found.low or ratio >= found.high
    assert inside == (statistic < 1.96)


def test_strata_are_weighted() -> None:
    columns = Columns(("y",))
    parts = {"a": from_rows(columns, [[0.0], [2.0]]), "b": from_rows(columns, [[10.0], [12.0]])}
    found = joint_means(parts, {"a": 0.75, "b": 0.25})
    assert found.means == pytest.approx((0.75 * 1 + 0.25 * 11,))
    # Each stratum's variance of the mean is 2 / 2 = 1.
    assert found.covariance[0] == pytest.approx((0.75**2 + 0.25**2,))
    assert pooled_shares([parts, {"a": parts["a"]}]) == pytest.approx({"a": 4 / 6, "b": 2 / 6})
    with pytest.raises(ValueError, match="stratum 'a' has 1 customers"):
        joint_means({"a": from_rows(columns, [[1.0]])}, {"a": 1.0})


def test_variants_are_independent() -> None:
    one = JointMeans(("cost",), (2.0,), ((0.25,),), 9)
    less = Contrast({"cost": 1.0}, {"cost": 1.0})
    assert estimated(one, one, less, less).variance_top == pytest.approx(0.5)


@pytest.mark.parametrize("case", golden_cases("m_decisions", "m-test-and-roll"))
def test_golden_test_and_roll(case: Case) -> None:
    given_ = case["inputs"]
    size = roll_size(given_["population"], given_["response_sd"], given_["prior_sd_of_arm_means"])
    assert size == expected(case, "n_per_arm")


def test_test_and_roll_is_where_profit_is_highest() -> None:
    """The expected profit of Feit & Berman's equation, maximised over a grid."""
    population, s, sigma = 10_000.0, 1.0, 0.1

    def profit(n: float) -> float:
        # 2 n customers at the prior mean, the rest at the expected mean of the winner.
        gain = sigma**2 / math.sqrt(math.pi) / math.sqrt(sigma**2 + s**2 / n)
        return (population - 2 * n) * gain

    size = roll_size(population, s, sigma)
    assert profit(size) > max(profit(size * 0.99), profit(size * 1.01))


def test_test_and_roll_needs_numbers_above_zero() -> None:
    with pytest.raises(ValueError, match="prior_sd is 0"):
        roll_size(100, 1, 0)


@pytest.mark.parametrize("case", golden_cases("m_decisions", "m-evsi"))
def test_golden_sample_information(case: Case) -> None:
    given_ = case["inputs"]
    belief = Normal(given_["prior_mean"], given_["prior_sd"])
    found = sample_information(belief, given_["experiment_se"])
    assert found.preposterior_sd == expected(case, "preposterior_sd")
    assert found.evsi == expected(case, "evsi_per_customer")
    assert found.evpi == expected(case, "evpi_per_customer")


def test_sample_information_by_hand() -> None:
    """Belief N(0, 1) and se 1: the mean moves by 1 / sqrt 2, worth phi(0) / sqrt 2 = 0.2821."""
    found = sample_information(Normal(0.0, 1.0), 1.0)
    assert found.preposterior_sd == pytest.approx(1 / math.sqrt(2))
    assert found.evsi == pytest.approx(1 / math.sqrt(2 * math.pi) / math.sqrt(2))
    with pytest.raises(ValueError, match="se is -1"):
        sample_information(Normal(0.0, 1.0), -1.0)


@given(amounts, spreads, spreads)
def test_more_data_are_never_worth_less_than_nothing(mean: float, sd: float, se: float) -> None:
    found = sample_information(Normal(mean, sd), se)
    assert 0 <= found.evsi <= found.evpi + 1e-12
    assert sample_information(Normal(mean, sd), 0.0).evsi == pytest.approx(found.evpi)


@given(amounts, spreads)
def test_a_prior_without_width_returns_itself(estimate: float, se: float) -> None:
    found = update(estimate, se, Normal(1.5, 1e-9))
    assert found.mean == pytest.approx(1.5)
    assert found.sd == pytest.approx(1e-9)


@given(amounts, spreads)
def test_a_loss_is_never_negative(mean: float, sd: float) -> None:
    assert Normal(mean, sd).expected_shortfall() >= 0


@given(st.floats(0, 10), st.floats(0, 10))
def test_more_cost_never_raises_the_value(cost: float, more: float) -> None:
    means = both()

    def worth(each: float) -> float:
        return means.treatment.mean({"gross": 1.0, "redemptions": -each})

    assert worth(cost + more) <= worth(cost) + 1e-12


def test_swapping_variants_negates_the_difference() -> None:
    means = both()
    swapped = m.Means(means.treatment, means.control, means.quantile)
    assert swapped.difference(m.PROFIT) == -means.difference(m.PROFIT)
    assert m.cost_per_incremental(swapped).value == pytest.approx(4.5)
