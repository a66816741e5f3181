"""The normal model with unknown variance: a conjugate normal-inverse-gamma prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.bayes.quadrature import Floats
    from abtest.stats.summaries import Moments

_ENDS = 31.0  # logits of the masses at the outermost breakpoints: exp(-31) = 3e-14


@dataclass(frozen=True, slots=True)
class Student:
    """A shifted and scaled t distribution.

    Attributes:
        location: Its centre.
        scale: Its scale, above 0; not its standard deviation.
        df: Degrees of freedom.
    """

    location: float
    scale: float
    df: float

    def breaks(self) -> Floats:
        """Breakpoints at quantiles, so that the tails of a few degrees of freedom are held."""
        masses = special.expit(np.linspace(-_ENDS, 0.0, 26))
        half = special.stdtrit(self.df, masses)
        scaled = np.concatenate([half, -half[-2::-1]])
        result: Floats = self.location + self.scale * scaled
        return result

    def density(self, value: Floats) -> Floats:
        """The density."""
        scaled = (value - self.location) / self.scale
        log_norm = -special.betaln(self.df / 2, 0.5) - math.log(self.df) / 2
        power = -(self.df + 1) / 2 * np.log1p(scaled * scaled / self.df)
        result: Floats = np.exp(log_norm + power) / self.scale
        return result

    def below(self, value: Floats) -> Floats:
        """The probability of less."""
        scaled = (value - self.location) / self.scale
        result: Floats = np.asarray(special.stdtr(self.df, scaled), dtype=np.float64)
        return result


@dataclass(frozen=True, slots=True)
class NormalInverseGamma:
    """A belief about a mean and a variance: mu given s2 is N(m, s2 / kappa), s2 is IG(a, b).

    Attributes:
        m: The centre of the mean.
        kappa: How many observations the belief about the mean is worth; above 0.
        a: The shape of the variance; above 0.
        b: Its scale, in the unit squared; above 0.
    """

    m: float
    kappa: float
    a: float
    b: float

    def updated(self, data: Moments) -> NormalInverseGamma:
        """The belief after the data.

        Args:
            data: Count, mean and sum of squared deviations.

        Returns:
            The posterior, of the same form.

        Source:
            Gelman et al. (2013), Bayesian Data Analysis, section 3.3.

        Example:
            >>> from abtest.stats.summaries import Moments
            >>> NormalInverseGamma(0.0, 1.0, 1.0, 1.0).updated(Moments(1, 2.0, 0.0))
            NormalInverseGamma(m=1.0, kappa=2.0, a=1.5, b=2.0)
        """
        kappa = self.kappa + data.n
        apart = data.mean - self.m
        return NormalInverseGamma(
            m=(self.kappa * self.m + data.n * data.mean) / kappa,
            kappa=kappa,
            a=self.a + data.n / 2,
            b=self.b + data.m2 / 2 + self.kappa * data.n * apart * apart / (2 * kappa),
        )

    def mean(self) -> Student:
        """What is believed of the mean: t with 2 a degrees of freedom.

        Example:
            >>> NormalInverseGamma(1.0, 2.0, 2.0, 4.0).mean()
            Student(location=1.0, scale=1.0, df=4.0)
        """
        return Student(self.m, math.sqrt(self.b / (self.a * self.kappa)), 2 * self.a)
