"""Bayes factors, where they are asked for. They say how the data speak, and decide nothing here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.quadrature import panels
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.bayes.normal import Normal
    from abtest.stats.summaries import Proportion

JZS_SCALE = math.sqrt(2) / 2


def log_factor_rates(
    control: Proportion, treatment: Proportion, a: float = 1.0, b: float = 1.0
) -> float:
    """Log Bayes factor of two rates against one, with Beta(a, b) priors.

    log B(a + x_t, b + y_t) + log B(a + x_c, b + y_c) - log B(a + x, b + y) - log B(a, b), where y
    are the units without the event, and x and y without a mark are sums over both variants.

    Args:
        control: The control's units and events.
        treatment: The treatment's.
        a: The prior's first parameter, above 0.
        b: The second, above 0.

    Returns:
        log BF10: above 0 where the data speak for two rates.

    Source:
        Kass & Raftery (1995), JASA 90, 773-795.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(math.exp(log_factor_rates(Proportion(80, 48), Proportion(70, 56))), 4)
        6.2515
    """
    events, units = control.successes + treatment.successes, control.n + treatment.n
    two = math.fsum(
        special.betaln(a + p.successes, b + p.n - p.successes) for p in (control, treatment)
    )
    return float(two - special.betaln(a + events, b + units - events) - special.betaln(a, b))


def log_factor_jzs(t: float, n_control: int, n_treatment: int, scale: float = JZS_SCALE) -> float:
    """Log Bayes factor of two means of one variance: a Cauchy prior on the standardised effect.

    The integral over g ~ inverse-gamma(1/2, 1/2), on the scale of log g.

    Args:
        t: Student's t statistic with pooled variance.
        n_control: Control's units.
        n_treatment: The treatment's units.
        scale: The Cauchy's scale r.

    Returns:
        log BF10.

    Raises:
        ValueError: Fewer than three units, or a scale that is not above 0.

    Source:
        Rouder, Speckman, Sun, Morey & Iverson (2009), Psychonomic Bulletin & Review 16, 225-237,
        eq. 1 for two samples.

    Example:
        >>> round(math.exp(log_factor_jzs(2.5, 50, 50)), 4)
        3.2334
    """
    df = n_control + n_treatment - 2
    if df < 1 or n_control < 1 or n_treatment < 1:
        raise ValueError("n_control and n_treatment must be at least 1 and 3 in all.")
    if not scale > 0:
        raise ValueError(f"scale is {scale}; it must be above 0.")
    units = n_control * n_treatment / (n_control + n_treatment)
    log_g, weights = panels(np.linspace(-8.0, 80.0, 89))
    g = np.exp(log_g)
    wide = 1 + units * g * scale * scale
    height = -np.log(wide) / 2 - (df + 1) / 2 * np.log1p(t * t / (wide * df))
    height += -math.log(2 * math.pi) / 2 - log_g / 2 - 1 / (2 * g)
    top = float(height.max())
    integral = math.log(float(weights @ np.exp(height - top))) + top
    return integral + (df + 1) / 2 * math.log1p(t * t / df)


def log_factor_normal(estimate: float, se: float, prior: Normal) -> float:
    """Log Bayes factor of an effect from the prior against none.

    log N(estimate; prior mean, se^2 + tau^2) - log N(estimate; 0, se^2).

    Args:
        estimate: The estimate.
        se: Its standard error, above 0.
        prior: The prior under an effect.

    Returns:
        log BF10.

    Source:
        Wakefield (2009), Genetic Epidemiology 33, 79-86.

    Example:
        >>> from abtest.stats.bayes.normal import Normal
        >>> round(math.exp(log_factor_normal(4.2, 5.66, Normal(0.0, 2.0))), 6)
        0.972127
    """
    wide = math.hypot(se, prior.sd)
    with_effect = -(((estimate - prior.mean) / wide) ** 2) / 2 - math.log(wide)
    return with_effect + (estimate / se) ** 2 / 2 + math.log(se)
