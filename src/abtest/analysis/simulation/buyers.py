"""Invented buyers: each with a pace and a basket of their own, until they drift away.

The Pareto/NBD model of Schmittlein, Morrison & Colombo (1987), Management Science 33, 1-24: while
alive a customer buys by a Poisson process; paces and death rates are gamma over customers. Baskets
are log-normal with a mean of each customer's own. The week has its season.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abtest.analysis.simulation.season import from_clock, to_clock

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Habits:
    """What the customers of a shop are like.

    Attributes:
        orders_per_day: The mean pace of a living customer.
        pace_shape: Shape of the gamma of paces; small is uneven.
        days_alive: The mean of one over the death rate.
        death_shape: Shape of the gamma of death rates.
        basket: The median basket of the median customer.
        basket_sd: Standard deviation of the logarithm of a customer's baskets.
        taste_sd: Standard deviation of the logarithm of the customers' own medians.
        since: Every customer's first order was so many days ago at the most.
    """

    orders_per_day: float = 1 / 40
    pace_shape: float = 0.9
    days_alive: float = 400.0
    death_shape: float = 1.5
    basket: float = 30.0
    basket_sd: float = 0.6
    taste_sd: float = 0.4
    since: float = 365.0


@dataclass(frozen=True, slots=True)
class Buyers:
    """Customers, one place each.

    Attributes:
        anchor: When each is assigned, in days since a Monday's midnight.
        born: When each bought for the first time.
        died: When each stops buying.
        pace: Orders per day on the clock of the season.
        median: The median of each one's baskets.
        basket_sd: Standard deviation of the logarithm of all baskets.
    """

    anchor: Floats
    born: Floats
    died: Floats
    pace: Floats
    median: Floats
    basket_sd: float

    def expected(self, start: Floats, end: Floats) -> Floats:
        """The expected number of orders in ``[start, end)``, before any effect."""
        low, high = np.maximum(start, self.born), np.minimum(end, self.died)
        return self.pace * np.maximum(to_clock(np.maximum(high, low)) - to_clock(low), 0.0)

    @property
    def basket(self) -> Floats:
        """The mean of each one's baskets."""
        return np.asarray(self.median * np.exp(self.basket_sd**2 / 2))


def draw_buyers(anchor: Floats, habits: Habits, random: np.random.Generator) -> Buyers:
    """Customers who are assigned at the given times."""
    n = len(anchor)
    born = anchor - random.uniform(1.0, habits.since, n)
    pace = random.gamma(habits.pace_shape, habits.orders_per_day / habits.pace_shape, n)
    # With shape s > 1 the mean of one over a gamma of scale c is 1 / ((s - 1) c).
    scale = 1 / ((habits.death_shape - 1) * habits.days_alive)
    death = np.maximum(random.gamma(habits.death_shape, scale, n), 1e-9)
    died = born + random.standard_exponential(n) / death
    median = habits.basket * np.exp(habits.taste_sd * random.standard_normal(n))
    return Buyers(anchor, born, died, pace, median, habits.basket_sd)


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders, one place each.

    Attributes:
        buyer: The place of the customer.
        at: When, in days since a Monday's midnight.
        amount: How much.
    """

    buyer: Integers
    at: Floats
    amount: Floats

    def __add__(self, other: Orders) -> Orders:
        """Both, in the order of time."""
        buyer = np.concatenate([self.buyer, other.buyer])
        at = np.concatenate([self.at, other.at])
        order = np.argsort(at, kind="stable")
        amount = np.concatenate([self.amount, other.amount])[order]
        return Orders(buyer[order], at[order], amount)


def draw_past(buyers: Buyers, random: np.random.Generator) -> Orders:
    """The orders before the anchor: the first one of each customer, and those that followed."""
    n = len(buyers.anchor)
    buyer, at = _process(buyers, buyers.born, buyers.anchor, np.ones(n), random)
    buyer = np.concatenate([np.arange(n), buyer])
    at = np.concatenate([buyers.born, at])
    return Orders(buyer, at, _amounts(buyers, buyer, np.ones(n), random))


def draw_future(
    buyers: Buyers, until: float, pace: Floats, basket: Floats, random: np.random.Generator
) -> Orders:
    """The orders from the anchor until a time.

    Args:
        buyers: The customers.
        until: When the log ends, in days.
        pace: What multiplies each customer's pace.
        basket: What multiplies each customer's baskets.
        random: Where chance comes from.
    """
    end = np.full_like(buyers.anchor, until)
    buyer, at = _process(buyers, buyers.anchor, end, pace, random)
    return Orders(buyer, at, _amounts(buyers, buyer, basket, random))


def _amounts(
    buyers: Buyers, buyer: Integers, basket: Floats, random: np.random.Generator
) -> Floats:
    noise = np.exp(buyers.basket_sd * random.standard_normal(len(buyer)))
    amounts = (buyers.median * basket)[buyer] * noise
    return np.asarray(np.round(np.maximum(amounts, 0.01), 2))


def _process(
    buyers: Buyers, start: Floats, end: Floats, factor: Floats, random: np.random.Generator
) -> tuple[Integers, Floats]:
    """A Poisson process of each customer between two times: whose orders, and when."""
    counts = random.poisson(factor * buyers.expected(start, end))
    buyer = np.repeat(np.arange(len(counts)), counts)
    low = to_clock(np.maximum(start, buyers.born))
    high = to_clock(np.maximum(np.minimum(end, buyers.died), np.maximum(start, buyers.born)))
    clock = low[buyer] + (high - low)[buyer] * random.random(len(buyer))
    return buyer, from_clock(clock)
