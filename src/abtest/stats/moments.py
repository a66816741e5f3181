"""Counts and centred moments of one variant's units: small, frozen and addable.

Moments are centred and merged by the pairwise formula of Chan, Golub & LeVeque (1983), so that data
with a large offset lose no digits. What can be added are shards that partition the *units*.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proportion:
    """Units with an event among the units observed.

    Attributes:
        n: Units eligible and observed.
        successes: Those of them with the event, 0 to ``n``.
    """

    n: int
    successes: int

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.n + other.n, self.successes + other.successes)

    @property
    def value(self) -> float:
        """The share of units with the event."""
        return self.successes / self.n


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and centred second moment of one value per unit.

    Attributes:
        n: Units eligible and observed.
        mean: Their mean, in the value's unit; 0 where ``n`` is 0.
        m2: Sum of squared deviations from the mean.
    """

    n: int
    mean: float
    m2: float

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        if n == 0:
            return self
        delta = other.mean - self.mean
        mean = self.mean + delta * other.n / n
        m2 = self.m2 + other.m2 + delta * delta * self.n * other.n / n
        return Moments(n, mean, m2)

    @property
    def variance(self) -> float:
        """The sample variance, with n - 1 in the denominator; needs two units."""
        return self.m2 / (self.n - 1)


@dataclass(frozen=True, slots=True)
class PairMoments:
    """Centred moments of two values per unit, for a ratio of sums.

    Attributes:
        n: Units eligible and observed.
        mean_y: Mean of the numerator.
        mean_x: Mean of the denominator.
        m2_y: Centred second moment of the numerator.
        m2_x: Centred second moment of the denominator.
        c_xy: Centred cross product of the two.
    """

    n: int
    mean_y: float
    mean_x: float
    m2_y: float
    m2_x: float
    c_xy: float

    def __add__(self, other: PairMoments) -> PairMoments:
        n = self.n + other.n
        if n == 0:
            return self
        share = self.n * other.n / n
        delta_y = other.mean_y - self.mean_y
        delta_x = other.mean_x - self.mean_x
        return PairMoments(
            n=n,
            mean_y=self.mean_y + delta_y * other.n / n,
            mean_x=self.mean_x + delta_x * other.n / n,
            m2_y=self.m2_y + other.m2_y + delta_y * delta_y * share,
            m2_x=self.m2_x + other.m2_x + delta_x * delta_x * share,
            c_xy=self.c_xy + other.c_xy + delta_x * delta_y * share,
        )
