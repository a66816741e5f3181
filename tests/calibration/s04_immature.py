"""Spend of customers who entered at different times, read before all have had their week.

Each customer has a rate of ordering and a size of basket of their own (gamma), and orders at random
every day (Poisson); they enter on seven days. `Seven days each` counts a customer once their seven
days are over, and then never changes: what is read off it once, or each night by the sequential
plan, keeps its 5%. `So far` is what all customers have spent up to the night: it grows with
everybody's time, the nights are alike, and looking every night finds an effect of nothing far more
often. A sequential plan refuses such a metric, and without a plan it is labelled as biased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from abtest.analysis.analyze import check_spec
from abtest.analysis.records import Comparer, Contrast
from abtest.analysis.sequential.interim import Night
from abtest.analysis.sequential.looks import Look, LookRow
from abtest.spec import Spec
from calibration.cells import Cell, Claim, Tally, hits
from calibration.simulated_logs import (
    COUPON,
    Customers,
    alarms,
    bias,
    contrasts_of,
    covered,
    date_after,
    draft_of,
    lift_covered,
    orders,
    read_experiments,
    spec_of,
)

CUSTOMERS, ENTRY, WINDOW = 420, 7, 7
LAST = ENTRY + WINDOW  # all have had their week
RATE, BASKET = 0.3, 10.0  # orders a day, money an order
PLAN = {
    "engine": "lan_demets", "spending": "obrien_fleming", "looks": "nightly",
    "max_units": CUSTOMERS,
}  # fmt: skip


def metric(**changes: str) -> dict[str, Any]:
    """The spend of a customer's first seven days."""
    window = {"end": f"{WINDOW}d"}
    return {
        "key": "spend", "kind": "sum", "events": "orders", "window": window, "role": "primary",
        **changes,
    }  # fmt: skip


def tables_of(
    rng: np.random.Generator, repeats: int, effect: float = 0.0
) -> dict[str, pd.DataFrame]:
    """The logs; ``effect`` is by how much more the coupon's customers order."""
    n = CUSTOMERS * repeats
    experiment = np.repeat(np.arange(repeats), CUSTOMERS)
    customers = Customers(experiment, rng.integers(0, 2, n), rng.uniform(0, ENTRY, n))
    rate = rng.exponential(RATE, n) * (1 + effect * (customers.variant == COUPON))
    buyer = np.repeat(np.arange(n), rng.poisson(rate * LAST))
    since = rng.uniform(0, LAST, len(buyer))
    paid = rng.gamma(2, BASKET / 2, n)[buyer] * rng.uniform(0.5, 1.5, len(buyer))
    return customers.tables() | {"orders": orders(buyer, customers.entered[buyer] + since, paid)}


def once(rng: np.random.Generator, repeats: int, *, night: int, effect: float) -> dict[str, Tally]:
    """One reading, on a night on which some have not had their week."""
    spec = draft_of(spec_of([metric()], date_after(night))).require().spec
    comparers = read_experiments(spec, tables_of(rng, repeats, effect), repeats)
    compared = [one.comparison for one in contrasts_of(comparers, spec, "spend")]
    true = RATE * WINDOW * BASKET * effect
    return {
        "false alarms": alarms(compared),
        "difference held": covered(compared, true),
        "lift held": lift_covered(compared, effect),
        "error": bias(compared, true),
    }


@dataclass
class Watched:
    """One experiment under its plan.

    Attributes:
        looks: The nights so far.
        last: What the plan says of the last one.
    """

    looks: list[Look] = field(default_factory=list)
    last: LookRow | None = None

    @property
    def over(self) -> bool:
        """Whether the plan has stopped or ended."""
        return self.last is not None and self.last.state != "running"

    def look(self, spec: Spec, as_of: str, contrast: Contrast) -> None:
        """Take tonight's look."""
        rows = Night(spec, as_of, self.looks).rows([contrast])
        self.last = rows[0]
        said = {"spec_fingerprint": "", "abtest_version": ""}
        self.looks.append(
            Look(type="look", experiment=spec.key, as_of=as_of, plan={}, rows=rows, **said)
        )


def by_the_plan(rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """A look every night on which somebody's week is over."""
    experiments = [Watched() for _ in range(repeats)]
    for night, spec, comparers in _nights(rng, repeats, PLAN, range(WINDOW + 1, LAST + 1)):
        for one, contrast in zip(experiments, contrasts_of(comparers, spec, "spend"), strict=True):
            if not one.over:
                one.look(spec, f"{date_after(night)}T00:00:00+00:00", contrast)
    finals = [one.last.final if one.last is not None else None for one in experiments]
    ends = [(f.difference_ci_low, f.difference_ci_high) for f in finals if f is not None]
    held = [(low is None or low <= 0) and (high is None or high >= 0) for low, high in ends]
    return {
        "false alarms": hits([one.last is not None and one.last.crossed for one in experiments]),
        "difference held": hits(held),
        "plans that ended": hits([one.over for one in experiments]),
    }


def so_far(rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """What everybody spent so far, tested every night as if it were the only one."""
    found = np.zeros(repeats, dtype=bool)
    labels: list[str] = []
    for _, spec, comparers in _nights(rng, repeats, None, range(2, LAST + 1), maturity="all"):
        contrasts = contrasts_of(comparers, spec, "spend")
        found |= [(one.comparison.pvalue or 1.0) < 0.05 for one in contrasts]
        pairs = zip(comparers, contrasts, strict=True)
        labels += [comparer.compared(one)["label"] for comparer, one in pairs]
    return {
        "false alarms": hits(found),
        "called biased": hits([label == "descriptive" for label in labels]),
        "refused by a plan": hits([_refused()]),
    }


def _nights(
    rng: np.random.Generator,
    repeats: int,
    plan: Mapping[str, Any] | None,
    nights: Sequence[int],
    **changes: str,
) -> Iterator[tuple[int, Spec, list[Comparer]]]:
    """Each night with its spec and one comparer for each experiment."""
    log = tables_of(rng, repeats)
    analysis = {} if plan is None else {"sequential": plan}
    for night in nights:
        given = spec_of([metric(**changes)], date_after(night), analysis=analysis)
        spec = draft_of(given).require().spec
        comparers: list[Comparer] = read_experiments(spec, log, repeats)
        yield night, spec, comparers


def _refused() -> bool:
    """Whether the shipped check has this metric under a plan among its faults."""
    given = spec_of(
        [metric(maturity="all")], date_after(LAST), analysis={"sequential": PLAN, "segments": []}
    )
    log = tables_of(np.random.default_rng(1), 1)
    return any("up to 33 times" in str(fault) for fault in check_spec(draft_of(given), log).faults)


def _once(night: int, effect: float, fast: int = 0) -> Cell:
    claims = [
        Claim("difference held", 0.95, "within"),
        Claim("lift held", 0.95, "within"),
        Claim("error", 0.0, "within"),
    ]
    if not effect:
        claims.append(Claim("false alarms", 0.05, "within"))
    return Cell(
        "S4",
        {"metric": "seven days each", "read": f"once, on day {night}", "effect": effect},
        6000,
        partial(once, night=night, effect=effect),
        tuple(claims),
        batch=500,
        fast=fast,
    )


CELLS = (
    _once(10, 0.0, fast=300),
    _once(10, 0.5),
    Cell(
        "S4",
        {"metric": "seven days each", "read": "every night, by the plan", "effect": 0.0},
        2000,
        by_the_plan,
        (
            Claim("false alarms", 0.05, "within"),
            Claim("difference held", 0.95, "within"),
            Claim("plans that ended", 1.0, "at_least"),
        ),
        batch=200,
    ),
    Cell(
        "S4",
        {"metric": "so far", "read": "every night", "effect": 0.0},
        1000,
        so_far,
        (
            Claim("false alarms"),
            Claim("called biased", 1.0, "at_least"),
            Claim("refused by a plan", 1.0, "at_least"),
        ),
        batch=250,
    ),
)
