"""What every method of comparison returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval. An end may be infinite: that side cannot be bounded."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Estimate:
    """One variant's value with its interval.

    Attributes:
        value: The estimate, in the metric's unit; None where there is none.
        ci: Its interval at the level that was asked for; None where there is none.
        method: How the interval was made, such as ``wilson``.
    """

    value: float | None
    ci: Interval | None
    method: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control on one metric, by one pivot.

    What has no number is None, and ``notes`` says why; nothing is ever NaN.

    Attributes:
        value: The treatment's value.
        value_control: The control's value.
        difference: Treatment minus control.
        difference_ci: Its interval; None where there is none.
        lift: Relative difference (0.05 is +5%); None where control is zero or negative.
        lift_ci: Its interval; None where the lift cannot be bounded at all.
        se: Standard error of the difference.
        statistic: The test statistic at no effect.
        df: Degrees of freedom; None for a normal reference.
        pvalue: Two-sided p-value of no effect.
        ci_level: Coverage of the intervals, such as 0.95.
        method: The method's kind.
        coherent: Whether p-value and intervals invert one statistic.
        notes: Why something is missing or needs care, for people to read.
    """

    value: float | None
    value_control: float | None
    difference: float | None
    difference_ci: Interval | None
    lift: float | None
    lift_ci: Interval | None
    se: float | None
    statistic: float | None
    df: float | None
    pvalue: float | None
    ci_level: float
    method: str
    coherent: bool = True
    notes: tuple[str, ...] = ()
