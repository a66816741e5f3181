"""The Kaplan-Meier curve of one variant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.sentences import sentence
from abtest.stats.comparison import Interval
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from abtest.stats.survival.life_table import Floats, LifeTable

Scale = Literal["log_log", "log", "plain"]
"""The scale on which a band is symmetric."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The curve after each time with an event.

    Attributes:
        times: Times with events, ascending.
        log_survival: The logarithm of the share without an event so far; -inf where nobody is left.
        greenwood: Greenwood's sum so far: the squared relative standard error of that share;
            +inf where nobody is left.
    """

    times: Floats
    log_survival: Floats
    greenwood: Floats

    @property
    def survival(self) -> Floats:
        """The share without an event."""
        return np.exp(self.log_survival)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The curve of one variant at one time.

    Attributes:
        log_survival: Logarithm of the share without an event up to and including that time.
        greenwood: Greenwood's sum, the squared relative standard error of the share.
        at_risk: Units followed for at least that long and without an earlier event.
        problem: Why there is no value or no variance; empty where there are both.
        reached: Whether follow-up is long enough for a value.
    """

    log_survival: float
    greenwood: float
    at_risk: int
    problem: str = ""
    reached: bool = True

    @property
    def survival(self) -> float:
        """The share without an event."""
        return math.exp(self.log_survival)

    @property
    def incidence(self) -> float:
        """The share with an event, without the rounding of 1 - S where it is small."""
        return 0.0 - math.expm1(self.log_survival)  # and never -0.0

    @property
    def variance(self) -> float:
        """Greenwood's variance of either share; 0 where the curve is at an end."""
        return 0.0 if math.isinf(self.greenwood) else self.survival**2 * self.greenwood

    @property
    def log_log(self) -> tuple[float, float]:
        """log(-log S), which rises with the share of events, and its standard error."""
        return math.log(-self.log_survival), math.sqrt(self.greenwood) / -self.log_survival


def kaplan_meier_curve(table: LifeTable) -> Curve:
    """The Kaplan-Meier estimate with Greenwood's variance.

    S(t) = prod over t_i <= t of (1 - d_i / y_i) and var S(t) = S(t)^2 sum d_i / (y_i (y_i - d_i)),
    with d_i events among y_i units at risk.

    Assumes that how long a unit is followed says nothing about when its event would come: units
    that entered late are like those that entered early.

    Args:
        table: The variant's life table.

    Returns:
        The curve at each time with an event.

    Source:
        Kaplan & Meier (1958), JASA 53, 457-481; Greenwood (1926), Reports on Public
        Health and Medical Subjects 33.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> kaplan_meier_curve(LifeTable((1.0, 2.0), (1, 1), (0, 2))).survival.round(3)
        array([0.75, 0.5 ])
    """
    events = np.array(table.events, dtype=np.float64)
    some = events > 0
    deaths, at_risk = events[some], table.at_risk()[some]
    with np.errstate(divide="ignore"):  # the last units at risk may all have their event
        log_survival = np.cumsum(np.log1p(-deaths / at_risk))
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
    return Curve(np.array(table.times, dtype=np.float64)[some], log_survival, greenwood)


def curve_point(table: LifeTable, horizon: float) -> CurvePoint:
    """The Kaplan-Meier curve at one time.

    The curve ends where the last unit leaves. Beyond that there is no value, unless the last units
    all had their event: then nobody is left and the share stays at 0.

    Args:
        table: The variant's life table.
        horizon: The time, in the table's unit, above 0.

    Returns:
        The point, with the problem where there is no value or Greenwood's variance is zero.

    Raises:
        ValueError: ``horizon`` is not a positive number.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> curve_point(LifeTable((1.0, 2.0), (1, 1), (0, 2)), 3.0).problem
        'is followed up to 2 only, which does not reach 3'
    """
    check_horizon(horizon)
    if table.n == 0:
        return CurvePoint(0.0, 0.0, 0, sentence("has no observed units"), reached=False)
    curve = kaplan_meier_curve(table)
    place = int(np.searchsorted(curve.times, horizon, side="right")) - 1
    log_survival = float(curve.log_survival[place]) if place >= 0 else 0.0
    greenwood = float(curve.greenwood[place]) if place >= 0 else 0.0
    times = np.array(table.times)
    left = int(table.at_risk()[times >= horizon].max(initial=0.0))
    if left == 0 and log_survival > -math.inf:
        short = sentence(
            "is followed up to {end:g} only, which does not reach {horizon:g}",
            end=times[-1],
            horizon=horizon,
        )
        return CurvePoint(log_survival, greenwood, 0, short, reached=False)
    problem: str = ""
    if log_survival == 0:
        problem = sentence(
            "has no events up to {horizon:g}, so that its spread is not known", horizon=horizon
        )
    elif log_survival == -math.inf:
        problem = sentence(
            "has nobody left at {horizon:g}, so that its spread is not known", horizon=horizon
        )
    return CurvePoint(log_survival, greenwood, left, problem)


def check_horizon(horizon: float) -> None:
    """Raise ValueError unless ``horizon`` is a positive, finite time."""
    if not 0 < horizon < math.inf:
        raise ValueError(f"horizon is {horizon}; it must be a positive time.")


def survival_interval(
    point: CurvePoint, ci_level: float = 0.95, scale: Scale = "log_log"
) -> Interval | None:
    """The interval of the share without an event at one time.

    With z the normal quantile, G Greenwood's sum and L = log S: exp(L exp(-+ z sqrt(G) / L)) on the
    log-log scale, which stays within 0 and 1; exp(L -+ z sqrt(G)), at most 1, on the log scale;
    S (1 -+ z sqrt(G)), cut at 0 and 1, on the plain one.

    Args:
        point: The curve at that time.
        ci_level: Coverage of the interval, between 0 and 1.
        scale: ``log_log`` unless another program must be matched.

    Returns:
        The interval; None where the curve has no variance there.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, section 1.4.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> point = curve_point(LifeTable((1.0, 2.0), (1, 1), (0, 2)), 2.0)
        >>> round(survival_interval(point).low, 4), round(survival_interval(point).high, 4)
        (0.0578, 0.8449)
    """
    quantile = normal_quantile(ci_level)
    if point.problem:
        return None
    half_width = quantile * math.sqrt(point.greenwood)
    log_survival = point.log_survival
    if scale == "plain":
        ends = tuple(point.survival * (1 + side * half_width) for side in (-1, 1))
    elif scale == "log":
        ends = tuple(math.exp(log_survival + side * half_width) for side in (-1, 1))
    else:
        stretch = math.exp(min(half_width / -log_survival, 700.0))
        ends = math.exp(log_survival * stretch), math.exp(log_survival / stretch)
    return Interval(max(ends[0], 0.0), min(ends[1], 1.0))


def survival_quantile(table: LifeTable, share: float) -> float | None:
    """The time by which a share of the units has had an event; the median for 0.5.

    It is the first time at which S(t) <= 1 - share; where the curve stays exactly there until the
    next event, the middle of that stretch.

    Args:
        table: The variant's life table.
        share: The share of units with an event, strictly between 0 and 1.

    Returns:
        The time, in the table's unit; None where the curve does not fall that far.

    Raises:
        ValueError: ``share`` is not strictly between 0 and 1.

    Source:
        Brookmeyer & Crowley (1982), Biometrics 38, 29-41.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> survival_quantile(LifeTable((1.0, 2.0, 5.0), (1, 1, 1), (0, 0, 0)), 0.5)
        2.0
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must lie strictly between 0 and 1.")
    curve = kaplan_meier_curve(table)
    slack = 1e-9  # a product of fractions that should give 1 - share may miss it by rounding
    fallen = np.flatnonzero(curve.survival <= 1 - share + slack)
    if not fallen.size:
        return None
    first = int(fallen[0])
    time = float(curve.times[first])
    if abs(float(curve.survival[first]) - (1 - share)) <= slack and first + 1 < curve.times.size:
        return (time + float(curve.times[first + 1])) / 2
    return time
