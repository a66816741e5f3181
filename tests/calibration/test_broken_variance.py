"""The fast slice sees an analysis that is broken in the usual ways.

Each test breaks the shipped code in one way and runs a cell of the fast slice, which
`test_fast_slice.py` shows to hold with the same numbers as long as nothing is broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pytest

from abtest.analysis.facts import Facts
from abtest.analysis.segments import slices
from abtest.analysis.streams import UNIT
from calibration import s04_immature, s05_ramp, s07_clusters
from calibration.judge import judged
from calibration.test_fast_slice import ALLOWED

if TYPE_CHECKING:
    from abtest.analysis.summaries import Found
    from calibration.cells import Cell


def out_of_band(cells: tuple[Cell, ...]) -> dict[str, float | None]:
    """What the fast slice finds wrong with the cells of a suite: the tallies' rates."""
    found = [
        verdict
        for cell in cells
        if cell.fast
        for verdict in judged(cell, cell.run_batch(0, cell.fast), ALLOWED)
    ]
    assert found
    return {v.claim.tally: v.rate for v in found if not v.holds}


def test_n_counted_as_rows_of_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row per order, not per customer: more n, and rows of one customer are alike."""

    def one_row_per_order(self: Any, stream: str, anchor: Any, columns: Any) -> nw.LazyFrame[Any]:
        rows = self.events_in_time(stream).join(self._units(anchor), on=UNIT, how="inner")
        frame: nw.LazyFrame[Any] = rows.select(
            UNIT, *(aggregate.row.alias(name) for name, aggregate in columns.items())
        )
        return frame

    monkeypatch.setattr(Facts, "_per_unit", one_row_per_order)
    found = out_of_band(s04_immature.CELLS)
    assert (found["false alarms"] or 0.0) > 0.1


def test_unripe_customers_counted_as_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    def everybody(_: Facts, __: object) -> nw.Expr:
        return nw.lit(value=True)

    monkeypatch.setattr(Facts, "_mature", everybody)
    found = out_of_band(s05_ramp.CELLS)
    assert set(found) == {"matured: difference held", "matured: error"}
    assert (found["matured: difference held"] or 0.0) < 0.8


def test_clusters_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_units(_: object, __: object, ___: object, found: Found, ____: object) -> Found:
        return found

    monkeypatch.setattr(slices, "in_clusters", as_units)
    found = out_of_band(s07_clusters.CELLS)
    assert (found["false alarms"] or 0.0) > 0.2
    assert found["warned of few"] == 0.0
