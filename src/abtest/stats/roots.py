"""A root search that cannot leave its bracket."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = 200  # halving a bracket down to rounding takes about sixty


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """The point of a bracket where a falling function crosses zero, to about 1e-15.

    Inverse quadratic interpolation where it is safe and bisection elsewhere. Infinite values at the
    ends do no harm.

    Args:
        function: A falling function. Where it is not above zero at the lower end, that end is
            returned; where it is not below zero at the upper end, the upper one.
        low: The lower end of the bracket, finite.
        high: The upper end, finite.

    Returns:
        The root, or the nearer end where the bracket holds none.

    Source:
        Chandrupatla (1997), Advances in Engineering Software 28, 145-149.

    Example:
        >>> round(find_root(lambda x: 2 - x * x, 0.0, 2.0), 12)
        1.414213562373
    """
    f_low, f_high = function(low), function(high)
    if f_low <= 0 or f_high >= 0:
        return low if f_low <= 0 else high
    # x1 is the newest point, x2 the other end of the bracket, x3 the point that x1 replaced.
    x1, f1, x2, f2 = low, f_low, high, f_high
    step = 0.5
    for _ in range(_STEPS):
        x = x1 + step * (x2 - x1)
        f = function(x)
        if (f > 0) == (f1 > 0):
            x3, f3 = x1, f1
        else:
            x3, f3, x2, f2 = x2, f2, x1, f1
        x1, f1 = x, f
        least = (1e-16 + 4e-16 * abs(x1)) / abs(x2 - x1)
        if f == 0 or least > 0.5:
            break
        step = min(max(_interpolate((x1, x2, x3), (f1, f2, f3)), least), 1 - least)
    return x1 if abs(f1) < abs(f2) else x2


def _interpolate(x: tuple[float, float, float], f: tuple[float, float, float]) -> float:
    """Where to look next, as a share of the way from x1 to x2; 0.5 bisects."""
    (x1, x2, x3), (f1, f2, f3) = x, f
    if f3 in (f1, f2):
        return 0.5
    xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
    if not (phi * phi < xi and (1 - phi) ** 2 < 1 - xi):
        return 0.5
    slope = (x3 - x1) / (x2 - x1)
    return f1 / (f2 - f1) * f3 / (f2 - f3) + slope * f1 / (f3 - f1) * f2 / (f3 - f2)
