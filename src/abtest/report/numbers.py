"""How numbers are written. Every renderer shows these strings and formats nothing itself."""

from __future__ import annotations

import math
from collections.abc import Callable

ABSENT = "\N{EM DASH}"

# Metrics whose value is a share of units, shown as a percentage.
RATE_KINDS = frozenset({"proportion", "conversion", "repeat_purchase", "retention", "churn"})

_Format = Callable[[float], str]


def count(value: int | None) -> str:
    """A number of units, with thousands separators.

    Examples:
        >>> count(90189)
        '90,189'
    """
    return ABSENT if value is None else f"{value:,}"


def level(value: float) -> str:
    """The coverage of an interval.

    Examples:
        >>> level(0.95), level(0.975)
        ('95%', '97.5%')
    """
    return f"{100 * value:g}%"


def pvalue(value: float | None) -> str:
    """A p-value with four decimals.

    Examples:
        >>> pvalue(0.0016), pvalue(2e-9)
        ('0.0016', '<0.0001')
    """
    if value is None:
        return ABSENT
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def probability(value: float | None) -> str:
    """A probability as a percentage that never claims to be certain.

    Examples:
        >>> probability(0.9123), probability(0.99999), probability(0.0)
        ('91.2%', '>99.9%', '<0.1%')
    """
    if value is None:
        return ABSENT
    if value > 0.999:
        return ">99.9%"
    return "<0.1%" if value < 0.001 else f"{100 * value:.1f}%"


def lift(value: float | None) -> str:
    """A relative difference as a signed percentage; see `lift_with_interval` for several at once.

    Examples:
        >>> lift(0.0321), lift(-0.5), lift(0.0)
        ('+3.21%', '-50.0%', '0.00%')
    """
    return lift_with_interval(value, None, None)[0]


def lift_with_interval(
    value: float | None, low: float | None, high: float | None
) -> tuple[str, str]:
    """A lift and its interval with the same decimals: two below 10%, one from there.

    Examples:
        >>> lift_with_interval(0.107, 0.021, None)
        ('+10.7%', 'from +2.1%, no upper bound')
    """
    places = 1 if _largest(value, low, high) >= 0.1 else 2
    return _with_interval(value, low, high, lambda x: f"{_signed(100 * x, places)}%")


def difference_with_interval(
    value: float | None, low: float | None, high: float | None, *, kind: str
) -> tuple[str, str]:
    """A difference and its interval: percentage points for rates, the metric's unit otherwise.

    The decimals follow from the interval's width, so that all three numbers line up and show what
    is known and no more.

    Examples:
        >>> difference_with_interval(-0.0082, -0.0133, -0.0031, kind="proportion")
        ('-0.82 pp', '-1.33 to -0.31 pp')
        >>> difference_with_interval(1234.5, 900.0, 1569.0, kind="sum")
        ('+1,234.50', '+900.00 to +1,569.00')
    """
    scale, unit = _unit(kind, " pp")
    if low is not None and high is not None:
        places = _decimals(scale * (high - low) / 2, significant=2)
    else:
        places = _decimals(scale * _largest(value, low, high), significant=3)
    return _with_interval(value, low, high, lambda x: _signed(scale * x, places), unit)


def value_with_interval(
    value: float | None, low: float | None, high: float | None, *, kind: str
) -> tuple[str, str]:
    """A variant's value and its interval: a percentage for rates, a plain number otherwise.

    Examples:
        >>> value_with_interval(0.4482, 0.4436, 0.4528, kind="proportion")
        ('44.82%', '44.36% to 45.28%')
        >>> value_with_interval(1234.5, None, None, kind="sum")
        ('1,234.50', '—')
    """
    scale, unit = _unit(kind, "%")
    size = 0.0 if value is None else scale * abs(value)
    places = _decimals(size, significant=2 if unit else 4)
    return _with_interval(value, low, high, lambda x: f"{_plain(scale * x, places)}{unit}")


def compared_values(
    value_control: float | None, value: float | None, *, kind: str
) -> tuple[str, str]:
    """Control's value and the variant's, with the same decimals.

    Examples:
        >>> compared_values(0.6528, 1.4228, kind="mean")
        ('0.6528', '1.4228')
    """
    scale, unit = _unit(kind, "%")
    sizes = [scale * abs(one) for one in (value_control, value) if one]
    places = _decimals(min(sizes, default=0.0), significant=2 if unit else 4)

    def write(one: float | None) -> str:
        return ABSENT if one is None else f"{_plain(scale * one, places)}{unit}"

    return write(value_control), write(value)


def expected_loss(value: float | None, *, kind: str, model: str | None) -> str:
    """What shipping is expected to cost where control is better.

    Relative to control, except under a model on the difference, which is in the metric's unit.

    Examples:
        >>> expected_loss(0.0123, kind="mean", model="normal_log_lift")
        '1.23%'
        >>> expected_loss(0.5, kind="mean", model="normal_difference")
        '0.50'
    """
    if value is None:
        return ABSENT
    if model == "normal_difference":
        scale, unit = _unit(kind, " pp")
        return f"{_plain(scale * value, _decimals(scale * value, significant=2))}{unit}"
    return "<0.01%" if 0 < value < 0.0001 else f"{100 * value:.2f}%"


def money(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """An amount and its interval, without decimals from 1,000 on.

    Examples:
        >>> money(12300.4, -900.0, 25000.0)
        ('12,300', '-900 to 25,000')
    """
    places = 0 if _largest(value, low, high) >= 1000 else 2
    return _with_interval(value, low, high, lambda x: _plain(x, places))


def _unit(kind: str, name: str) -> tuple[float, str]:
    """By how much a number is multiplied, and the unit that follows it."""
    return (100.0, name) if kind in RATE_KINDS else (1.0, "")


def _with_interval(
    value: float | None, low: float | None, high: float | None, write: _Format, unit: str = ""
) -> tuple[str, str]:
    """The value and the interval as text; the unit follows once, after the last number."""
    text = ABSENT if value is None else f"{write(value)}{unit}"
    if low is not None and high is not None:
        return text, f"{write(low)} to {write(high)}{unit}"
    if low is not None:
        return text, f"from {write(low)}{unit}, no upper bound"
    if high is not None:
        return text, f"up to {write(high)}{unit}, no lower bound"
    return text, ABSENT


def _largest(*values: float | None) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


def _decimals(size: float, *, significant: int, least: int = 2, most: int = 6) -> int:
    """The decimals that show a number of this size with so many significant digits."""
    if size <= 0 or not math.isfinite(size):
        return least
    return min(most, max(least, significant - 1 - math.floor(math.log10(size))))


def _plain(value: float, places: int) -> str:
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-6:
        return f"{value:.3g}"
    return f"{value + 0.0:,.{places}f}"


def _signed(value: float, places: int) -> str:
    """With a sign, which an exact zero lacks: +0.00 is a little more than nothing."""
    text = _plain(abs(value), places)
    if value == 0:
        return text
    return f"+{text}" if value > 0 else f"-{text}"
