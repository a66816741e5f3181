from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_arrays, from_rows

COLUMNS = Columns(("y",), ("x", "z"), ("x",))
NOBODY = from_rows(COLUMNS, np.zeros((0, 4)))


def test_names_are_outcome_covariates_and_what_is_missing() -> None:
    assert COLUMNS.names == ("y", "x", "z", "x:missing")
    assert Columns(("revenue", "orders"), ("x",)).history == ("x",)


@pytest.mark.parametrize(
    ("outcome", "covariates", "missing", "message"),
    [
        ((), (), (), r"outcome has 0 columns; it must have 1 or 2"),
        (("a", "b", "c"), (), (), r"outcome has 3 columns"),
        (("y",), ("x",), ("z",), r"missing names z; it must name covariates only"),
        (("y",), ("x", "y"), (), r"y occurs twice"),
        (("y",), ("x", "x:missing"), ("x",), r"x:missing occurs twice"),
    ],
)
def test_columns_that_make_no_sense(
    outcome: tuple[str, ...], covariates: tuple[str, ...], missing: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Columns(outcome, covariates, missing)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="must have 2 places"):
        CoMoments(Columns(("y",), ("x",)), 1, (1.0, 2.0), ((0.0, 0.0),))
    with pytest.raises(ValueError, match="n is -1; it must be at least 0"):
        CoMoments(Columns(("y",)), -1, (1.0,), ((0.0,),))
    with pytest.raises(ValueError, match="rows hold NaN"):
        from_rows(Columns(("y",)), [[1.0], [np.nan]])


def test_only_the_same_columns_add_up() -> None:
    with pytest.raises(ValueError, match="of different columns; they cannot be added"):
        NOBODY + from_rows(Columns(("y",)), [[1.0]])


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 30))
def test_numpy_agrees_whatever_the_shards(seed: int, cut: int, other: int) -> None:
    rows = np.random.default_rng(seed).normal(5, 3, (30, 4))
    first, second = sorted((cut, other))
    merged = NOBODY
    for shard in (rows[:first], rows[second:], rows[first:second]):
        merged = merged + from_rows(COLUMNS, shard)
    assert merged.n == 30
    assert merged.means == pytest.approx(rows.mean(axis=0), rel=1e-12)
    assert np.array(merged.products) == pytest.approx(np.cov(rows.T) * 29, rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_a_large_offset_loses_no_digits(offset: float) -> None:
    """The means of these halves are exact at any offset, so the products must be too."""
    rows = np.array([[1, 4], [2, 1], [3, 5], [6, 2]], dtype=float)
    columns = Columns(("y",), ("x",))
    near = from_rows(columns, rows)
    whole = from_rows(columns, rows + offset)
    merged = from_rows(columns, rows[:2] + offset) + from_rows(columns, rows[2:] + offset)
    for far in (whole, merged):
        assert np.array(far.products) == pytest.approx(np.array(near.products), rel=1e-12)


def test_arrays_become_tuples_that_compare() -> None:
    one = from_arrays(Columns(("y",)), 3, np.array([1]), np.array([[2]]))
    assert one == from_arrays(Columns(("y",)), 3, [1.0], [[2.0]])
    assert hash(one) == hash(from_arrays(Columns(("y",)), 3, [1.0], [[2.0]]))
