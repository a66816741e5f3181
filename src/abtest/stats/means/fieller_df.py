"""Fieller's interval of the lift of two means with other degrees of freedom than the p-value's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.stats.comparison import Interval
from abtest.stats.means.fieller import fieller_lift
from abtest.stats.means.t_pivot import Level, satterthwaite
from abtest.stats.means.welch import mean_level
from abtest.stats.roots import find_root
from abtest.stats.tails import check_ci_level, t_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.summaries import Moments

DegreesOfFreedom = Literal["welch", "plug_in", "iterative"]
_STEPS = 1000  # angles at which the end of the interval is looked for


def fieller_lift_of_means(
    control: Moments,
    treatment: Moments,
    ci_level: float = 0.95,
    df: DegreesOfFreedom = "welch",
) -> Interval | None:
    """The values of the lift that T(rho) = (m_t - rho m_c) / sqrt(v_t + rho^2 v_c) does not reject.

    With df(rho) = (v_t + rho^2 v_c)^2 / (v_t^2 / df_t + rho^4 v_c^2 / df_c), T is compared with t
    on df(1) degrees of freedom (``welch``), on df(m_t / m_c) (``plug_in``), or at each rho on
    df(rho) (``iterative``).

    ``welch`` is the interval of ``welch()`` and the only one that leaves out no effect exactly when
    Welch's test rejects. The others are those of R's mratios; they say more about lifts far from 0,
    and differ with few units only. ``iterative`` gives the stretch around the estimate: with very
    few units the test may accept again far away from it.

    Assumes independent, approximately normal means.

    Args:
        control: The control's moments.
        treatment: The treatment's moments.
        ci_level: Coverage of the interval, between 0 and 1.
        df: Which degrees of freedom.

    Returns:
        The interval of the lift (0.05 is +5%); None where it is unbounded, where control's mean is
        not positive, and where a variant has fewer than two units or neither varies.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Tamhane & Logan (2004); Hasler, Vonk & Hothorn (2008), Assessing non-inferiority of a new
        treatment in a three-arm trial in the presence of heteroscedasticity.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> control, treatment = Moments(8, 10.0, 40.0), Moments(8, 14.0, 90.0)
        >>> ends = fieller_lift_of_means(control, treatment, df="plug_in")
        >>> round(ends.low, 4), round(ends.high, 4)
        (0.0663, 0.829)
    """
    check_ci_level(ci_level)
    base, other = mean_level(control), mean_level(treatment)
    if base.problem or other.problem or not (base.value or 0.0) > 0:
        return None
    known = base.value or 0.0, base.variance or 0.0, other.value or 0.0, other.variance or 0.0
    if known[1] + known[3] == 0:
        return None
    if df == "welch":
        return fieller_lift(*known, t_quantile(satterthwaite(base, other), ci_level))
    if known[1] == 0 or known[3] == 0:  # the degrees of freedom are those of the one that varies
        fixed = base.df if known[1] else other.df
        return fieller_lift(*known, t_quantile(fixed, ci_level))
    if df == "plug_in":
        at_estimate = _df_at(base, other, _angle(base, other))
        return fieller_lift(*known, t_quantile(at_estimate, ci_level))
    return _iterative(base, other, ci_level)


def _scale(control: Level, treatment: Level) -> float:
    return math.sqrt(treatment.variance or 0.0) / math.sqrt(control.variance or 0.0)


def _angle(control: Level, treatment: Level) -> float:
    """The estimate m_t / m_c = scale tan(angle), with the scale sqrt(v_t / v_c)."""
    value, value_control = treatment.value or 0.0, control.value or 0.0
    return math.atan2(value, value_control * _scale(control, treatment))


def _df_at(control: Level, treatment: Level, angle: float) -> float:
    return 1 / (math.cos(angle) ** 4 / treatment.df + math.sin(angle) ** 4 / control.df)


def _iterative(control: Level, treatment: Level, ci_level: float) -> Interval | None:
    """By angle: with rho = scale tan(a) the statistic is T = U sin(a_0 - a), a_0 the estimate's.

    U^2 = m_t^2 / v_t + m_c^2 / v_c. Each end is the first angle away from a_0 where abs(T) is the
    quantile; at a right angle, where rho is infinite, abs(T) is m_c / sqrt(v_c).
    """
    clear = (control.value or 0.0) / math.sqrt(control.variance or 0.0)
    if clear <= t_quantile(control.df, ci_level):
        return None
    size = math.hypot(clear, (treatment.value or 0.0) / math.sqrt(treatment.variance or 0.0))
    centre, scale = _angle(control, treatment), _scale(control, treatment)

    def end(side: int) -> float:
        def room(step: float) -> float:
            degrees = _df_at(control, treatment, centre + side * step)
            return t_quantile(degrees, ci_level) - size * math.sin(step)

        widest = math.pi / 2 - side * centre
        return scale * math.tan(centre + side * _first_root(room, widest)) - 1

    return Interval(end(-1), end(1))


def _first_root(function: Callable[[float], float], high: float) -> float:
    """The first point above 0 where a function falls to zero, as it does below ``high``."""
    points = np.linspace(0.0, high, _STEPS + 1).tolist()
    last = next((i for i, point in enumerate(points) if i and function(point) < 0), _STEPS)
    return find_root(function, points[last - 1], points[last])
