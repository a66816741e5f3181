"""A shop: customers buy at rates of their own, at random times, and a variant changes the pace.

Rates are gamma, orders Poisson, baskets log-normal; weekdays differ, and some orders come back. The
log is written a little late: what had not arrived by ``as_of`` is not in the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abtest.fields import DAY
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric
from invented.people import (
    ASSIGNED,
    Calendar,
    Enrolled,
    Floats,
    Integers,
    Planted,
    csv_text,
    people_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from abtest.spec import Spec

REFUND_DAYS = 8.0
BASKET_SPREAD = 0.5  # standard deviation of the logarithm of a basket


@dataclass(frozen=True, slots=True)
class Pace:
    """How a variant changes its customers' rate of buying, step by step after the anchor.

    Attributes:
        steps: Pairs of a day and the factor that holds until then; afterwards the factor is 1.
    """

    steps: tuple[tuple[float, float], ...] = ()

    def at(self, since: Floats) -> Floats:
        """The factor, so many days after the anchor."""
        factor = np.ones_like(since)
        for until, value in reversed(self.steps):
            factor[since < until] = value
        return factor


@dataclass(frozen=True, slots=True)
class Shop:
    """An invented shop and its customers.

    Attributes:
        folder: The example.
        seed: Of the random numbers.
        n: Customers.
        hour: When the daily list is assigned, local time.
        rate_30d: Orders per customer in 30 days: the mean.
        shape: Shape of the gamma distribution of rates; 1 or less means very different customers.
        weekday: A factor for each weekday from Monday on; they sum to 7.
        last_order: The last order before the anchor: fewest and most days ago.
        no_history: Share of customers whose last order is too old to be in the log.
        basket: Mean of an order before any discount.
        decimals: Of money.
        refunded: Share of orders that come back, after 8 days on average.
        paces: One per variant.
        paid: The share of the basket that is paid, one per variant.
        redeeming_days: For how long after the anchor an incentive is used with every order; 0 where
            there is none. Variants that pay the full price have none.
        utc: Whether the log is written in UTC, or in local time without an offset.
    """

    folder: str
    seed: int
    n: int
    hour: int
    rate_30d: float
    shape: float
    weekday: tuple[float, ...]
    last_order: tuple[float, float]
    no_history: float
    basket: float
    decimals: int
    refunded: float
    paces: tuple[Pace, ...]
    paid: tuple[float, ...]
    utc: bool
    redeeming_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Log:
    """Events of customers: whose (a place in `Enrolled`), when, and how much."""

    who: Integers
    at: Floats
    amount: Floats

    def only(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Log:
        """Some of the events, or all in another order."""
        return Log(self.who[chosen], self.at[chosen], self.amount[chosen])

    def arrived(self, calendar: Calendar, rng: np.random.Generator) -> Log:
        """What was in the log when it was exported, in order; each event takes up to the lag."""
        late = rng.random(len(self.at)) * calendar.lag
        there = self.only(self.at + late < calendar.as_of)
        return there.only(np.argsort(there.at, kind="stable"))


def shop_files(shop: Shop, spec: Spec, n: int, rng: np.random.Generator) -> dict[str, str]:
    """The files of one run of the shop: text by name."""
    calendar = Calendar.of(spec)
    people = people_of(calendar, n, shop.hour, "{:06d}", rng)
    earlier, later = _earlier_orders(shop, people, rng), _later_orders(shop, calendar, people, rng)
    refunds = _refunds(shop, later, rng)
    both = Log(
        np.concatenate([earlier.who, later.who]),
        np.concatenate([earlier.at, later.at]),
        np.concatenate([earlier.amount, later.amount]),
    )
    arrived = both.arrived(calendar, rng)
    orders = _log_file(shop, calendar, people, arrived, "ordered_at")
    files = {
        "assignments.csv": csv_text(f"customer_id,{ASSIGNED}", people.rows),
        "orders.csv": _numbered(orders) if spec.data.events["orders"].id is not None else orders,
    }
    if shop.refunded:
        back = refunds.arrived(calendar, rng)
        files["refunds.csv"] = _log_file(shop, calendar, people, back, "refunded_at")
    if shop.redeeming_days:
        used = _redeemed(shop, people, arrived)
        files["redemptions.csv"] = _log_file(shop, calendar, people, used, "redeemed_at")
    return files


def _baskets(shop: Shop, n: int, rng: np.random.Generator) -> Floats:
    return rng.lognormal(math.log(shop.basket) - BASKET_SPREAD**2 / 2, BASKET_SPREAD, size=n)


def _earlier_orders(shop: Shop, people: Enrolled, rng: np.random.Generator) -> Log:
    """Each customer's last order before the anchor, where the log goes back so far."""
    n = len(people.ids)
    log = Log(
        np.arange(n), people.anchors - rng.uniform(*shop.last_order, size=n), _baskets(shop, n, rng)
    )
    return log.only(rng.random(n) >= shop.no_history)


def _later_orders(
    shop: Shop, calendar: Calendar, people: Enrolled, rng: np.random.Generator
) -> Log:
    """Orders from the anchor to the end: drawn at the highest rate there is, then thinned."""
    n = len(people.ids)
    horizon = calendar.as_of - people.anchors
    rates = rng.gamma(shop.shape, shop.rate_30d / 30 / shop.shape, size=n)
    factors = [factor for pace in shop.paces for _, factor in pace.steps]
    peak = max(1.0, *factors) * max(shop.weekday)
    who = np.repeat(np.arange(n), rng.poisson(rates * peak * horizon))
    since = rng.random(len(who)) * horizon[who]
    at, variant = people.anchors[who] + since, people.variants[who]
    factor = _weekday(shop, calendar, at)
    for place, pace in enumerate(shop.paces):
        mine = variant == place
        factor[mine] *= pace.at(since[mine])
    amount = np.array(shop.paid)[variant] * _baskets(shop, len(who), rng)
    return Log(who, at, amount).only(rng.random(len(who)) * peak < factor)


def _weekday(shop: Shop, calendar: Calendar, at: Floats) -> Floats:
    """The factor of the weekday of each time."""
    day = (np.floor(at).astype(np.int64) + calendar.start.weekday()) % 7
    return np.array(shop.weekday)[day]


def _refunds(shop: Shop, orders: Log, rng: np.random.Generator) -> Log:
    """Some orders come back, whole, a while later."""
    after = rng.exponential(REFUND_DAYS, size=len(orders.at))
    back = Log(orders.who, orders.at + after, orders.amount)
    return back.only(rng.random(len(orders.at)) < shop.refunded)


def _redeemed(shop: Shop, people: Enrolled, orders: Log) -> Log:
    """The orders with which an incentive was used."""
    since = orders.at - people.anchors[orders.who]
    offered = np.array(shop.paid)[people.variants[orders.who]] < 1
    return orders.only(offered & (since >= 0) & (since < shop.redeeming_days))


def _log_file(shop: Shop, calendar: Calendar, people: Enrolled, log: Log, at_column: str) -> str:
    events = zip(log.who.tolist(), log.at.tolist(), log.amount.tolist(), strict=True)
    rows = [
        f"{people.ids[i]},{_stamp(shop, calendar, at)},{_money(shop, amount)}"
        for i, at, amount in events
    ]
    return csv_text(f"customer_id,{at_column},amount", rows)


def _money(shop: Shop, amount: float) -> str:
    return f"{round(amount, shop.decimals):.{max(shop.decimals, 0)}f}"


def _numbered(orders: str) -> str:
    """The same orders with a number each."""
    header, *rows = orders.splitlines()
    numbers = range(10_001, 10_001 + len(rows))
    return csv_text(
        f"order_id,{header}", (f"{k},{row}" for k, row in zip(numbers, rows, strict=True))
    )


def _stamp(shop: Shop, calendar: Calendar, at: float) -> str:
    if shop.utc:
        return f"{calendar.moment(at).astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    return f"{calendar.local(at):%Y-%m-%d %H:%M}"


class _Window(NamedTuple):
    """From day to day after the anchor, and whether orders count or their refunds."""

    start: float
    end: float
    refunds: bool


def planted_in_shop(shop: Shop, spec: Spec) -> Planted:
    """The true value of every metric in every variant."""
    calendar = Calendar.of(spec)
    values: Planted = {}
    for metric in spec.metrics:
        if isinstance(metric, EventMetric):
            values[metric.key] = tuple(
                _planted_value(shop, calendar, metric, place) for place in range(len(shop.paces))
            )
    for metric in spec.metrics:
        if isinstance(metric, RatioMetric):
            pairs = zip(values[metric.numerator], values[metric.denominator], strict=True)
            values[metric.key] = tuple(top / bottom for top, bottom in pairs)
    return values


def _planted_value(shop: Shop, calendar: Calendar, metric: EventMetric, place: int) -> float:
    """The mean over the days of enrolment, each as likely as the others.

    A gamma rate makes the number of orders negative binomial: none with (1 + mean/shape)^-shape.
    """
    window = _Window(metric.window.start / DAY, metric.window.end / DAY, metric.events == "refunds")
    values = []
    for day in range(calendar.enrolment_days):
        days = _days_worth(shop, calendar, place, day + shop.hour / 24, window)
        orders = shop.rate_30d / 30 * days
        none = (1 + orders / shop.shape) ** -shop.shape
        by_kind = {
            "count": orders,
            "sum": orders * shop.basket * shop.paid[place],
            "churn": none,
        }
        values.append(by_kind.get(metric.kind, 1 - none))
    return math.fsum(values) / len(values)


def _days_worth(
    shop: Shop, calendar: Calendar, place: int, anchor: float, window: _Window
) -> float:
    """Days at the usual rate that a window is worth: pace times weekday, piece by piece.

    For refunds, an order counts by its chance of coming back inside the window, which must start at
    the anchor.
    """
    midnights = range(math.ceil(anchor), math.ceil(anchor + window.end))
    pace = shop.paces[place]
    cuts = {day - anchor for day in midnights} | {until for until, _ in pace.steps}
    inside = sorted(cut for cut in cuts if window.start < cut < window.end)
    edges = np.array([window.start, *inside, window.end])
    middle = (edges[:-1] + edges[1:]) / 2
    length = np.diff(edges)
    if window.refunds:
        too_late = REFUND_DAYS * np.diff(np.exp((edges - window.end) / REFUND_DAYS))
        length = shop.refunded * (length - too_late)
    return float(np.sum(_weekday(shop, calendar, anchor + middle) * pace.at(middle) * length))
