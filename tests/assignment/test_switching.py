"""How many switch, against counting real units and the issue's own numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.assignment import Experiment
from abtest.assignment.switching import Switching, ranges_of, switching

weights = st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any)


def named(numbers: list[int]) -> dict[str, int]:
    return {f"v{index}": number for index, number in enumerate(numbers)}


def plain(old: list[int], new: list[int]) -> Switching:
    return switching(ranges_of(named(old)), ranges_of(named(new)))


def test_a_fourth_equal_variant_moves_half_where_a_quarter_would_do() -> None:
    found = plain([1, 1, 1], [1, 1, 1, 1])
    assert float(found.switched) == pytest.approx(1 / 2, abs=1e-15)
    assert float(found.minimum) == pytest.approx(1 / 4, abs=1e-15)


@pytest.mark.parametrize(
    ("old", "new"),
    [([1, 1], [1, 3]), ([1, 1, 1], [1, 1, 1, 1]), ([2, 1, 1], [1, 1, 2]), ([1, 1], [0, 1])],
)
def test_the_flows_are_those_of_real_units(old: list[int], new: list[int]) -> None:
    count = 20_000
    before = Experiment("exp-1", list(named(old).items()))
    after = Experiment("exp-1", list(named(new).items()))
    found = plain(old, new)
    pairs = [(before.variant(unit), after.variant(unit)) for unit in range(count)]
    for flow in set(pairs):
        share = float(found.flows[str(flow[0]), str(flow[1])])
        # Five standard errors of a share of 20,000 units; the hash is fixed.
        assert abs(pairs.count(flow) / count - share) < 5 * (share * (1 - share) / count) ** 0.5
    assert sum(found.flows.values()) == 1


@given(weights, weights)
def test_flows_add_up_and_nothing_beats_the_minimum(old: list[int], new: list[int]) -> None:
    found = plain(old, new)
    assert sum(found.flows.values()) == 1
    assert 0 <= found.minimum <= found.switched <= 1
    assert sum((found.leaving(name) for name in named(old)), Fraction(0)) == found.switched


@given(weights, st.integers(1, 9))
def test_the_same_shares_move_nobody(numbers: list[int], factor: int) -> None:
    found = plain(numbers, [number * factor for number in numbers])
    assert found.switched == found.minimum == 0
