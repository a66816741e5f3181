from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from abtest.stats.families.many_to_one import ManyToOne, dunnett, many_to_one, max_z
from abtest.stats.families.max_t import MaxT, loadings_of, step_down
from abtest.stats.summaries import Moments, Proportion
from abtest.stats.tails import normal_quantile
from support import Case, expected, golden_cases

EQUAL = math.sqrt(0.5)


def moments(values: list[float]) -> Moments:
    array = np.array(values)
    return Moments(len(values), float(array.mean()), float(((array - array.mean()) ** 2).sum()))


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-dunnett-crit"))
def test_reference_critical_values(case: Case) -> None:
    inputs = case["inputs"]
    family = MaxT((EQUAL,) * inputs["treatments"], inputs["df"], inputs["two_sided"])
    assert family.critical_value(inputs["alpha"]) == expected(case, "critical_value")


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-dunnett-vs-bonferroni"))
def test_reference_inflation(case: Case) -> None:
    """How many more units k comparisons cost, at the same power of each."""
    inputs = case["inputs"]
    k, alpha, power = inputs["treatments"], inputs["alpha"], inputs["power_per_arm"]
    critical = MaxT((EQUAL,) * k).critical_value(alpha)
    bonferroni = normal_quantile(1 - alpha / k)
    plain, for_power = normal_quantile(1 - alpha), float(stats.norm.ppf(power))
    assert critical == expected(case, "dunnett_c")
    assert bonferroni == expected(case, "bonferroni_c")
    inflation = [((c + for_power) / (plain + for_power)) ** 2 for c in (critical, bonferroni)]
    assert inflation[0] == expected(case, "n_inflation_dunnett")
    assert inflation[1] == expected(case, "n_inflation_bonferroni")


def held_against(found: ManyToOne, case: Case) -> None:
    assert list(found.pvalues_adjusted) == expected(case, "p_adjusted")
    assert found.critical_value == expected(case, "critical_value")
    got = [end for interval in found.intervals for end in (interval.low, interval.high)]
    wanted = [end for interval in case["expected"]["simultaneous_ci"] for end in interval]
    assert got == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-dunnett-1955"))
def test_reference_blood_counts(case: Case) -> None:
    inputs = case["inputs"]
    found = dunnett(
        moments(inputs["control"]), [moments(arm) for arm in inputs["arms"].values()], 0.95
    )
    assert list(found.statistics) == expected(case, "t")
    assert found.df == expected(case, "df")
    held_against(found, case)
    witness = stats.dunnett(
        *inputs["arms"].values(), control=inputs["control"], rng=np.random.default_rng(1)
    )
    # scipy integrates by random points.
    assert list(found.pvalues_adjusted) == pytest.approx(list(witness.pvalue), abs=5e-4)


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-maxz-proportions"))
def test_reference_proportions(case: Case) -> None:
    inputs = case["inputs"]
    base, *arms = [Proportion(v["n"], v["x"]) for v in (inputs["control"], *inputs["arms"])]
    found = max_z(base, arms, inputs["conf"])
    assert list(found.statistics) == expected(case, "z")
    held_against(found, case)
    variance = [p.value * (1 - p.value) / p.n for p in (base, *arms)]
    loadings = loadings_of(variance[0], variance[1:])
    assert loadings[0] * loadings[1] == expected(case, "correlation_12")


@pytest.mark.parametrize(
    ("treatments", "df", "two_sided", "one_sided"),
    [
        (1, 5, 2.57, 2.02),
        (2, 5, 3.03, 2.44),
        (3, 10, 2.76, 2.34),
        (9, 10, 3.24, 2.81),
        (4, 20, 2.65, 2.30),
        (5, 60, 2.58, 2.28),
        (9, None, 2.69, 2.42),
    ],
)
def test_printed_tables(
    treatments: int, df: float | None, two_sided: float, one_sided: float
) -> None:
    """Dunnett (1955), table 1, and (1964), table II, at 5%; two decimals as printed."""
    loadings = (EQUAL,) * treatments
    assert MaxT(loadings, df).critical_value(0.05) == pytest.approx(two_sided, abs=0.0051)
    assert MaxT(loadings, df, two_sided=False).critical_value(0.05) == pytest.approx(
        one_sided, abs=0.0051
    )


@pytest.mark.parametrize("df", [1, 2.5, 12, 99, 100, 1e4])
@pytest.mark.parametrize("statistic", [0.0, 2.0, 12.0, 1e4])
def test_one_contrast_is_the_plain_test(df: float, statistic: float) -> None:
    for loading in (0.7, 0.999):
        wanted = 2 * stats.t.sf(statistic, df)
        assert MaxT((loading,), df).pvalue(statistic) == pytest.approx(wanted, rel=1e-9, abs=1e-290)
        one_sided = MaxT((loading,), df, two_sided=False)
        assert one_sided.pvalue(statistic) == pytest.approx(wanted / 2, rel=1e-9, abs=1e-290)
        assert one_sided.pvalue(-statistic) == pytest.approx(1 - wanted / 2, rel=1e-9)


@pytest.mark.parametrize("loading", [-0.999999999, -0.99, -0.4, 0.1, 0.95, 0.9999, 0.999999999])
@pytest.mark.parametrize("statistic", [0.0, 0.7, 3.0, 9.0, 25.0])
def test_one_normal_contrast_however_close_to_control(loading: float, statistic: float) -> None:
    wanted = 2 * stats.norm.sf(statistic)
    assert MaxT((loading,)).pvalue(statistic) == pytest.approx(wanted, rel=1e-9)
    assert MaxT((loading,), two_sided=False).pvalue(statistic) == pytest.approx(
        wanted / 2, rel=1e-9
    )


@pytest.mark.parametrize("loadings", [(0.7, 0.9), (0.3, 0.99), (0.0, 0.5), (-0.6, 0.8)])
@pytest.mark.parametrize("bound", [0.8, 2.2, 3.5])
def test_two_contrasts_by_brute_force(loadings: tuple[float, float], bound: float) -> None:
    """A plain integral over the first statistic, with the second given it."""
    rho = loadings[0] * loadings[1]
    rest = math.sqrt(1 - rho * rho)

    def both_inside(x: float, low: float) -> float:
        given_x = stats.norm.cdf((bound - rho * x) / rest)
        return float(
            stats.norm.pdf(x) * (given_x - (stats.norm.cdf((low - rho * x) / rest) if low else 0.0))
        )

    inside, _ = integrate.quad(both_inside, -bound, bound, args=(-bound,), epsabs=1e-13)
    assert MaxT(loadings).pvalue(bound) == pytest.approx(1 - inside, abs=1e-11)
    below, _ = integrate.quad(both_inside, -12, bound, args=(0.0,), epsabs=1e-13)
    assert MaxT(loadings, two_sided=False).pvalue(bound) == pytest.approx(1 - below, abs=1e-11)


@pytest.mark.parametrize("df", [7.5, 150])
def test_unequal_loadings_with_t_by_brute_force(df: float) -> None:
    """The same probability by Simpson's rule on a fine grid of s and z."""
    loadings, bound = (0.5, 0.8, 0.97), 2.4

    z = np.linspace(-10, 10, 2001)[None, :]
    s = np.linspace(1e-6, 4, 1001)[:, None]
    inside = stats.norm.pdf(z) * np.ones_like(s)
    for b in loadings:
        rest = math.sqrt(1 - b * b)
        above, below = (special.ndtr((sign * bound * s - b * z) / rest) for sign in (1, -1))
        inside *= above - below
    density = stats.chi.pdf(s[:, 0] * math.sqrt(df), df) * math.sqrt(df)
    given_s = integrate.simpson(inside, dx=20 / 2000, axis=1)
    total = integrate.simpson(given_s * density, dx=(4 - 1e-6) / 1000)
    assert MaxT(loadings, df).pvalue(bound) == pytest.approx(1 - total, abs=1e-9)


loadings = st.lists(st.floats(-0.999, 0.999), min_size=1, max_size=5).map(tuple)
degrees = st.one_of(st.none(), st.floats(1, 500))


@given(loadings, degrees, st.floats(0, 8), st.floats(-0.999, 0.999))
def test_another_contrast_never_lowers_a_pvalue(
    family: tuple[float, ...], df: float | None, bound: float, other: float
) -> None:
    before = MaxT(family, df).pvalue(bound)
    after = MaxT((*family, other), df).pvalue(bound)
    assert after >= before * (1 - 1e-9)
    plain = MaxT(family[:1], df).pvalue(bound)
    assert plain * (1 - 1e-9) <= before <= len(family) * plain * (1 + 1e-9)


@given(loadings, degrees, st.floats(0, 8), st.floats(0, 3))
def test_a_larger_statistic_never_has_a_larger_pvalue(
    family: tuple[float, ...], df: float | None, bound: float, more: float
) -> None:
    joint = MaxT(family, df)
    assert joint.pvalue(bound + more) <= joint.pvalue(bound) * (1 + 1e-9)
    assert joint.pvalue(-bound) == joint.pvalue(bound)


@settings(max_examples=30)
@given(loadings, degrees, st.floats(0.001, 0.5))
def test_critical_value_and_pvalue_are_inverse(
    family: tuple[float, ...], df: float | None, alpha: float
) -> None:
    joint = MaxT(family, df)
    assert joint.pvalue(joint.critical_value(alpha)) == pytest.approx(alpha, rel=1e-9)


values = st.tuples(st.floats(-5, 5), st.floats(0.01, 4))


@given(values, st.lists(values, min_size=1, max_size=4), st.floats(0.5, 0.999))
def test_adjusted_pvalues_and_intervals_agree(
    control: tuple[float, float], treatments: list[tuple[float, float]], level: float
) -> None:
    found = many_to_one(control, treatments, None, level)
    alpha = 1 - level
    for pvalue, interval in zip(found.pvalues_adjusted, found.intervals, strict=True):
        if abs(pvalue - alpha) > 1e-9:
            assert (pvalue < alpha) == (0 not in interval)


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=4).flatmap(
        lambda found: st.tuples(
            st.just(found),
            st.lists(st.floats(-0.99, 0.99), min_size=len(found), max_size=len(found)),
        )
    )
)
def test_step_down_is_never_worse_and_keeps_the_order(
    drawn: tuple[list[float], list[float]],
) -> None:
    statistics, family = drawn[0], MaxT(tuple(drawn[1]))
    found = step_down(statistics, family)
    single = [family.pvalue(statistic) for statistic in statistics]
    for after, before, statistic in zip(found, single, statistics, strict=True):
        plain = 2 * float(stats.norm.sf(abs(statistic)))
        assert plain * (1 - 1e-9) <= after <= before * (1 + 1e-9)
    assert max(found) <= 1
    by_size = sorted(zip(statistics, found, strict=True), key=lambda pair: -abs(pair[0]))
    assert [p for _, p in by_size] == sorted(found)


def test_step_down_one_sided_and_with_t() -> None:
    family = MaxT((EQUAL, EQUAL), 20, two_sided=False)
    found = step_down([-1.0, 2.5], family)
    assert found[1] == family.pvalue(2.5)
    assert found[0] == pytest.approx(float(stats.t.sf(-1.0, 20)), rel=1e-9)


def test_without_one_contrast() -> None:
    family = MaxT((0.1, 0.2, 0.3), 12, two_sided=False)
    assert family.without(1) == MaxT((0.1, 0.3), 12, two_sided=False)
    assert MaxT((0.5,)).without(0) is None


def test_what_is_shared() -> None:
    assert loadings_of(1.0, [1.0, 0.0, 3.0]) == pytest.approx((EQUAL, 0.0, 0.5))
    assert loadings_of(0.0, [1.0]) == (0.0,)
    assert loadings_of(1e30, [1e-30])[0] < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MaxT(()), "there is no contrast"),
        (lambda: MaxT((1.0,)), r"a loading is 1\.0; it must lie strictly between -1 and 1"),
        (lambda: MaxT((float("nan"),)), "a loading is nan"),
        (lambda: MaxT((0.5,), 0.0), r"df is 0\.0; it must be above 0"),
        (lambda: MaxT((0.5,), math.inf), "df is inf; it must be above 0 and finite, or None"),
        (lambda: MaxT((0.5,)).critical_value(1.0), r"alpha is 1\.0; it must lie strictly"),
        (lambda: loadings_of(-1.0, [1.0]), r"a variance is -1\.0; it must be at least 0"),
        (lambda: loadings_of(1.0, [math.inf]), "a variance is inf"),
        (lambda: step_down([1.0], MaxT((0.5, 0.5))), "there are 1 statistics and 2 loadings"),
        (lambda: many_to_one((0.0, 0.0), [(1.0, 0.0)]), "a difference has no variance"),
        (lambda: many_to_one((0.0, 1.0), [(1.0, 1.0)], ci_level=1.0), r"ci_level is 1\.0"),
        (lambda: dunnett(Moments(0, 0.0, 0.0), [Moments(2, 1.0, 1.0)]), "a variant has no units"),
        (lambda: dunnett(Moments(1, 0.0, 0.0), [Moments(1, 1.0, 0.0)]), "every variant has one"),
        (lambda: max_z(Proportion(0, 0), [Proportion(2, 1)]), "a variant has no units"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
