"""Units with covariates, as tests of regression adjustment want them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_rows, missing_column

if TYPE_CHECKING:
    from pathlib import Path

Table = dict[str, NDArray[np.float64]]


def read(path: Path, wanted: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """The rows of a CSV by variant; ``wanted`` maps what the file says to variant keys."""
    found: dict[str, list[dict[str, str]]] = {key: [] for key in wanted.values()}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row.get("arm") or row.get("segment") or ""
            if name in wanted:
                found[wanted[name]].append(row)
    return found


def table(rows: list[dict[str, str]], names: tuple[str, ...]) -> Table:
    """Columns of numbers; what is empty is NaN."""
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def summarise(columns: Columns, units: Table, fill: float = 0.0) -> CoMoments:
    """Co-moments, with missing covariates written down as the engine writes them."""
    derived: dict[str, Any] = dict(units)
    for name in columns.missing:
        derived[missing_column(name)] = np.isnan(units[name]).astype(float)
        derived[name] = np.where(np.isnan(units[name]), fill, units[name])
    return from_rows(columns, np.column_stack([derived[name] for name in columns.names]))


def trial(seed: int, sizes: dict[str, int], *, missing: float = 0.0) -> dict[str, Table]:
    """Units with an outcome y, a 0/1 outcome, orders, and two covariates with unlike slopes."""
    rng = np.random.default_rng(seed)
    units = {}
    for place, (variant, n) in enumerate(sizes.items()):
        x, z = rng.normal(50, 20, n), rng.gamma(2, 3, n)
        y = 100 + 5 * place + (0.5 + 0.3 * place) * x - z + rng.normal(0, 15, n)
        orders = rng.poisson(2, n) + (x > 50)
        seen = np.where(rng.random(n) < missing, np.nan, x)
        units[variant] = {
            "y": y,
            "visit": (y > np.median(y)).astype(float),
            "revenue": orders * y,
            "orders": orders.astype(float),
            "x": seen,
            "z": z,
        }
    return units


def drawn_clusters(
    seed: int, control: int, treatment: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Values, whether treated, and the cluster of units in clusters of unlike size."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, control + treatment)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    values = rng.normal(size=len(sizes))[cluster] + rng.normal(10, 2, len(cluster))
    return values, (cluster >= control).astype(float), cluster
