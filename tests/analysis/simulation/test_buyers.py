"""Invented buyers: their law, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.analysis.simulation.buyers import Habits, draw_buyers, draw_future, draw_past
from abtest.analysis.simulation.season import from_clock, to_clock


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=20))
def test_the_clock_runs_both_ways(days: list[float]) -> None:
    times = np.array(days)
    assert from_clock(to_clock(times)) == pytest.approx(times, abs=1e-9)
    assert to_clock(times + 7) == pytest.approx(to_clock(times) + 7, abs=1e-9)


def test_the_clock_never_runs_backwards() -> None:
    times = np.linspace(-14, 14, 5001)
    assert (np.diff(to_clock(times)) > 0).all()


def test_orders_follow_the_expected_number() -> None:
    random = np.random.default_rng(1)
    anchor = random.uniform(0, 14, 50_000)
    buyers = draw_buyers(anchor, Habits(), random)
    ones = np.ones(len(anchor))
    future = draw_future(buyers, 60.0, 1.5 * ones, ones, random)
    inside = future.at < anchor[future.buyer] + 30
    found = np.bincount(future.buyer[inside], minlength=len(anchor))
    wanted = 1.5 * buyers.expected(anchor, anchor + 30)
    # Given their paces the counts are Poisson: the sum's standard error is the root of its mean.
    assert found.sum() == pytest.approx(wanted.sum(), abs=4 * np.sqrt(wanted.sum()))
    chance = 1 - np.exp(-wanted)
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert (found > 0).sum() == pytest.approx(chance.sum(), abs=4 * spread)


def test_baskets_have_the_mean_that_is_told() -> None:
    random = np.random.default_rng(2)
    anchor = np.zeros(20_000)
    buyers = draw_buyers(anchor, Habits(), random)
    past = draw_past(buyers, random)
    wanted = buyers.basket[past.buyer]
    assert past.amount.mean() == pytest.approx(wanted.mean(), rel=0.02)
    assert stats.skew(past.amount) > 2  # a tail, as spend has


def test_everybody_has_bought_before_and_nobody_after_the_end() -> None:
    random = np.random.default_rng(3)
    anchor = np.full(500, 10.0)
    buyers = draw_buyers(anchor, Habits(), random)
    past, ones = draw_past(buyers, random), np.ones(500)
    future = draw_future(buyers, 40.0, ones, ones, random)
    assert set(past.buyer) == set(range(500))
    assert (past.at < 10).all()
    assert ((future.at >= 10) & (future.at < 40)).all()
    both = past + future
    assert (np.diff(both.at) >= 0).all()
    assert len(both.at) == len(past.at) + len(future.at)


def test_weekends_are_busier_than_tuesdays() -> None:
    random = np.random.default_rng(4)
    buyers = draw_buyers(np.zeros(20_000), Habits(), random)
    ones = np.ones(20_000)
    days = np.floor(draw_future(buyers, 70.0, ones, ones, random).at % 7)
    counts = np.bincount(days.astype(int), minlength=7)
    assert counts[5] > 1.2 * counts[1]
