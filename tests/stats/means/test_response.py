"""Response rates against scipy; bounds against filling in every missing answer."""

from __future__ import annotations

from itertools import product
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.means.response import Answers, response_rates, worst_case_bounds


@pytest.mark.parametrize(
    ("answered", "asked"),
    [
        ([420, 350], [1000, 1000]),
        ([7, 3, 9], [11, 12, 13]),
        ([812_345, 811_000], [1_000_000, 1_000_100]),
        ([0, 5], [40, 50]),
    ],
)
def test_the_test_is_scipys_chi_square_of_the_table(answered: list[int], asked: list[int]) -> None:
    table = np.array([answered, np.subtract(asked, answered)])
    wanted = stats.chi2_contingency(table, correction=False)
    found = response_rates(answered, asked)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-10)
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-10)
    assert found.df == wanted.dof
    assert found.rates == tuple(a / n for a, n in zip(answered, asked, strict=True))


def test_small_counts_are_named() -> None:
    assert "under 5" in response_rates([1, 2], [10, 10]).notes[0]
    assert response_rates([50, 60], [100, 100]).notes == ()


@pytest.mark.parametrize(
    ("answered", "asked", "note"),
    [
        ([0, 0], [10, 20], "nobody answered: nothing to test"),
        ([10, 20], [10, 20], "everybody answered: nothing to test"),
        ([0, 5], [0, 20], "fewer than two variants were asked: nothing to test"),
        ([], [], "fewer than two variants were asked: nothing to test"),
    ],
)
def test_nothing_to_test(answered: list[int], asked: list[int], note: str) -> None:
    found = response_rates(answered, asked)
    assert (found.statistic, found.pvalue, found.notes) == (None, None, (note,))


def test_a_variant_that_was_not_asked_costs_no_degree_of_freedom() -> None:
    found, without = response_rates([5, 0, 9], [20, 0, 20]), response_rates([5, 9], [20, 20])
    assert found.rates == (0.25, None, 0.45)
    assert (found.df, found.pvalue) == (without.df, without.pvalue) == (1, without.pvalue)


@pytest.mark.parametrize(
    ("answered", "asked", "message"),
    [
        ([1], [1, 2], "there are 1 and 2 counts; match them"),
        ([3, 1], [2, 2], "3 of 2 answered; it must be from 0 to all"),
        ([-1, 1], [2, 2], "-1 of 2 answered"),
    ],
)
def test_impossible_counts(answered: list[int], asked: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        response_rates(answered, asked)


scores = st.sampled_from([-100, 0, 100])
variants = st.tuples(st.lists(scores, max_size=4), st.integers(0, 2)).filter(
    lambda drawn: len(drawn[0]) + drawn[1] > 0
)


@given(variants, variants)
def test_the_bounds_are_the_extremes_over_all_missing_answers(
    control: tuple[list[int], int], treatment: tuple[list[int], int]
) -> None:
    """Every way to fill in the answers, on every score there is."""
    means = [
        [mean([*seen, *filled]) for filled in product([-100, 0, 100], repeat=missing)]
        for seen, missing in (control, treatment)
    ]
    differences = [later - earlier for earlier, later in product(*means)]
    before, after = (
        Answers(len(seen) + missing, len(seen), mean(seen) if seen else 0.0)
        for seen, missing in (control, treatment)
    )
    bounds = worst_case_bounds(before, after, -100.0, 100.0)
    assert bounds is not None
    assert bounds.low == pytest.approx(min(differences), abs=1e-9)
    assert bounds.high == pytest.approx(max(differences), abs=1e-9)


def test_bounds_by_hand() -> None:
    everyone = worst_case_bounds(Answers(10, 10, 4.0), Answers(10, 10, 4.5), 1.0, 5.0)
    assert everyone is not None
    assert (everyone.low, everyone.high) == (0.5, 0.5)
    nobody = worst_case_bounds(Answers(10, 0, 99.0), Answers(10, 0, 99.0), 0.0, 1.0)
    assert nobody is not None
    assert (nobody.low, nobody.high) == (-1.0, 1.0)
    assert worst_case_bounds(Answers(0, 0, 0.0), Answers(10, 5, 0.5), 0.0, 1.0) is None


@pytest.mark.parametrize(
    ("control", "scale", "message"),
    [
        (Answers(10, 11, 0.0), (0.0, 1.0), "11 of 10 answered"),
        (Answers(10, 5, 2.0), (0.0, 1.0), "a mean is 2.0; it must be from 0.0 to 1.0"),
        (Answers(10, 5, 0.5), (1.0, 0.0), "the scale is from 1.0 to 0.0"),
        (Answers(10, 5, 0.5), (0.0, float("inf")), "the scale is from 0.0 to inf"),
        (Answers(10, 5, float("nan")), (0.0, 1.0), "a mean is nan"),
    ],
)
def test_impossible_answers(control: Answers, scale: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        worst_case_bounds(control, Answers(10, 5, 0.5), *scale)
