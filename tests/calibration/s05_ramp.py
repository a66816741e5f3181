"""A ramp: few get the coupon at first, and most customers are read before their time is over.

Customers enter on 21 days, and each buys again at a constant chance a day that makes 40% within 14
days; the data end on day 21, when one customer in three has had 14 days. A ramp of weights gives
the coupon 5% of the customers on the first four days and 50% later; a ramp of coverage lets in a
tenth of the customers at first, half of them with the coupon. Three readings of "bought within 14
days": customers whose 14 days are over (`matured`, the default), the survival curve of everybody
(`curve`), and everybody with what they bought so far (`so_far`), which counts the unripe as lost,
has to be called biased, and finds too small an effect. Where nobody told the spec that the weights
changed (`weights, not told`), later customers, with more coupons and less time, make it find an
effect of nothing; the split's check stops such an experiment (S12).

The curve under changed weights is pooled, and called descriptive. Few customers are said to be few:
below 20 who are followed to the end the curve is compared on another scale, which may be off by one
point, and below 20 whose weight decides under changed weights a note says that the interval may be
too narrow: with 40 customers a day there are eight early coupons, with 12 two or three. Without
such a note the promises hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from calibration.cells import Band, Cell, Claim, Tally, hits
from calibration.simulated_logs import (
    CONTROL,
    COUPON,
    Array,
    Customers,
    alarms,
    bias,
    contrasts_of,
    covered,
    date_after,
    draft_of,
    orders,
    read_experiments,
    spec_of,
)

DAYS, WINDOW, RATE = 21, 14, 0.40
RAMP = 4  # days with 5% coupons, or with a tenth of the customers
READINGS = {"matured": "complete", "curve": "censored", "so_far": "all"}


@dataclass(frozen=True)
class Ramp:
    """How customers enter.

    Attributes:
        of: `weights`, `weights, not told` (the spec knows nothing of it) or `coverage`.
        per_day: Customers a day.
        effect: Added by the coupon to the share that buys again.
    """

    of: str
    per_day: int
    effect: float = 0.0

    @property
    def is_small(self) -> bool:
        """Whether few coupons of the first days decide."""
        return self.of == "weights" and self.per_day < 100

    def spec(self) -> dict[str, Any]:
        """The experiment's spec, which says how the split changed."""
        metrics = [
            {"key": key, "kind": "conversion", "events": "orders", "window": {"end": f"{WINDOW}d"}}
            | {"maturity": maturity, "role": "primary" if key == "matured" else "secondary"}
            for key, maturity in READINGS.items()
        ]
        start, later = date_after(0), date_after(RAMP)
        weights, phases = [50, 50], []
        if self.of == "coverage":
            phases = [{"from": start, "coverage": 0.1}, {"from": later, "coverage": 1.0}]
        if self.of == "weights":
            weights = [95, 5]
            phases = [{"from": later, "weights": {"control": 50, "coupon": 50}}]
        variants = [
            {"key": "control", "control": True, "weight": weights[0]},
            {"key": "coupon", "weight": weights[1]},
        ]
        return spec_of(metrics, date_after(DAYS), variants=variants, assignment={"phases": phases})

    def customers(self, rng: np.random.Generator, repeats: int) -> Customers:
        """Everybody who entered."""
        entered = rng.uniform(0, DAYS, repeats * DAYS * self.per_day)
        experiment = np.repeat(np.arange(repeats), DAYS * self.per_day)
        early = entered < RAMP
        share = np.where(early, 0.05, 0.5)
        if self.of == "coverage":
            let_in = ~early | (rng.random(len(early)) < 0.1)
            entered, experiment, share = entered[let_in], experiment[let_in], np.array(0.5)
        coupon = rng.random(len(entered)) < share
        return Customers(experiment, np.where(coupon, COUPON, CONTROL), entered)


def first_orders(rng: np.random.Generator, variant: Array, effect: float) -> Array:
    """The day, from a customer's own start, of the first order: geometric, at a time of the day."""
    rates = np.where(variant == COUPON, RATE + effect, RATE)
    daily = 1 - (1 - rates) ** (1 / WINDOW)
    return rng.geometric(daily) - 1 + rng.random(len(variant))


def simulate(rng: np.random.Generator, repeats: int, *, ramp: Ramp) -> dict[str, Tally]:
    """Experiments that are read on the last day."""
    spec = draft_of(ramp.spec()).require().spec
    customers = ramp.customers(rng, repeats)
    first = first_orders(rng, customers.variant, ramp.effect)
    log = customers.tables()
    log["orders"] = orders(np.arange(len(first)), customers.entered + first)
    comparers = read_experiments(spec, log, repeats)
    found: dict[str, Tally] = {}
    for key in READINGS:
        contrasts = contrasts_of(comparers, spec, key)
        compared = [contrast.comparison for contrast in contrasts]
        labels = [
            comparer.compared(one)["label"]
            for comparer, one in zip(comparers, contrasts, strict=True)
        ]
        found |= {
            f"{key}: false alarms": alarms(compared),
            f"{key}: difference held": covered(compared, ramp.effect),
            f"{key}: error": bias(compared, ramp.effect),
            f"{key}: called biased": hits([label == "descriptive" for label in labels]),
        }
        noted = np.array(["fewer than 20" in " ".join(one.notes) for one in compared])
        few = _few(key, ramp, customers, first, repeats)
        found[f"{key}: warned of few"] = hits(noted[few])
    return found


def _few(key: str, ramp: Ramp, customers: Customers, first: Array, repeats: int) -> Array:
    """In which experiments a variant is small, counted from the customers themselves."""
    experiment, variant, entered = customers.experiment, customers.variant, customers.entered

    def counts(chosen: Array) -> Array:
        return np.bincount(experiment[chosen], minlength=repeats).astype(float)

    matured = entered <= DAYS - WINDOW
    if key == "curve":  # at risk on the last day: all of it followed, and no order before it
        left = matured & (first >= WINDOW - 1)
        return (
            np.minimum(counts(left & (variant == CONTROL)), counts(left & (variant == COUPON))) < 20
        )
    if ramp.of != "weights" or key != "matured":
        return np.zeros(repeats, dtype=bool)
    times = [matured & (entered < RAMP), matured & (entered >= RAMP)]
    parts = [
        ((counts(time) / counts(matured)) ** 2, counts(time & (variant == COUPON)))
        for time in times
    ]
    left_out = np.minimum(*(n for _, n in parts)) < 2
    weights = [weight / np.maximum(n, 1) for weight, n in parts]
    spread = sum(one**2 / np.maximum(n, 1) for one, (_, n) in zip(weights, parts, strict=True))
    return np.asarray(~left_out & (sum(weights) ** 2 / spread < 20))


def _promised(key: str, ramp: Ramp) -> Iterator[Claim]:
    """What a reading is held against."""
    band: Band = "within"
    if ramp.of == "weights, not told" or (ramp.is_small and key == "matured"):
        band = "shown"
    alarms_at, held_at = Claim("", 0.05, band), Claim("", 0.95, band)
    if key == "curve" and ramp.per_day < 20:  # so few that a note says so: one point is allowed
        alarms_at, held_at = Claim("", 0.06, "at_most"), Claim("", 0.94, "at_least")
    if not ramp.effect:
        yield replace(alarms_at, tally=f"{key}: false alarms")
    yield replace(held_at, tally=f"{key}: difference held")
    yield Claim(f"{key}: error", 0.0, band)


def _cell(ramp: Ramp, repeats: int, fast: int = 0) -> Cell:
    claims = [Claim("so_far: false alarms"), Claim("so_far: error")]
    claims.append(Claim("so_far: called biased", 1.0, "at_least"))
    claims += [*_promised("matured", ramp), *_promised("curve", ramp)]
    if ramp.of == "weights":
        claims.append(Claim("curve: called biased", 1.0, "at_least"))
    if ramp.is_small:
        claims.append(Claim("matured: warned of few", 1.0, "at_least"))
    if ramp.per_day < 20:
        claims.append(Claim("curve: warned of few", 1.0, "at_least"))
    return Cell(
        "S5",
        {"ramp of": ramp.of, "customers a day": ramp.per_day, "effect": ramp.effect},
        repeats,
        partial(simulate, ramp=ramp),
        tuple(claims),
        batch=200,
        fast=fast,
    )


CELLS = (
    _cell(Ramp("weights", 12), 4000),
    _cell(Ramp("weights", 40), 4000),
    _cell(Ramp("weights", 150), 2000),
    _cell(Ramp("weights", 150, 0.15), 2000),
    _cell(Ramp("coverage", 60), 4000),
    _cell(Ramp("coverage", 60, 0.2), 4000, fast=150),
    _cell(Ramp("weights, not told", 150), 1000),
)
