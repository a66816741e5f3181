from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.survival.kaplan_meier import curve_point
from abtest.stats.survival.life_table import LifeTable, common_horizon
from survival_tables import Units, table, units


def test_units_one_by_one() -> None:
    got = LifeTable.of([5, 2, 5, 9, 2], [True, True, False, False, True])
    assert got == LifeTable((2.0, 5.0, 9.0), (2, 1, 0), (0, 1, 1))
    assert got.n == 5
    assert got.last == 9.0
    # The unit censored at 5 is at risk of the event at 5.
    assert got.at_risk().tolist() == [5.0, 3.0, 1.0]


def test_nobody() -> None:
    empty = LifeTable.empty()
    assert empty.n == 0
    assert empty.last is None
    assert empty.at_risk().size == 0
    assert LifeTable.of([], []) == empty
    assert empty.truncated(3.0) == empty
    assert empty + empty == empty


@given(units, st.integers(0, 40))
def test_shards_of_units_add_up(rows: Units, cut: int) -> None:
    assert table(rows[cut:]) + table(rows[:cut]) == table(rows)
    assert table(rows) + LifeTable.empty() == table(rows)


@given(units)
def test_at_risk_counts_who_is_still_there(rows: Units) -> None:
    got = table(rows)
    still = [sum(time >= moment for time, _ in rows) for moment in got.times]
    assert got.at_risk().tolist() == still


@given(units, st.integers(1, 14))
def test_a_window_is_half_open(rows: Units, end: int) -> None:
    got = table(rows).truncated(end)
    before = [(min(time, end), event and time < end) for time, event in rows]
    assert got == table(before)


def test_common_horizon() -> None:
    short, long = LifeTable((4.0,), (1,), (2,)), LifeTable((9.0,), (0,), (3,))
    assert common_horizon([long, short]) == 4.0
    assert common_horizon([long, LifeTable.empty()]) is None
    assert common_horizon([]) is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (((1.0, 2.0), (1,), (0, 0)), "2 times, 1 counts of events and 2 of censored"),
        (((2.0, 1.0), (1, 1), (0, 0)), "must be finite, not negative and ascending"),
        (((1.0, 1.0), (1, 1), (0, 0)), "ascending, each once"),
        (((-1.0,), (1,), (0,)), "not negative"),
        (((math.nan,), (1,), (0,)), "must be finite"),
        (((math.inf,), (1,), (0,)), "must be finite"),
        (((1.0,), (-1,), (0,)), "negative count"),
        (((1.0,), (1,), (-2,)), "negative count"),
    ],
)
def test_bad_columns(
    columns: tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LifeTable(*columns)


def test_bad_units() -> None:
    with pytest.raises(ValueError, match="2 durations and 1 flags of events"):
        LifeTable.of([1, 2], [True])
    with pytest.raises(ValueError, match="not negative"):
        LifeTable.of([-1], [True])


def test_a_hundred_thousand_distinct_times_are_quick() -> None:
    draws = np.random.default_rng(1).exponential(30, 100_000)
    start = time.perf_counter()
    whole = LifeTable.of(draws.tolist(), (draws < 60).tolist())
    point = curve_point(whole + whole, 30.0)
    assert time.perf_counter() - start < 10  # about 0.3 s alone on one core
    assert point.survival == pytest.approx(np.mean(draws > 30), rel=1e-9)
