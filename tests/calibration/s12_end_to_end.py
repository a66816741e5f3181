"""From a raw log to the decision: the right stop, and the right number.

Whole runs of `analyze` on raw tables: assignments in the shop's local time around the night on
which clocks go forward, orders in UTC, refunds that take orders back in part or whole (some after
the data end), customers whose week is not over. In each setting one thing was planted. Nothing
(`none`): the result is not stopped, but for the sample ratio's one alarm in a thousand. A quarter
of the coupon's customers never reached the table, or nobody told the spec that the weights changed:
the sample ratio stops the result. 3% of the customers are in both variants: the crossover check
does; half a percent is warned about and not stopped. In all of them, who is counted and every value
is the same as counted by hand from the arrays that the log was written from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from abtest import Result, analyze
from calibration.cells import Cell, Claim, Tally, hits
from calibration.simulated_logs import CONTROL, COUPON, Array

UTC_START = np.datetime64("2026-03-22T23:00:00", "us")  # midnight in Berlin, in winter
CLOCKS_CHANGE = np.datetime64("2026-03-29T01:00:00", "us")
AS_OF = np.datetime64("2026-04-07T22:00:00", "us")  # midnight in Berlin, in summer
DAY = np.timedelta64(1, "D")
ENTRY, LAST_DAY, WINDOW = 12, 16, 7  # days of entry, of the data, of each customer
NAMES = np.array(["control", "coupon"])
ALPHA = 0.001  # of the sample ratio

WEEK = {"end": f"{WINDOW}d"}
SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "end-to-end",
    "kind": "incentive_mix",
    "unit": "customer_id",
    "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
    "schedule": {"timezone": "Europe/Berlin"},
    "data": {
        "as_of": "2026-04-08",
        "assignments": {"path": "assignments.csv"},
        "events": {
            "orders": {
                "path": "orders.csv", "at": "ordered_at", "id": "order_id", "value": "amount",
                "net": {"events": "refunds"},
            },
            "refunds": {
                "path": "refunds.csv", "at": "refunded_at", "id": "order_id", "value": "amount",
            },
        },
    },
    "metrics": [
        {"key": "bought", "kind": "conversion", "events": "orders", "role": "primary",
         "window": {**WEEK, "calendar": True}},
        {"key": "revenue", "kind": "sum", "events": "orders", "window": WEEK},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Raw:
    """One experiment's rows; times are instants in UTC.

    Attributes:
        variant: Each customer's first variant.
        entered: When each was assigned.
        second: Customers who were also assigned to the other variant, a day later.
        seen: Whether a customer's rows reached the table of assignments.
        buyer: Whose each order is.
        ordered: When.
        amount: What was paid.
        back: What was paid back; 0 where nothing was.
        refunded: When.
    """

    variant: Array
    entered: Array
    second: Array
    seen: Array
    buyer: Array
    ordered: Array
    amount: Array
    back: Array
    refunded: Array

    def tables(self) -> dict[str, pd.DataFrame]:
        """As a shop would export them."""
        ids = np.flatnonzero(self.seen)
        who = np.concatenate([ids, self.second])
        at = np.concatenate([self.entered[ids], self.entered[self.second] + DAY])
        variant = np.concatenate([self.variant[ids], 1 - self.variant[self.second]])
        number, some = np.arange(len(self.buyer)), self.back > 0
        return {
            "assignments": _frame(
                customer_id=who, variant=NAMES[variant], assigned_at=_text(local(at))
            ),
            "orders": _frame(
                order_id=number, customer_id=self.buyer, amount=self.amount,
                ordered_at=np.char.add(_text(self.ordered), "Z"),
            ),
            "refunds": _frame(
                order_id=number[some], amount=self.back[some],
                refunded_at=np.char.add(_text(self.refunded[some]), "Z"),
            ),
        }  # fmt: skip


def _frame(**columns: Array) -> pd.DataFrame:
    return pd.DataFrame(columns)


def _text(at: Array) -> Array:
    return np.datetime_as_string(at, unit="us")


def local(at: Array) -> Array:
    """What clocks in Berlin show."""
    return at + np.where(at < CLOCKS_CHANGE, 1, 2) * np.timedelta64(1, "h")


def local_day(at: Array) -> Array:
    """The date in Berlin."""
    return local(at).astype("datetime64[D]")


def drawn(rng: np.random.Generator, plant: str) -> Raw:
    """Customers, orders and refunds, with something planted."""
    n = 2000
    days = rng.uniform(0, ENTRY, n)
    share = np.where(days < ENTRY / 3, 0.2, 0.5) if plant == "weights, not told" else 0.5
    variant = np.where(rng.random(n) < share, COUPON, CONTROL)
    lost = (variant == COUPON) & (rng.random(n) < 1 / 4) & (plant == "lost customers")
    both = {"3% in both": 60, "0.5% in both": 10}.get(plant, 0)
    bought = rng.poisson(rng.exponential(0.08 * LAST_DAY, n) * (1 + 0.2 * variant))
    buyer = np.repeat(np.arange(n), bought)
    paid = np.round(rng.lognormal(3, 1, len(buyer)), 2)
    kind = rng.random(len(buyer))  # 5% wholly and 5% half paid back
    back = np.where(kind < 0.05, paid, np.where(kind < 0.1, np.round(paid / 2, 2), 0.0))
    ordered = rng.uniform(0, LAST_DAY, len(buyer))
    return Raw(
        variant=variant,
        entered=_instants(days),
        second=rng.choice(n, both, replace=False),
        seen=~lost,
        buyer=buyer,
        ordered=_instants(ordered),
        amount=paid,
        back=back,
        refunded=_instants(ordered + rng.uniform(0, 10, len(buyer))),
    )


def _instants(days: Array) -> Array:
    return UTC_START + np.round(days * 86_400e6).astype("timedelta64[us]")


def by_hand(raw: Raw) -> dict[str, list[float]]:
    """Of each metric: units of control and of the coupon, and their values."""
    known = np.where(raw.refunded < AS_OF, raw.back, 0.0)
    left = raw.amount - known
    stands = (left > 0) & (raw.ordered < AS_OF)
    days = (local_day(raw.ordered) - local_day(raw.entered)[raw.buyer]).astype(int)
    since = raw.ordered - raw.entered[raw.buyer]
    in_days = stands & (days >= 0) & (days < WINDOW)
    in_time = stands & (since >= np.timedelta64(0)) & (since < WINDOW * DAY)
    n = len(raw.variant)
    bought = np.bincount(raw.buyer[in_days], minlength=n) > 0
    revenue = np.bincount(raw.buyer[in_time], left[in_time], minlength=n)
    over_days = local_day(raw.entered) + WINDOW * DAY <= np.datetime64("2026-04-08")
    over_time = raw.entered + WINDOW * DAY <= AS_OF
    found = {}
    for key, value, over in (("bought", bought, over_days), ("revenue", revenue, over_time)):
        counted = [over & raw.seen & (raw.variant == v) for v in (CONTROL, COUPON)]
        found[key] = [
            *(float(one.sum()) for one in counted),
            *(float(value[one].mean()) for one in counted),
        ]
    return found


def is_right(result: Result, raw: Raw) -> bool:
    """Whether every count and value is the one that was counted by hand."""
    expected = by_hand(raw)
    for record in result.results:
        read = (record.n_control, record.n, record.value_control, record.value)
        pairs = zip(expected[record.metric], read, strict=True)
        if not all(
            got is not None and math.isclose(want, got, rel_tol=1e-9) for want, got in pairs
        ):
            return False
    return {record.metric for record in result.results} == set(expected)


def simulate(rng: np.random.Generator, repeats: int, *, plant: str) -> dict[str, Tally]:
    """Whole analyses."""
    found: dict[str, list[bool]] = {
        "stopped": [], "sample ratio fails": [], "crossover fails": [], "crossover warns": [],
        "right numbers": [],
    }  # fmt: skip
    for _ in range(repeats):
        raw = drawn(rng, plant)
        result = analyze(SPEC, data=raw.tables())
        status = {check.key: check.status for check in result.checks}
        found["stopped"].append(result.decision.verdict == "invalid")
        found["sample ratio fails"].append(status["sample_ratio"] == "fail")
        found["crossover fails"].append(status["crossover"] == "fail")
        found["crossover warns"].append(status["crossover"] == "warn")
        found["right numbers"].append(is_right(result, raw))
    return {name: hits(one) for name, one in found.items()}


def _cell(plant: str, *always: str, fast: int = 0) -> Cell:
    """In every run what is planted shows, and nothing else does but at the sample ratio's rate."""
    stops = any("fail" in name for name in always)
    claims = [Claim("stopped", 1.0 if stops else ALPHA, "at_least" if stops else "at_most")]
    for name in ("sample ratio fails", "crossover fails", "crossover warns"):
        rate = ALPHA if name == "sample ratio fails" else 0.0
        seen = name in always
        claims.append(Claim(name, 1.0 if seen else rate, "at_least" if seen else "at_most"))
    claims.append(Claim("right numbers", 1.0, "at_least"))
    return Cell(
        "S12", {"planted": plant}, 100, partial(simulate, plant=plant), tuple(claims), 25, fast
    )


CELLS = (
    _cell("none", fast=2),
    _cell("lost customers", "sample ratio fails"),
    _cell("weights, not told", "sample ratio fails", fast=2),
    _cell("3% in both", "crossover fails", fast=2),
    _cell("0.5% in both", "crossover warns"),
)
