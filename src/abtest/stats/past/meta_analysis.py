"""Many experiments' effects together: their mean, how much they differ, what the next may bring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.tails import normal_quantile, t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

TauMethod = Literal["paule_mandel", "dersimonian_laird", "reml"]


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """What a random-effects meta-analysis finds, in the unit of the effects.

    Attributes:
        k: How many experiments.
        mean: The mean of the true effects.
        se: Its standard error; None for no experiment.
        ci_low: Lower end of its interval.
        ci_high: Upper end.
        tau: Standard deviation of the true effects; None for fewer than two experiments.
        q: Cochran's Q.
        df: Its degrees of freedom, k - 1.
        q_pvalue: P(chi-square >= Q): small where the effects differ by more than chance.
        i2: The share of Q that is more than chance, max(0, 1 - df / Q).
        prediction_low: Lower end of where the next experiment's true effect lies; None for fewer
            than three experiments.
        prediction_high: Upper end.
    """

    k: int
    mean: float
    se: float
    ci_low: float
    ci_high: float
    tau: float | None
    q: float
    df: int
    q_pvalue: float | None
    i2: float | None
    prediction_low: float | None
    prediction_high: float | None


def random_effects(
    estimates: Sequence[float],
    ses: Sequence[float],
    ci_level: float = 0.95,
    method: TauMethod = "paule_mandel",
) -> RandomEffects:
    """Combine independent effects y_i ~ N(theta_i, se_i^2), theta_i ~ N(mu, tau^2).

    With w_i = 1 / (se_i^2 + tau^2): mu = sum w y / sum w. Hartung and Knapp's interval is mu -+
    t_{k-1} s with s^2 = max(1, sum w (y - mu)^2 / (k - 1)) / sum w, never narrower than the plain
    standard error's; the prediction interval is mu -+ t_{k-2} sqrt(tau^2 + s^2). Paule and Mandel's
    tau^2 makes sum w (y - mu)^2 = k - 1; DerSimonian and Laird's is
    max(0, (Q - k + 1) / (sum w0 - sum w0^2 / sum w0)) with w0 = 1 / se^2; reml makes
    sum w^2 (y - mu)^2 = sum w - sum w^2 / sum w, where the restricted likelihood is highest. One
    experiment alone has its own normal interval.

    Args:
        estimates: The effects, such as log lifts; of different experiments, so that they are
            independent.
        ses: Their standard errors, above 0.
        ci_level: Coverage of both intervals.
        method: How tau^2 is estimated.

    Returns:
        The mean, the spread and both intervals.

    Raises:
        ValueError: There is no effect, the lengths differ, or a number is not finite or no
            standard error.

    Source:
        DerSimonian & Laird (1986), Controlled Clinical Trials 7, 177-188; Paule & Mandel (1982),
        J. Res. NBS 87, 377-385; Viechtbauer (2005), J. Educ. Behav. Stat. 30, 261-293, for reml;
        Hartung & Knapp (2001), Stat. Med. 20, 3875-3889, eq. 4; Roever, Knapp & Friede (2015), BMC
        Med. Res. Methodol. 15:99, for its floor; Higgins,
        Thompson & Spiegelhalter (2009), JRSS A 172, 137-159, section 4.1.

    Example:
        >>> found = random_effects([0.10, 0.02, -0.04, 0.06], [0.03, 0.03, 0.03, 0.03])
        >>> round(found.mean, 3), round(found.tau, 3)
        (0.035, 0.052)
    """
    y, variances = _checked(estimates, ses)
    k = len(y)
    q = _spread(y, variances, 0.0)
    if k == 1:
        half = normal_quantile(ci_level) * ses[0]
        low, high = estimates[0] - half, estimates[0] + half
        return RandomEffects(
            1, estimates[0], ses[0], low, high, None, 0.0, 0, None, None, None, None
        )
    tau2 = _tau2(y, variances, method)
    weights = 1 / (variances + tau2)
    mean = float(weights @ y / weights.sum())
    # Effects that happen to agree more than chance allows are no reason for a narrower interval.
    scale = max(_spread(y, variances, tau2) / (k - 1), 1.0)
    se = math.sqrt(scale / float(weights.sum()))
    half = t_quantile(k - 1, ci_level) * se
    ahead = t_quantile(k - 2, ci_level) * math.sqrt(tau2 + se * se) if k > 2 else None
    return RandomEffects(
        k=k,
        mean=mean,
        se=se,
        ci_low=mean - half,
        ci_high=mean + half,
        tau=math.sqrt(tau2),
        q=q,
        df=k - 1,
        q_pvalue=float(special.chdtrc(k - 1, q)),
        i2=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        prediction_low=None if ahead is None else mean - ahead,
        prediction_high=None if ahead is None else mean + ahead,
    )


def _checked(estimates: Sequence[float], ses: Sequence[float]) -> tuple[Vector, Vector]:
    if not estimates or len(estimates) != len(ses):
        raise ValueError(
            f"there are {len(estimates)} effects and {len(ses)} standard errors; "
            "give one standard error for each effect, and at least one effect."
        )
    for estimate, se in zip(estimates, ses, strict=True):
        if not (math.isfinite(estimate) and math.isfinite(se) and se > 0):
            raise ValueError(
                f"an effect is {estimate} with the standard error {se}; "
                "both must be finite and the standard error above 0."
            )
    return np.asarray(estimates, dtype=float), np.square(np.asarray(ses, dtype=float))


def _spread(y: Vector, variances: Vector, tau2: float) -> float:
    """Sum of w (y - mu)^2 with w = 1 / (variance + tau^2): Cochran's Q where tau is 0."""
    weights = 1 / (variances + tau2)
    mean = weights @ y / weights.sum()
    return float(weights @ np.square(y - mean))


def _tau2(y: Vector, variances: Vector, method: TauMethod) -> float:
    if method == "paule_mandel":
        return _paule_mandel(y, variances)
    return _restricted(y, variances) if method == "reml" else _moments(y, variances)


def _moments(y: Vector, variances: Vector) -> float:
    weights = 1 / variances
    scale = float(weights.sum() - np.square(weights).sum() / weights.sum())
    return max(0.0, (_spread(y, variances, 0.0) - (len(y) - 1)) / scale)


def _restricted(y: Vector, variances: Vector) -> float:
    def slope(tau2: float) -> float:
        weights = 1 / (variances + tau2)
        total = weights.sum()
        away = np.square(y - weights @ y / total)
        found = np.square(weights) @ away - (total - np.square(weights).sum() / total)
        return float(found / np.square(weights).sum())

    if slope(0.0) <= 0:
        return 0.0
    # Beyond the spread of the effects themselves the likelihood only falls.
    highest = float(np.square(y - y.mean()).sum())
    while slope(highest) > 0:
        highest *= 2
    return find_root(slope, 0.0, highest)


def _paule_mandel(y: Vector, variances: Vector) -> float:
    # The spread falls in tau^2, and at sum (y - mean)^2 / (k - 1) it is below k - 1.
    highest = float(np.square(y - y.mean()).sum()) / (len(y) - 1)
    return find_root(lambda tau2: _spread(y, variances, tau2) - (len(y) - 1), 0.0, highest)
