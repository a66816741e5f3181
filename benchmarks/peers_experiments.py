"""Simulated experiments that every library is asked about, and what its answers come to.

Needs nothing but numpy, so that it runs in each library's own environment.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SEED = 2026
ALPHA = 0.05
CHECKED = 500  # experiments in the checksum: tools may be asked more or fewer times


@dataclass(frozen=True)
class Setting:
    """An experiment's truth.

    Attributes:
        kind: Rates, or revenue of which 97% is zero and the rest log-normal.
        n: Customers of control and of treatment.
        rate: The share that returns, or that buys.
        lift: The true lift of the rate.
        sigma: How long the tail of revenue is.
        half: Whether half as many of treatment buy and spend twice as much: the same mean.
    """

    kind: str
    n: tuple[int, int]
    rate: float
    lift: float = 0.0
    sigma: float = 0.0
    half: bool = False

    @property
    def name(self) -> str:
        """As the page has it."""
        sizes = f"{self.n[0]:,} / {self.n[1]:,}"
        if self.kind == "revenue":
            other = ", half buy twice as much" if self.half else ""
            return f"revenue, log-sd {self.sigma:g}{other}, {sizes}"
        rates = f"{self.rate:.3g}" if not self.lift else f"{self.rate:.3g}, lift {self.lift:+.0%}"
        return f"rate {rates}, {sizes}"

    @property
    def mean(self) -> float:
        """Control's true mean."""
        amount = math.exp(3 + self.sigma**2 / 2) if self.kind == "revenue" else 1.0
        return self.rate * amount


SETTINGS = (
    Setting("rate", (100, 100), 0.1),
    Setting("rate", (500, 500), 0.1),
    Setting("rate", (950, 50), 0.1),
    Setting("rate", (9500, 500), 0.1),
    Setting("rate", (1000, 1000), 0.005),
    Setting("rate", (1000, 1000), 0.02),
    Setting("rate", (9500, 500), 0.02),
    Setting("rate", (1000, 1000), 0.1, 0.3),
    Setting("revenue", (1000, 1000), 0.03, sigma=1.0),
    Setting("revenue", (10_000, 10_000), 0.03, sigma=1.0),
    Setting("revenue", (950, 50), 0.03, sigma=1.0),
    Setting("revenue", (9500, 500), 0.03, sigma=1.0),
    Setting("revenue", (9500, 500), 0.03, sigma=1.5),
    Setting("revenue", (45_000, 5000), 0.03, sigma=1.0, half=True),
)


@dataclass(frozen=True)
class Variant:
    """One variant's customers: how many, and the values above zero."""

    n: int
    above: Any

    @property
    def total(self) -> float:
        """The sum."""
        return float(self.above.sum())

    @property
    def squares(self) -> float:
        """The sum of squares."""
        return float((self.above**2).sum())

    @property
    def variance(self) -> float:
        """With n - 1."""
        return (self.squares - self.total**2 / self.n) / (self.n - 1)

    @property
    def values(self) -> Any:
        """Every customer's value."""
        return np.concatenate([self.above, np.zeros(self.n - len(self.above))])


Pair = tuple[Variant, Variant]


@dataclass(frozen=True)
class Answer:
    """What a tool says: p-value, intervals of the difference and of the lift, and a warning.

    None is what it does not say; a warning that nobody asked for is None too.
    """

    pvalue: float | None = None
    difference: tuple[float, float] | None = None
    lift: tuple[float, float] | None = None
    warned: bool | None = None


def experiments(place: int, setting: Setting, repeats: int) -> Iterator[Pair]:
    """The same experiments for every tool."""
    for number in range(repeats):
        rng = np.random.default_rng([SEED, place, number])
        control = _drawn(rng, setting, setting.n[0], setting.rate)
        rate = setting.rate * (1 + setting.lift) / (2 if setting.half else 1)
        treatment = _drawn(rng, setting, setting.n[1], rate)
        yield control, Variant(treatment.n, treatment.above * (2 if setting.half else 1))


def _drawn(rng: np.random.Generator, setting: Setting, n: int, rate: float) -> Variant:
    count = int(rng.binomial(n, rate))
    if setting.kind == "revenue":
        return Variant(n, rng.lognormal(3.0, setting.sigma, count))
    return Variant(n, np.ones(count))


def _hits(found: Iterable[Any]) -> list[int]:
    """How many hold, of how many."""
    told = [bool(one) for one in found]
    return [sum(told), len(told)]


def measured(setting: Setting, answers: list[Answer]) -> dict[str, list[int]]:
    """Hits and trials of each measure."""
    truth = setting.mean * setting.lift
    lifts = [a for a in answers if _is_interval(a.lift)]
    return {
        "significant": _hits(a.pvalue is not None and a.pvalue < ALPHA for a in answers),
        "difference holds": _hits(
            a.difference[0] <= truth <= a.difference[1]
            for a in answers
            if _is_interval(a.difference)
        ),
        "lift holds": _hits(a.lift[0] <= setting.lift <= a.lift[1] for a in lifts),
        "contradicts": _hits(
            (a.pvalue < ALPHA) == (a.lift[0] <= 0 <= a.lift[1])
            for a in lifts
            if a.pvalue is not None
        ),
        "no p-value": _hits(a.pvalue is None for a in answers),
        "warned": _hits(a.warned for a in answers if a.warned is not None),
    }


def _is_interval(interval: tuple[float, float] | None) -> bool:
    return interval is not None and not any(math.isnan(end) for end in interval)


def checksum(pairs: list[Pair]) -> int:
    """Of the first experiments, which every tool saw."""
    seen = pairs[:CHECKED]
    numbers = np.array([[side.total, side.squares] for pair in seen for side in pair])
    return zlib.crc32(np.round(numbers, 6).tobytes())
