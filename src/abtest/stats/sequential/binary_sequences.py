"""Always-valid inference that needs no large sample: shares, and values between 0 and 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def beta_binomial_interval(
    successes: int, n: int, alpha: float, prior: tuple[float, float] = (1.0, 1.0)
) -> Interval:
    """A confidence sequence for a share, exact for any number of units.

    All p with B(a + x, b + n - x) / B(a, b) / (p^x (1 - p)^(n - x)) < 1 / alpha.

    Args:
        successes: Units with the event.
        n: Units.
        alpha: Error rate over all times.
        prior: a and b of the Beta mixture, above 0; (1, 1) favours no share.

    Returns:
        The interval; 0 to 1 without units.

    Raises:
        ValueError: Counts, a prior or an alpha that are none.

    Source:
        Robbins (1970), Annals of Mathematical Statistics 41, 1397; Howard et al. (2021), Annals of
        Statistics 49, 1055, section 3.2; Lindon & Malek (2022), NeurIPS.

    Example:
        >>> found = beta_binomial_interval(123, 1000, 0.05)
        >>> round(found.low, 4), round(found.high, 4)
        (0.0885, 0.1641)
    """
    a, b = prior
    if not (a > 0 and b > 0):
        raise ValueError(f"the prior is {prior}; both numbers must be above 0.")
    return _mixture_interval(successes, n, alpha, lambda _: (a, b))


def bernoulli_interval(
    successes: int, n: int, alpha: float, n_opt: float, alpha_opt: float = 0.05
) -> Interval:
    """A confidence sequence for a share that is tightest near a number of units.

    The Beta mixture of each p that is tested has mean p and strength n_opt / k - 1, with
    k = 2 ln(1/a) + ln(1 + 2 ln(1/a)), at least 0.001.

    Args:
        successes: Units with the event.
        n: Units.
        alpha: Error rate over all times.
        n_opt: The number of units at which it should be tightest.
        alpha_opt: The error rate for which the mixture is tuned.

    Returns:
        The interval.

    Raises:
        ValueError: Counts or an error rate that are none.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, section 3.2.

    Example:
        >>> found = bernoulli_interval(700, 1000, 0.05, 100)
        >>> round(found.low, 4), round(found.high, 4)
        (0.6516, 0.7459)
    """
    if not 0 < alpha_opt < 1:
        raise ValueError(f"alpha_opt is {alpha_opt}; it must lie strictly between 0 and 1.")
    if not n_opt > 0:
        raise ValueError(f"n_opt is {n_opt}; it must be above 0.")
    log = -2 * math.log(alpha_opt)
    strength = max(n_opt / (log + math.log1p(log)) - 1, 1e-3)
    return _mixture_interval(successes, n, alpha, lambda p: (strength * p, strength * (1 - p)))


def _mixture_interval(
    successes: int, n: int, alpha: float, prior: Callable[[float], tuple[float, float]]
) -> Interval:
    if not 0 <= successes <= n:
        raise ValueError(f"there are {successes} successes of {n}; they must lie between 0 and n.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
    if n == 0:
        return Interval(0.0, 1.0)
    failures = n - successes

    def room(p: float) -> float:
        """How far the evidence against p is from the threshold."""
        if not 0 < p < 1:  # impossible as soon as there is one unit of the other kind
            return -math.inf if (failures if p >= 1 else successes) else math.inf
        a, b = prior(p)
        log_e = float(special.betaln(a + successes, b + failures) - special.betaln(a, b))
        log_e -= successes * math.log(p) + failures * math.log1p(-p)
        return -math.log(alpha) - log_e

    share = successes / n
    low = 0.0 if successes == 0 else -find_root(lambda p: room(-p), -share, 0.0)
    high = 1.0 if failures == 0 else find_root(room, share, 1.0)
    return Interval(low, high)


def difference_interval(
    control: tuple[int, int],
    treatment: tuple[int, int],
    alpha: float,
    prior: tuple[float, float] = (1.0, 1.0),
) -> Interval:
    """A confidence sequence for the difference of two shares, exact for any number of units.

    Each share gets half of alpha; the difference lies between the extremes of the two. It is wide:
    for small counts, where an asymptotic sequence says nothing yet.

    Args:
        control: Control's units with the event, and its units.
        treatment: The treatment's.
        alpha: Error rate over all times.
        prior: a and b of the Beta mixtures.

    Returns:
        The interval of treatment minus control.

    Raises:
        ValueError: Counts, a prior or an alpha that are none.

    Example:
        >>> found = difference_interval((10, 100), (30, 100), 0.05)
        >>> round(found.low, 3), round(found.high, 3)
        (-0.075, 0.442)
    """
    one = beta_binomial_interval(*control, alpha / 2, prior)
    other = beta_binomial_interval(*treatment, alpha / 2, prior)
    return Interval(other.low - one.high, other.high - one.low)


def bounded_mean_interval(
    values: Sequence[float], alpha: float, *, truncation: float = 0.5
) -> Interval:
    """A confidence sequence for the mean of values between 0 and 1: the empirical Bernstein one.

    With m_t = (1/2 + sum x) / (t + 1) and v_t = (1/4 + sum (x_i - m_i)^2) / (t + 1), the bet is
    l_t = min(sqrt(2 ln(2/a) / (v_{t-1} t ln(t + 1))), c) and the interval
    sum(l x) / sum(l) +- (ln(2/a) + sum 4 (x_i - m_{i-1})^2 psi(l_i)) / sum(l), psi(l) =
    (-ln(1 - l) - l) / 4.

    Args:
        values: Values between 0 and 1 in the order in which they came.
        alpha: Error rate over all times.
        truncation: c, the largest bet, between 0 and 1.

    Returns:
        The interval after the last value; it is not cut to 0 and 1.

    Raises:
        ValueError: No value, a value outside 0 and 1, or an alpha or bet that is none.

    Source:
        Waudby-Smith & Ramdas (2024), JRSS B 86, 1-27, theorem 2.

    Example:
        >>> found = bounded_mean_interval([0.2, 0.8, 0.5, 1.0] * 25, 0.05)
        >>> round(found.low, 3), round(found.high, 3)
        (0.513, 0.736)
    """
    if not (0 < alpha < 1 and 0 < truncation < 1):
        raise ValueError("alpha and the largest bet must lie strictly between 0 and 1.")
    if not values or not all(0 <= value <= 1 for value in values):
        raise ValueError("values must lie between 0 and 1, and there must be one.")
    log = math.log(2 / alpha)
    mean, variance = 0.5, 0.25
    total, squares = 0.5, 0.25
    bets, weighted, slack = 0.0, 0.0, log
    for t, x in enumerate(values, start=1):
        bet = min(math.sqrt(2 * log / (variance * t * math.log(t + 1))), truncation)
        slack += (x - mean) ** 2 * (-math.log1p(-bet) - bet)
        bets += bet
        weighted += bet * x
        total += x
        mean = total / (t + 1)
        squares += (x - mean) ** 2
        variance = squares / (t + 1)
    return Interval((weighted - slack) / bets, (weighted + slack) / bets)


def block_e_value(
    control: tuple[int, int], treatment: tuple[int, int], rates: tuple[float, float]
) -> float:
    """How much one block of a 2x2 table speaks against equal shares, for shares bet on beforehand.

    The likelihood at the two shares over the likelihood at their mean weighted by the units. Its
    expectation is at most 1 whatever the common share; so products over blocks are an e-process.

    Args:
        control: Control's units with the event, and its units.
        treatment: The treatment's.
        rates: The shares of control and treatment that are bet on, chosen before the block is seen.

    Returns:
        The block's e-value.

    Raises:
        ValueError: Counts or shares that are none.

    Source:
        Turner, Ly & Grunwald (2024), J. Statistical Planning and Inference 230, 106116.

    Example:
        >>> round(block_e_value((0, 1), (1, 1), (0.2, 0.4)), 4)
        1.5238
    """
    (x, n), (y, m) = control, treatment
    if not (0 <= x <= n and 0 <= y <= m and n > 0 and m > 0):
        raise ValueError(f"a block has {x} of {n} and {y} of {m}; they must be counts.")
    if not all(0 < rate < 1 for rate in rates):
        raise ValueError(f"the shares are {rates}; they must lie strictly between 0 and 1.")
    pooled = (n * rates[0] + m * rates[1]) / (n + m)
    log_e = x * math.log(rates[0] / pooled) + (n - x) * math.log((1 - rates[0]) / (1 - pooled))
    log_e += y * math.log(rates[1] / pooled) + (m - y) * math.log((1 - rates[1]) / (1 - pooled))
    return math.exp(log_e)


def two_by_two_e_values(
    blocks: Sequence[tuple[tuple[int, int], tuple[int, int]]], prior: float = 0.18
) -> list[float]:
    """The e-process against equal shares, block by block: learn the shares, then bet on them.

    Each block is bet on with the posterior means from the blocks before it, under independent
    Beta(prior, prior).

    Args:
        blocks: Blocks in order, each as (control, treatment) of (units with the event, units).
        prior: Both numbers of both Beta priors, above 0; 0.18 has nearly the least regret.

    Returns:
        The e-value after each block: the product so far.

    Raises:
        ValueError: Counts or a prior that are none.

    Source:
        Turner, Ly & Grunwald (2024), J. Statistical Planning and Inference 230, 106116.

    Example:
        >>> found = two_by_two_e_values([((0, 1), (1, 1))] * 3)
        >>> [round(value, 3) for value in found]
        [1.0, 3.011, 10.278]
    """
    if not prior > 0:
        raise ValueError(f"the prior is {prior}; it must be above 0.")
    found: list[float] = []
    product, (x, n, y, m) = 1.0, (0, 0, 0, 0)
    for control, treatment in blocks:
        rates = ((prior + x) / (2 * prior + n), (prior + y) / (2 * prior + m))
        product *= block_e_value(control, treatment, rates)
        found.append(product)
        x, n = x + control[0], n + control[1]
        y, m = y + treatment[0], m + treatment[1]
    return found
