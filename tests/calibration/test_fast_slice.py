"""The fast slice of every suite: fewer replications, so a wider band; the numbers are the same on
every run."""

from __future__ import annotations

import pytest

from calibration.cells import Cell
from calibration.judge import judged
from calibration.suites import all_cells

# With fixed numbers a failure is a change of the code, not of luck.
ALLOWED = 4.0


@pytest.mark.parametrize(
    "cell", [pytest.param(c, id=c.key) for c in all_cells().values() if c.fast]
)
def test_promises_hold(cell: Cell) -> None:
    verdicts = judged(cell, cell.run_batch(0, cell.fast), ALLOWED)
    out = [(v.claim.tally, v.rate, v.claim.band, v.claim.nominal) for v in verdicts if not v.holds]
    assert not out
