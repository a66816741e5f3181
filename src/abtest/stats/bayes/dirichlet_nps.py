"""Net promoter scores: a Dirichlet prior on the shares of promoters, passives and detractors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abtest.stats.bayes.quadrature import Floats, panels
from abtest.stats.scipy_special import special


@dataclass(frozen=True, slots=True)
class DirichletNps:
    """What is believed of a net promoter score, in points from -100 to 100.

    The score is 100 (p - d). With S = p + d ~ Beta(P + D, M) and U = p / S ~ Beta(P, D),
    independent, it is 100 S (2 U - 1).

    Attributes:
        promoters: Prior weight plus the number of promoters, above 0.
        passives: The same for passives.
        detractors: The same for detractors.
    """

    promoters: float
    passives: float
    detractors: float

    @classmethod
    def of_counts(
        cls,
        promoters: int,
        passives: int,
        detractors: int,
        prior: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> DirichletNps:
        """The belief after counting answers.

        Args:
            promoters: Answers of 9 and 10.
            passives: Answers of 7 and 8.
            detractors: Answers of 0 to 6.
            prior: Weights of the Dirichlet prior, each above 0.

        Raises:
            ValueError: A prior weight is not above 0.

        Example:
            >>> round(DirichletNps.of_counts(420, 310, 270).mean(), 6)
            14.955135
        """
        if min(prior) <= 0:
            raise ValueError(f"prior is {prior}; each weight must be above 0.")
        return cls(promoters + prior[0], passives + prior[1], detractors + prior[2])

    def mean(self) -> float:
        """The expected score, in points."""
        return 100 * (self.promoters - self.detractors) / self._total

    def sd(self) -> float:
        """The standard deviation of the score, in points."""
        spread = (self.promoters + self.detractors) / self._total - (self.mean() / 100) ** 2
        return 100 * math.sqrt(spread / (self._total + 1))

    def breaks(self) -> Floats:
        """Breakpoints over the score."""
        reach = np.linspace(-12, 12, 49) * self.sd() + self.mean()
        inside = reach[(reach > -100) & (reach < 100)]
        return np.unique(np.concatenate([[-100.0, 0.0, 100.0], inside]))

    def density(self, value: Floats) -> Floats:
        """The density per point."""
        score = value / 100
        voiced, weights = self._voiced(np.abs(score))
        share = np.clip((score[:, None] / voiced + 1) / 2, 0.0, 1.0)
        a, b = self.promoters, self.detractors
        log_density = special.xlogy(a - 1, share) + special.xlog1py(b - 1, -share)
        log_density = log_density - special.betaln(a, b)
        inner = weights * self._voiced_density(voiced) * np.exp(log_density) / (2 * voiced)
        result: Floats = inner.sum(axis=1) / 100
        return result

    def below(self, value: Floats) -> Floats:
        """The probability of a lower score."""
        score = value / 100
        voiced, weights = self._voiced(np.abs(score))
        share = np.clip((score[:, None] / voiced + 1) / 2, 0.0, 1.0)
        below = special.betainc(self.promoters, self.detractors, share)
        inner = (weights * self._voiced_density(voiced) * below).sum(axis=1)
        # Where fewer voices than the score itself are possible, all of them lie below it.
        fewer = special.betainc(self.promoters + self.detractors, self.passives, np.abs(score))
        result: Floats = inner + np.where(score > 0, fewer, 0.0)
        return result

    @property
    def _total(self) -> float:
        return self.promoters + self.passives + self.detractors

    def _voiced(self, least: Floats) -> tuple[Floats, Floats]:
        """Nodes over the share of promoters and detractors, from the least that is possible."""
        a, b = self.promoters + self.detractors, self.passives
        centre, spread = a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
        grid = np.clip(centre + spread * np.linspace(-10, 10, 31), 1e-300, 1.0)
        ends = np.unique(np.concatenate([[0.0], grid, [1.0]]))
        return panels(np.maximum(ends, np.clip(least, 0.0, 1.0)[:, None]))

    def _voiced_density(self, share: Floats) -> Floats:
        a, b = self.promoters + self.detractors, self.passives
        log_density = special.xlogy(a - 1, share) + special.xlog1py(b - 1, -share)
        result: Floats = np.exp(log_density - special.betaln(a, b))
        return result
