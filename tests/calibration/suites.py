"""All suites, in the order of the page."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from calibration.cells import Cell


def suite_modules() -> list[ModuleType]:
    """The modules ``sNN_name.py`` of this folder; each has ``CELLS`` and says what it is about."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("s[0-9][0-9]_*.py"))
    return [import_module(f"calibration.{name}") for name in names]


def all_cells() -> dict[str, Cell]:
    """Every cell by its key.

    Raises:
        ValueError: Two cells have the same key.
    """
    cells: dict[str, Cell] = {}
    for module in suite_modules():
        for cell in module.CELLS:
            if cell.key in cells:
                raise ValueError(f"two cells are called {cell.key}.")
            cells[cell.key] = cell
    return cells
