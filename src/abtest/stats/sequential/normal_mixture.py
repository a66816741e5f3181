"""Always-valid inference for what is nearly normal: one mixture, and what is read off it.

A mixture of likelihood ratios over normal effects is a martingale under no effect, so the chance
that it ever reaches 1 / alpha is at most alpha, however often one looks (Ville's inequality). All
that counts is the ratio of the mixture's variance to the estimate's: ``ratio`` below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtest.stats.comparison import Interval
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """What can be said at any time.

    Attributes:
        interval: Holds the effect at all times together with chance 1 - alpha.
        multiplier: Half its width in standard errors; a single look has 1.96.
        e_value: How much the data speak against no effect; its expectation is 1 without one.
        pvalue: min(1, 1 / e_value), valid at any time.
    """

    interval: Interval
    multiplier: float
    e_value: float
    pvalue: float


def _check(*, alpha: float, **positive: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
    for name, value in positive.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0.")


def asymptotic_rho(n_opt: float, alpha: float) -> float:
    """The mixture's standard deviation that makes the sequence tightest near a sample size.

    rho^2 = (-2 ln a + ln(1 - 2 ln a)) / n_opt.

    Args:
        n_opt: The number of units at which the interval should be short.
        alpha: Two-sided error rate.

    Source:
        Waudby-Smith et al. (2024), Annals of Statistics 52, 2613, appendix B.2.

    Example:
        >>> round(asymptotic_rho(10_000, 0.05), 6)
        0.028171
    """
    _check(alpha=alpha, n_opt=n_opt)
    log = -2 * math.log(alpha)
    return math.sqrt((log + math.log1p(log)) / n_opt)


def multiplier(ratio: float, alpha: float) -> float:
    """Half an always-valid interval in standard errors.

    sqrt((1 + r) / r (ln(1 + r) - 2 ln a)), with r the mixture's variance over the estimate's.

    Example:
        >>> rho = asymptotic_rho(10_000, 0.05)
        >>> round(multiplier(10_000 * rho**2, 0.05), 3)
        3.035
    """
    _check(alpha=alpha, ratio=ratio)
    return math.sqrt((1 + ratio) / ratio * (math.log1p(ratio) - 2 * math.log(alpha)))


def log_e_value(z: float, ratio: float) -> float:
    """The logarithm of the mixture of likelihood ratios: -ln(1 + r) / 2 + z^2 / 2 r / (1 + r).

    Example:
        >>> round(log_e_value(3.0, 8.0), 4)
        2.9014
    """
    return -math.log1p(ratio) / 2 + z * z / 2 * ratio / (1 + ratio)


def _always_valid(
    estimate: float, se: float, ratio: float, alpha: float, null: float = 0.0
) -> AlwaysValid:
    width = multiplier(ratio, alpha)
    log_e = log_e_value((estimate - null) / se, ratio)
    return AlwaysValid(
        interval=Interval(estimate - width * se, estimate + width * se),
        multiplier=width,
        e_value=math.exp(min(log_e, 700.0)),  # the largest that a float can hold
        pvalue=math.exp(min(-log_e, 0.0)),
    )


def asymptotic_sequence(
    estimate: float, se: float, n: float, n_opt: float, alpha: float
) -> AlwaysValid:
    """The asymptotic confidence sequence: an interval that may be looked at at any time.

    estimate +- se sqrt((n rho^2 + 1) / (n rho^2) ln((n rho^2 + 1) / alpha^2)). It needs large
    samples, as a normal interval does: begin where each side has 100 units.

    Args:
        estimate: An effect, such as a difference of means.
        se: Its standard error, above 0.
        n: Units behind the estimate, of both variants together.
        n_opt: The number of units at which it should be tightest.
        alpha: Two-sided error rate over all times.

    Returns:
        Interval, e-value and p-value.

    Raises:
        ValueError: A number that must be above 0 is not, or an alpha that is no error rate.

    Source:
        Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52, 2613,
        theorem 2.2.

    Example:
        >>> round(asymptotic_sequence(0.0084, 0.0045, 10_000, 10_000, 0.05).pvalue, 4)
        0.6362
    """
    _check(alpha=alpha, se=se, n=n, n_opt=n_opt)
    return _always_valid(estimate, se, n * asymptotic_rho(n_opt, alpha) ** 2, alpha)


def mixture_sprt(
    estimate: float, variance: float, tau2: float, alpha: float, null: float = 0.0
) -> AlwaysValid:
    """The mixture sequential probability ratio test, for a variance that is known.

    The same mixture with a normal prior of variance tau2 around the null.

    Args:
        estimate: The effect.
        variance: The variance of the estimate, above 0: 2 s^2 / n with n units on each side.
        tau2: The variance of effects, above 0.
        alpha: Two-sided error rate over all times.
        null: The effect that is tested.

    Returns:
        Interval, e-value (the likelihood ratio) and p-value; over time the smallest p-value counts.

    Raises:
        ValueError: A number that must be above 0 is not, or an alpha that is no error rate.

    Source:
        Robbins (1970), Annals of Mathematical Statistics 41, 1397; Johari, Koomen, Pekelis & Walsh
        (2022), Operations Research 70, 1806.

    Example:
        >>> round(mixture_sprt(0.0084, 0.000105, 0.0001, 0.05).e_value, 6)
        0.84314
    """
    _check(alpha=alpha, variance=variance, tau2=tau2)
    return _always_valid(estimate, math.sqrt(variance), tau2 / variance, alpha, null)


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """A boundary for a sub-Gaussian sum with intrinsic time v, uniformly over time.

    Two-sided ln M(s, v) = ln(rho / (v + rho)) / 2 + s^2 / (2 (v + rho)); one-sided the same with
    4 rho and ln Phi(s / sqrt(v + rho)) added.

    Attributes:
        rho: The mixture's precision.
        two_sided: Whether both directions count.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, section 3.
    """

    rho: float
    two_sided: bool = True

    @classmethod
    def tuned(cls, v_opt: float, alpha: float, *, two_sided: bool = True) -> NormalMixture:
        """The mixture that is tightest near a time: rho = v / (2 ln(1/a) + ln(1 + 2 ln(1/a))).

        Args:
            v_opt: The intrinsic time, above 0.
            alpha: Error rate; one-sided, twice that is used.
            two_sided: Whether both directions count.

        Raises:
            ValueError: A time or an error rate that is none.

        Example:
            >>> round(NormalMixture.tuned(100, 0.05).rho, 5)
            12.60056
        """
        rate = alpha if two_sided else 2 * alpha
        return cls(asymptotic_rho(v_opt, rate) ** -2, two_sided)

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of M(s, v): how far the sum speaks against a mean of zero."""
        if self.two_sided:
            return log_e_value(s / math.sqrt(v), v / self.rho)
        root = math.sqrt(v + self.rho)
        log_tail = float(special.log_ndtr(s / root))
        return math.log(4 * self.rho / (v + self.rho)) / 2 + (s / root) ** 2 / 2 + log_tail

    def bound(self, v: float, alpha: float) -> float:
        """The sum at which it reaches 1 / alpha.

        Example:
            >>> round(NormalMixture.tuned(100, 0.05).bound(100, 0.05), 5)
            30.35209
        """
        _check(alpha=alpha, v=v)
        if self.two_sided:
            return math.sqrt(v) * multiplier(v / self.rho, alpha)
        highest = math.sqrt(v) * multiplier(v / self.rho, alpha)
        return find_root(lambda s: -math.log(alpha) - self.log_value(s, v), 0.0, highest)
