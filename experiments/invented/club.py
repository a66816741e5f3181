"""A club: members renew at a price, or do not, and pay again a month later, or do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invented.people import ASSIGNED, Calendar, Planted, csv_text, people_of

if TYPE_CHECKING:
    from abtest.spec import Spec
    from abtest.spec.variants import Variant


@dataclass(frozen=True, slots=True)
class Club:
    """An invented club whose members renew, or not.

    Attributes:
        folder: The example.
        seed: Of the random numbers.
        n: Members.
        hour: When the notice goes out, local time.
        renewing: The share who renew, one per variant. A member renews with a probability of their
            own, from a beta distribution with this mean; pays again a month later with a
            probability half way from there to 1.
        sameness: How alike members are: the sum of the beta distribution's parameters.
    """

    folder: str
    seed: int
    n: int
    hour: int
    renewing: tuple[float, ...]
    sameness: float


def club_files(club: Club, spec: Spec, n: int, rng: np.random.Generator) -> dict[str, str]:
    """The files of one run of the club: text by name."""
    calendar = Calendar.of(spec)
    people = people_of(calendar, n, club.hour, "M-{:05d}", rng)
    total = len(people.ids)
    renewing = np.array(club.renewing)[people.variants]
    own = rng.beta(renewing * club.sameness, (1 - renewing) * club.sameness)
    first = rng.random(total) < own
    second = first & (rng.random(total) < (1 + own) / 2)
    paid_on = np.floor(people.anchors) + np.minimum(rng.exponential(4.0, size=total) // 1, 20)
    prices = [_price(variant) for variant in spec.variants or ()]
    both = [(i, paid_on[i]) for i in np.flatnonzero(first)]
    both += [(i, paid_on[i] + 30) for i in np.flatnonzero(second)]
    rows = [
        f"{people.ids[i]},{calendar.local(day):%Y-%m-%d},{prices[people.variants[i]]:.2f}"
        for i, day in sorted(both, key=lambda payment: payment[1])
    ]
    return {
        "assignments.csv": csv_text(f"member_id,{ASSIGNED}", people.rows),
        "payments.csv": csv_text("member_id,paid_on,amount", rows),
    }


def _price(variant: Variant) -> float:
    price = variant.payload["price"]
    if not isinstance(price, int | float):
        raise TypeError(f"{variant.key} has no price in its payload")
    return float(price)


def planted_in_club(club: Club, spec: Spec) -> Planted:
    """The true value of every metric, from two moments of the members' probabilities."""
    first = club.renewing
    squares = [p * p + p * (1 - p) / (club.sameness + 1) for p in first]
    second = tuple((p + square) / 2 for p, square in zip(first, squares, strict=True))
    payments = tuple(a + b for a, b in zip(first, second, strict=True))
    prices = [_price(variant) for variant in spec.variants or ()]
    return {
        "renewed_30d": first,
        "revenue_60d": tuple(a * b for a, b in zip(payments, prices, strict=True)),
        "paid_month_2": second,
        "payments_60d": payments,
    }
