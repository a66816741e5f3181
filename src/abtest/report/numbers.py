"""How numbers are written. Every renderer shows these strings and formats nothing itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from abtest.report.languages import _, native
from abtest.sentences import phrase
from abtest.stats.posterior import IN_UNITS

if TYPE_CHECKING:
    from abtest.report.units import Unit

ABSENT = "\N{EM DASH}"
FROM = phrase("from {low}, no upper bound")
UP_TO = phrase("up to {high}, no lower bound")

_Format = Callable[[float], str]


def count(value: int | None) -> str:
    """A number of units, with thousands separators.

    Examples:
        >>> count(90189)
        '90,189'
    """
    return ABSENT if value is None else native(f"{value:,}")


def level(value: float) -> str:
    """The coverage of an interval.

    Examples:
        >>> level(0.95), level(0.975)
        ('95%', '97.5%')
    """
    return native(f"{100 * value:g}%")


def pvalue(value: float | None) -> str:
    """A p-value with four decimals.

    Examples:
        >>> pvalue(0.0016), pvalue(2e-9)
        ('0.0016', '<0.0001')
    """
    if value is None:
        return ABSENT
    return _less("0.0001") if value < 0.0001 else native(f"{value:.4f}")


def probability(value: float | None) -> str:
    """A probability as a percentage that never claims to be certain.

    Examples:
        >>> probability(0.9123), probability(0.99999), probability(0.0)
        ('91.2%', '>99.9%', '<0.1%')
    """
    if value is None:
        return ABSENT
    if value > 0.999:
        return _(">{number}", number=native("99.9%"))
    return _less("0.1%") if value < 0.001 else native(f"{100 * value:.1f}%")


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
    return _with_interval(value, low, high, lambda x: _signed(100 * x, places, "%"))


def ratio_with_interval(
    lift: float | None, low: float | None, high: float | None
) -> tuple[str, str]:
    """A ratio such as a hazard ratio, and its interval, from the lift: the ratio less one.

    Examples:
        >>> ratio_with_interval(0.25, 0.02, 0.531)
        ('1.25', '1.02 to 1.53')
    """
    ratio, lower, upper = (None if one is None else 1 + one for one in (lift, low, high))
    smallest = min((one for one in (ratio, lower, upper) if one), default=1.0)
    places = _decimals(smallest, significant=2)
    return _with_interval(ratio, lower, upper, lambda x: _plain(x, places))


def share(value: float | None) -> str:
    """A share of units with one decimal.

    Examples:
        >>> share(0.4954), share(None)
        ('49.5%', '—')
    """
    return ABSENT if value is None else native(f"{100 * value:.1f}%")


def difference_with_interval(
    value: float | None, low: float | None, high: float | None, *, unit: Unit
) -> tuple[str, str]:
    """A difference and its interval: percentage points for shares, the metric's unit otherwise.

    The decimals follow from the interval's width, so that all three numbers line up and show what
    is known and no more.

    Examples:
        >>> from abtest.report.units import PLAIN, SHARE
        >>> difference_with_interval(-0.0082, -0.0133, -0.0031, unit=SHARE)
        ('-0.82 pp', '-1.33 to -0.31 pp')
        >>> difference_with_interval(1234.5, 900.0, 1569.0, unit=PLAIN)
        ('+1,234.50', '+900.00 to +1,569.00')
    """
    scale = unit.scale
    if low is not None and high is not None:
        places = _decimals(scale * (high - low) / 2, significant=2)
    else:
        places = _decimals(scale * _largest(value, low, high), significant=3)
    return _with_interval(
        value, low, high, lambda x: _signed(scale * x, places), _(unit.difference)
    )


def value_with_interval(
    value: float | None, low: float | None, high: float | None, *, unit: Unit
) -> tuple[str, str]:
    """A variant's value and its interval: a percentage for shares, a plain number otherwise.

    Examples:
        >>> from abtest.report.units import PLAIN, SHARE
        >>> value_with_interval(0.4482, 0.4436, 0.4528, unit=SHARE)
        ('44.82%', '44.36% to 45.28%')
        >>> value_with_interval(1234.5, None, None, unit=PLAIN)
        ('1,234.50', '—')
    """
    scale = unit.scale
    shown = 0.0 if value is None else scale * abs(value)
    places = _decimals(shown, significant=2 if unit.value else 4)
    return _with_interval(value, low, high, lambda x: _plain(scale * x, places, unit.value))


def compared_values(
    value_control: float | None, value: float | None, *, unit: Unit
) -> tuple[str, str]:
    """Control's value and the variant's, with the same decimals.

    Examples:
        >>> from abtest.report.units import PLAIN
        >>> compared_values(0.6528, 1.4228, unit=PLAIN)
        ('0.6528', '1.4228')
    """
    scale = unit.scale
    sizes = [scale * abs(one) for one in (value_control, value) if one]
    places = _decimals(min(sizes, default=0.0), significant=2 if unit.value else 4)

    def write(one: float | None) -> str:
        return ABSENT if one is None else _plain(scale * one, places, unit.value)

    return write(value_control), write(value)


def expected_loss(value: float | None, *, unit: Unit, model: str | None) -> str:
    """What shipping is expected to cost where control is better.

    Relative to control, except under a model on the difference, which is in the metric's unit.

    Examples:
        >>> from abtest.report.units import PLAIN
        >>> expected_loss(0.0123, unit=PLAIN, model="normal_log_lift")
        '1.23%'
        >>> expected_loss(0.5, unit=PLAIN, model="normal_difference")
        '0.50'
    """
    if value is None:
        return ABSENT
    if model in IN_UNITS:
        return size(value, unit=unit)
    return _less("0.01%") if 0 < value < 0.0001 else native(f"{100 * value:.2f}%")


def size(value: float, *, unit: Unit) -> str:
    """The size of a difference or of its error, without a sign.

    Examples:
        >>> from abtest.report.units import SHARE
        >>> size(0.0037, unit=SHARE)
        '0.37 pp'
    """
    scaled = unit.scale * value
    return _plain(scaled, _decimals(scaled, significant=2)) + _(unit.difference)


def money(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """An amount and its interval, without decimals from 1,000 on.

    Examples:
        >>> money(12300.4, -900.0, 25000.0)
        ('12,300', '-900 to 25,000')
    """
    places = 0 if _largest(value, low, high) >= 1000 else 2
    return _with_interval(value, low, high, lambda x: _plain(x, places))


def plain(value: float) -> str:
    """A plain number with four digits, such as the width of a prior.

    Examples:
        >>> plain(0.05), plain(10.0)
        ('0.0500', '10.00')
    """
    return _plain(value, _decimals(abs(value), significant=3))


def percent_with_interval(
    value: float | None, low: float | None, high: float | None
) -> tuple[str, str]:
    """A share of money or of customers, and its interval; it may lie outside 0 to 100%.

    Examples:
        >>> percent_with_interval(0.5, -0.25, 1.2)
        ('50.0%', '-25.0% to 120.0%')
    """
    return _with_interval(value, low, high, lambda x: _plain(100 * x, 1, "%"))


def signed_amount(
    value: float, low: float | None, high: float | None, *, digits: int = 4
) -> tuple[str, str]:
    """An amount per customer and its interval, with four digits so that it can be multiplied.

    Examples:
        >>> signed_amount(0.2079309, 0.0940559, 0.3218058)
        ('+0.2079', '+0.0941 to +0.3218')
    """
    places = _decimals(abs(value), significant=digits)
    return _with_interval(value, low, high, lambda x: _signed(x, places))


def _with_interval(
    value: float | None, low: float | None, high: float | None, write: _Format, unit: str = ""
) -> tuple[str, str]:
    """The value and the interval as text; the unit follows once, after the last number."""
    text = ABSENT if value is None else f"{write(value)}{unit}"
    if low is not None and high is not None:
        return text, _("{low} to {high}", low=write(low), high=f"{write(high)}{unit}")
    if low is not None:
        return text, _(FROM, low=f"{write(low)}{unit}")
    if high is not None:
        return text, _(UP_TO, high=f"{write(high)}{unit}")
    return text, ABSENT


def arrow(before: str, after: str) -> str:
    """Control's number and the variant's.

    Examples:
        >>> arrow("10%", "11%")
        '10% -> 11%'
    """
    return _("{control} -> {variant}", control=before, variant=after)


def is_open(interval: str) -> bool:
    """Whether an interval that was written here lacks a bound.

    Examples:
        >>> is_open("from +2.1%, no upper bound"), is_open("+2.1% to +3.0%")
        (True, False)
    """
    shapes = (_(FROM, low="\0").split("\0"), _(UP_TO, high="\0").split("\0"))
    return any(interval.startswith(head) and interval.endswith(tail) for head, tail in shapes)


def _less(number: str) -> str:
    return _("<{number}", number=native(number))


def _largest(*values: float | None) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


def _decimals(number: float, *, significant: int, least: int = 2, most: int = 6) -> int:
    """The decimals that show a number of this size with so many significant digits."""
    if number <= 0 or not math.isfinite(number):
        return least
    return min(most, max(least, significant - 1 - math.floor(math.log10(number))))


def _plain(value: float, places: int, unit: str = "") -> str:
    return native(_digits(value, places) + unit)


def _digits(value: float, places: int) -> str:
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-6:
        return f"{value:.3g}"
    return f"{value + 0.0:,.{places}f}"


def _signed(value: float, places: int, unit: str = "") -> str:
    """With a sign, which an exact zero lacks: +0.00 is a little more than nothing."""
    sign = "" if value == 0 else "+" if value > 0 else "-"
    return native(f"{sign}{_digits(abs(value), places)}{unit}")
