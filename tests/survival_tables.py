"""Life tables for tests: from CSV files, and the same units one by one."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from pathlib import Path

Units = list[tuple[int, bool]]  # (time, whether it is an event)

units = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40)
ci_levels = st.floats(0.5, 0.999)


def table(rows: Units, scale: float = 1.0) -> LifeTable:
    return LifeTable.of([time * scale for time, _ in rows], [event for _, event in rows])


def golden_tables(folder: Path, segment: str = "") -> tuple[LifeTable, LifeTable]:
    """(control, treatment) of survival.csv, all units or one segment."""
    with (folder / "survival.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if segment in ("", row["segment"])]
    control, treatment = (
        LifeTable.of(
            [float(row["time"]) for row in rows if row["arm"] == variant],
            [row["event"] == "1" for row in rows if row["arm"] == variant],
        )
        for variant in ("control", "treatment")
    )
    return control, treatment


def rossi_tables(folder: Path) -> tuple[LifeTable, LifeTable]:
    """(no aid, aid) of the Rossi data: weeks to re-arrest."""
    with (folder / "rossi.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    control, treatment = (
        LifeTable.of(
            [float(row["week"]) for row in rows if row["fin"] == aid],
            [row["arrest"] == "1" for row in rows if row["fin"] == aid],
        )
        for aid in ("0", "1")
    )
    return control, treatment
