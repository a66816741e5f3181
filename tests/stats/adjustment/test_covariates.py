from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import qr

from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.adjustment.covariates import choose


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 4))
def test_as_many_are_kept_as_qr_finds(seed: int, rank: int, copies: int) -> None:
    """Columns that mix others are found; scipy's pivoted QR of the rows is the witness."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, rank))
    rows = np.column_stack([rows, rows @ rng.normal(size=(rank, copies)) + 5])
    rows = rows[:, rng.permutation(rank + copies)]
    columns = Columns(("y",), tuple(f"x{place}" for place in range(rank + copies)))
    summary = from_rows(columns, np.column_stack([rng.normal(size=30), rows]))
    choice = choose([summary], summary)
    triangle = qr(rows - rows.mean(axis=0), mode="r", pivoting=True)[0]
    witness = (np.abs(np.diag(triangle)) > 1e-7 * np.abs(triangle[0, 0])).sum()
    assert len(choice.kept) == witness == rank
    assert len(choice.notes) == copies


def test_a_missing_history_is_filled_with_the_mean_of_what_is_known() -> None:
    columns = Columns(("y",), ("x",), ("x",))
    rows = np.array([[1, 2, 0], [2, 4, 0], [3, 9, 0], [5, 77, 1], [4, 77, 1]], dtype=float)
    summary = from_rows(columns, rows)
    choice = choose([summary], summary)
    assert choice.kept == ("x", "x:missing")
    filled = rows[:, 1:] @ choice.transform[:, 0]
    assert filled[3] == pytest.approx(filled[:3].mean(), rel=1e-12)
    # On a scale where the standard deviation over all units is 1.
    assert (rows[:, 1:] @ choice.transform).std(axis=0) == pytest.approx(np.ones(2))


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, 1 / 3])
def test_rounding_is_no_variation(value: float) -> None:
    columns = Columns(("y",), ("x",))
    shards = [from_rows(columns, [[float(place), value]]) for place in range(7)]
    total = sum(shards, start=from_rows(columns, np.zeros((0, 2))))
    assert choose([total], total).notes == ("x is the same for every unit: not adjusted for",)


def test_a_large_offset_is_no_constant() -> None:
    columns = Columns(("y",), ("x",))
    total = from_rows(columns, [[0, 1e9], [1, 1e9 + 1], [2, 1e9 + 2]])
    assert choose([total], total).kept == ("x",)
