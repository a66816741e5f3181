"""Whole stores in one variant, 6 to 50 of them.

Customers of one store are alike, and stores differ in size (2 to 30 customers). The intraclass
correlation says how alike: 0 not at all, 0.2 very. Each customer's spend comes from an order log.
Counting customers as if each had been split on its own would find an effect of nothing in one
experiment of five; the shipped test (CR2 with Satterthwaite's degrees of freedom) may not do so in
more than 6%. Below ten stores in a variant it has to say that one store can decide.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from calibration.cells import Cell, Claim, Tally, hits
from calibration.simulated_logs import (
    Customers,
    alarms,
    contrasts_of,
    covered,
    date_after,
    draft_of,
    orders,
    read_experiments,
    spec_of,
)

FEWEST, MOST = 2, 30
METRIC = {"key": "spend", "kind": "sum", "events": "orders", "window": {"end": "7d"}}
SPEC = spec_of([{**METRIC, "role": "primary"}], date_after(14), cluster="store")


def simulate(
    rng: np.random.Generator, repeats: int, *, stores: int, correlation: float
) -> dict[str, Tally]:
    """Experiments with ``stores`` in each variant, in which the coupon changes nothing."""
    spec = draft_of(SPEC).require().spec
    sizes = rng.integers(FEWEST, MOST + 1, 2 * stores * repeats)
    level = 50 + 10 * math.sqrt(correlation) * rng.normal(size=len(sizes))
    store = np.repeat(np.arange(len(sizes)), sizes)
    customers = Customers(store // (2 * stores), store // stores % 2, np.zeros(len(store)))
    amount = level[store] + 10 * math.sqrt(1 - correlation) * rng.normal(size=len(store))
    days = rng.uniform(0, 7, len(store))
    log = customers.tables(store=store) | {"orders": orders(np.arange(len(store)), days, amount)}
    found = contrasts_of(read_experiments(spec, log, repeats), spec, "spend")
    compared = [contrast.comparison for contrast in found]
    return {
        "false alarms": alarms(compared),
        "difference held": covered(compared, 0.0),
        "warned of few": hits(["only" in " ".join(one.notes) for one in compared]),
    }


def _cell(stores: int, correlation: float, repeats: int) -> Cell:
    claims = [
        Claim("false alarms", 0.06, "at_most"),
        Claim("difference held", 0.94, "at_least"),
        Claim("warned of few", 1.0, "at_least")
        if stores < 10
        else Claim("warned of few", 0.0, "at_most"),
    ]
    return Cell(
        "S7",
        {"stores in a variant": stores, "intraclass correlation": correlation},
        repeats,
        partial(simulate, stores=stores, correlation=correlation),
        tuple(claims),
        batch=1000 if stores < 20 else 250,
        fast=400 if stores == 6 and correlation == 0.2 else 0,
    )


CELLS = tuple(
    _cell(stores, correlation, repeats)
    for stores, repeats in ((6, 10_000), (10, 6_000), (20, 4_000), (50, 2_000))
    for correlation in (0.0, 0.05, 0.2)
)
