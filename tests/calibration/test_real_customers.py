"""The rows of real customers where their data are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration import s11_real
from calibration.judge import judged


def test_rows_say_so_where_the_data_are_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(s11_real, "DATA", tmp_path)
    cell = s11_real.metric_cell(s11_real.CDNOW, "churn", fast=10)
    assert cell.settings["not run"] == s11_real.ABSENT
    assert cell.fast == 0
    assert judged(cell, cell.run_batch(0)) == []


def test_evenly_spread_pvalues_are_told_from_others() -> None:
    def found(power: float) -> dict[str, float | None]:
        pvalues = [(i + 0.5) / 500 for i in range(500)]
        made = [
            {"pvalue": p**power, "low": -1.0, "high": p - 0.05, "shipped": p < 0.02}
            for p in pvalues
        ]
        return {name: tally.rate for name, tally in s11_real._tallied(made).items()}

    even = found(1.0)
    assert even["p < 0.05"] == pytest.approx(0.05)
    assert even["p uniform"] == 1.0
    assert even["interval holds"] == pytest.approx(0.95)
    assert even["false ships"] == pytest.approx(0.02)
    assert found(1.5)["p uniform"] == 0.0


def test_real_customers_are_in_the_fast_slice(shared_data: Path) -> None:
    assert shared_data.is_dir()
    assert [cell.settings["metric"] for cell in s11_real.CELLS if cell.fast] == [
        "churn",
        "assignment",
    ]
