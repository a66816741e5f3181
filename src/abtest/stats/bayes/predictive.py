"""What a prior says before there are data, and how often a Bayesian stopping rule is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.normal import Normal, lift_loss, update
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.quadrature import Floats

_NODES = 2001
_REACH = 9.0
_FAR = 12.0


@dataclass(frozen=True, slots=True)
class PriorPredictive:
    """What the prior expects of an experiment.

    Attributes:
        lift_low: The lower end of the lifts that it holds likely.
        lift_high: The upper end.
        observed_low: The lower end of the lifts that may be observed: chance is in them too.
        observed_high: The upper end.
        prob_worthwhile: The probability of a lift beyond the smallest one that matters.
        prob_claimed: The probability that the posterior will say better with the wanted certainty.
        prob_right: Of those claims, the share that is right.
    """

    lift_low: float
    lift_high: float
    observed_low: float
    observed_high: float
    prob_worthwhile: float
    prob_claimed: float
    prob_right: float


def prior_predictive(
    prior: Normal, se: float, *, worthwhile: float = 0.0, certainty: float = 0.95
) -> PriorPredictive:
    """Summarise a prior on the log lift before launch: is that what the team believes?

    The observed log lift is N(prior mean, tau^2 + se^2). The posterior says better with certainty c
    where the observed one exceeds a bound; given that, the truth and the observed one are bivariate
    normal, and the share of right claims is an integral over the posterior.

    Args:
        prior: The prior of the log lift.
        se: The standard error that the planned experiment will have, above 0.
        worthwhile: The smallest lift that matters, above -1; 0.01 is 1%.
        certainty: The probability from which a variant is called better.

    Returns:
        The summary; intervals hold 95%.

    Raises:
        ValueError: ``se`` is not above 0, or ``certainty`` is no probability.

    Source:
        Gelman et al. (2013), Bayesian Data Analysis, section 1.3, for the prior predictive;
        Spiegelhalter, Abrams & Myles (2004), section 6.5, for what a trial will say.

    Example:
        >>> found = prior_predictive(Normal(0.0, 0.05), 0.05)
        >>> round(found.lift_high, 4), round(found.prob_claimed, 4)
        (0.103, 0.05)
    """
    if not se > 0:
        raise ValueError(f"se is {se}; it must be above 0.")
    if not 0 < certainty < 1:
        raise ValueError(f"certainty is {certainty}; it must lie strictly between 0 and 1.")
    low, high = prior.interval(0.95)
    observed = Normal(prior.mean, math.hypot(prior.sd, se))
    seen = observed.interval(0.95)
    share = prior.sd**2 / (prior.sd**2 + se**2)
    spread = math.sqrt(share) * se
    # The posterior mean must exceed its own sd times the quantile.
    needed = float(special.ndtri(certainty)) * spread
    bound = prior.mean + (needed - prior.mean) / share
    claimed = observed.above(bound)
    right = _right(observed, prior, share, spread, bound) if claimed > 0 else 0.0
    return PriorPredictive(
        lift_low=math.expm1(low),
        lift_high=math.expm1(high),
        observed_low=math.expm1(seen[0]),
        observed_high=math.expm1(seen[1]),
        prob_worthwhile=prior.above(math.log1p(worthwhile)),
        prob_claimed=claimed,
        prob_right=right / claimed if claimed > 0 else 0.0,
    )


def _right(observed: Normal, prior: Normal, share: float, spread: float, bound: float) -> float:
    """P(claimed and truly better), over the observed log lift beyond the bound."""
    end = max(bound, observed.mean) + _REACH * observed.sd
    start = max(bound, observed.mean - _REACH * observed.sd)
    grid = np.linspace(start, end, _NODES)
    scaled = (grid - observed.mean) / observed.sd
    density = np.exp(-scaled * scaled / 2) / (observed.sd * math.sqrt(2 * math.pi))
    means = prior.mean + share * (grid - prior.mean)
    values = density * special.ndtr(means / spread)
    return float(_simpson_weights((end - start) / (_NODES - 1)) @ values)


@dataclass(frozen=True, slots=True)
class FalseShips:
    """How often a Bayesian stopping rule ships a variant that does nothing.

    Attributes:
        rate: The share of experiments without an effect that are shipped at some look.
        one_look: The same with a single look at the end.
        looks: How many looks there are.
        certainty: The probability from which the rule ships.
    """

    rate: float
    one_look: float
    looks: int
    certainty: float


def false_ships(
    information: Sequence[float], prior: Normal, se: float, *, certainty: float = 0.95
) -> FalseShips:
    """The false-ship rate of "stop and ship once P(better) exceeds a certainty", without draws.

    With no effect the estimates at the looks are a Brownian motion over the information. The
    density of what has not been shipped yet is carried from look to look by numerical integration
    (Armitage, McPherson & Rowe 1969), as for group-sequential tests; the rule's boundary is where
    the posterior reaches the certainty. The posterior itself does not mind the looks; the rate
    does.

    Args:
        information: The share of the information at each look, rising to 1 at most.
        prior: The prior of the log lift.
        se: The standard error of the log lift at information 1, above 0.
        certainty: The probability from which the rule ships.

    Returns:
        The rates.

    Raises:
        ValueError: The looks are not rising between 0 and 1, or ``se`` is not above 0.

    Source:
        Armitage, McPherson & Rowe (1969), JRSS A 132, 235-244; de Heide & Grunwald (2021),
        Psychonomic Bulletin & Review 28, 795-812, for Bayesian optional stopping.

    Example:
        >>> found = false_ships([1.0], Normal(0.0, 1e6), 0.01)
        >>> round(found.rate, 4)
        0.05
    """
    times = list(information)
    rising = all(a < b for a, b in zip([0.0, *times], times, strict=False))
    if not times or not rising or times[-1] > 1:
        raise ValueError(f"information is {times}; it must rise from above 0 to 1 at most.")
    if not se > 0:
        raise ValueError(f"se is {se}; it must be above 0.")
    bounds = [_boundary(prior, se / math.sqrt(time), certainty) * math.sqrt(time) for time in times]
    shipped = _crossing(times, bounds)
    last = float(special.ndtr(-bounds[-1] / math.sqrt(times[-1])))
    return FalseShips(shipped, last, len(times), certainty)


def false_ships_by_loss(  # noqa: PLR0913 - each is a part of the rule
    information: Sequence[float],
    prior: Normal,
    se: float,
    limit: float,
    *,
    increase: bool = True,
    least_z: float = -math.inf,
) -> float:
    """The same rate for "ship once the expected loss is at most a limit".

    The loss falls as the estimate improves, so each look has one bound, found by root search.

    Args:
        information: The share of the information at each look, rising to 1 at most.
        prior: The prior of the log lift.
        se: The standard error of the log lift at information 1, above 0.
        limit: The largest expected loss that ships, as a share of control; above 0.
        increase: Whether a higher value is better.
        least_z: The z value that the rule asks for as well; none by default.

    Returns:
        The share of experiments without an effect that are shipped at some look.

    Raises:
        ValueError: ``limit`` or ``se`` is not above 0.

    Example:
        >>> round(false_ships_by_loss([1.0], Normal(0.0, 1e6), 0.01, 0.01 * 0.3989423), 2)
        0.5
    """
    if not limit > 0 or not se > 0:
        raise ValueError(f"limit is {limit} and se is {se}; each must be above 0.")
    sign = 1.0 if increase else -1.0

    def bound(time: float) -> float:
        error = se / math.sqrt(time)

        def excess(z: float) -> float:
            belief = update(sign * z * error, error, prior)
            return lift_loss(belief, increase=increase) - limit

        # A prior so sure that no data can meet, or miss, the limit leaves an end of the bracket.
        return max(find_root(excess, -_FAR, _FAR), least_z) * math.sqrt(time)

    times = list(information)
    return min(1.0, max(0.0, _crossing(times, [bound(time) for time in times])))


def false_ships_by_value(
    information: Sequence[float], prior: Normal | None, se: float, limit: float
) -> float:
    """The rate for "ship once the mean is above 0 and the expected loss at most a limit".

    For an amount such as contribution per customer, where the loss is E[max(0, -x)].

    Args:
        information: The share of the information at each look, rising to 1 at most.
        prior: The prior of the amount, less what a launch costs; None for a flat one.
        se: The standard error of the amount at information 1, above 0.
        limit: The largest expected loss that ships, above 0.

    Returns:
        The share of experiments with a true amount of 0 that are shipped at some look.

    Raises:
        ValueError: ``limit`` or ``se`` is not above 0.

    Example:
        >>> round(false_ships_by_value([1.0], None, 2.0, 1000.0), 9)
        0.5
    """
    if not limit > 0 or not se > 0:
        raise ValueError(f"limit is {limit} and se is {se}; each must be above 0.")

    def bound(time: float) -> float:
        error = se / math.sqrt(time)

        def excess(z: float) -> float:
            belief = Normal(z * error, error)
            if prior is not None:
                belief = update(z * error, error, prior)
            return belief.expected_shortfall() - limit

        even = 0.0 if prior is None else -prior.mean * error / prior.sd**2
        return max(find_root(excess, -_FAR, _FAR), even) * math.sqrt(time)

    times = list(information)
    return min(1.0, max(0.0, _crossing(times, [bound(time) for time in times])))


def _boundary(prior: Normal, se: float, certainty: float) -> float:
    """The z value at a look from which the posterior is certain enough."""
    share = prior.sd**2 / (prior.sd**2 + se**2)
    needed = float(special.ndtri(certainty)) * math.sqrt(share) * se
    return (prior.mean + (needed - prior.mean) / share) / se


def _crossing(times: Sequence[float], bounds: Sequence[float]) -> float:
    """P(a Brownian motion is above its bound at some look)."""
    sd = math.sqrt(times[0])
    crossed = float(special.ndtr(-bounds[0] / sd))
    grid = np.linspace(-_REACH * sd, min(bounds[0], _REACH * sd), _NODES)
    density = np.exp(-((grid / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    for before, now, bound in zip(times[:-1], times[1:], bounds[1:], strict=True):
        step = math.sqrt(now - before)
        width = (grid[-1] - grid[0]) / (_NODES - 1)
        weights = _simpson_weights(width) * density
        crossed += float(weights @ special.ndtr((grid - bound) / step))
        reach = _REACH * math.sqrt(now)
        ahead = np.linspace(-reach, min(bound, reach), _NODES)
        scaled = (ahead[:, None] - grid) / step
        density = np.exp(-scaled * scaled / 2) @ weights / (step * math.sqrt(2 * math.pi))
        grid = ahead
    return crossed


def _simpson_weights(step: float) -> Floats:
    weights = np.full(_NODES, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    result: Floats = weights * step / 3
    return result
