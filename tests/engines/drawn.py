"""The random experiments by name, such as ``logs-3``: what the contract is tested with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.random_kinds import random_clusters, random_kinds, random_times, random_unit_rows
from engines.random_logs import random_experiment, random_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.random_logs import Experiment

DRAWS: dict[str, Callable[[int], Experiment]] = {
    "logs": random_experiment,
    "kinds": random_kinds,
    "clusters": random_clusters,
    "times": random_times,
    "units": random_units,
    "rows": random_unit_rows,
}


def drawn_experiment(name: str) -> Experiment:
    """The experiment of one kind and seed."""
    kind, _, seed = name.partition("-")
    return DRAWS[kind](int(seed))
