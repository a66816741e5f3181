"""The looks at a running experiment: the effect as it grew, and the boundary it had to cross."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, date, native
from abtest.report.numbers import ABSENT
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Result

_LISTED = 12


@dataclass(frozen=True, slots=True)
class Look:
    """One look.

    Attributes:
        when: Its date.
        size: The lift, or the difference where there is no lift with an interval.
        low: The lower end of its sequential interval; None where it has none.
        high: The upper end.
        statistic: The test's statistic; None where there is none.
        boundary: How large the statistic had to be; None where the plan has no such boundary.
        crossed: Whether the boundary was crossed.
        cells: The look as text: date, units, information, size, interval, statistic, boundary.
    """

    when: str
    size: float | None
    low: float | None
    high: float | None
    statistic: float | None
    boundary: float | None
    crossed: bool
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks at one metric and variant, the oldest first.

    Attributes:
        metric: The metric.
        name: The variant.
        is_lift: Whether sizes are lifts; else they are differences.
        looks: All looks.
    """

    metric: str
    name: str
    is_lift: bool
    looks: tuple[Look, ...]

    @property
    def listed(self) -> tuple[Look, ...]:
        """The latest looks, as many as a table should have."""
        return self.looks[-_LISTED:]

    @property
    def has_boundary(self) -> bool:
        """Whether any look has a statistic and a boundary to hold it against."""
        return any(one.statistic is not None and one.boundary is not None for one in self.looks)


def build_looks(result: Result) -> tuple[Looks, ...]:
    """The looks of each metric and variant that has some with an effect."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for look in result.looks:
        key = str(look.get("metric")), str(look.get("variant"))
        found.setdefault(key, []).append(look)
    made = [_looks(*key, looks) for key, looks in found.items()]
    return tuple(looks for looks in made if any(one.size is not None for one in looks.looks))


def _looks(metric: str, variant: str, found: Sequence[dict[str, Any]]) -> Looks:
    lifts = [look.get("lift_ci_low") is not None for look in found]
    is_lift = any(lifts)
    return Looks(
        metric=clean(metric),
        name=clean(variant),
        is_lift=is_lift,
        looks=tuple(_look(look, is_lift=is_lift) for look in found),
    )


def _look(look: dict[str, Any], *, is_lift: bool) -> Look:
    names = (
        ("lift", "lift_ci_low", "lift_ci_high") if is_lift else ("difference", "ci_low", "ci_high")
    )
    size, low, high = (look.get(name) for name in names)
    if is_lift:
        told, interval = numbers.lift_with_interval(size, low, high)
    else:
        told, interval = _plain(size), _between(low, high)
    crossed = bool(look.get("crossed"))
    fraction = look.get("information_fraction")
    when = date(str(look.get("date") or look.get("as_of") or ABSENT))
    statistic, boundary = look.get("statistic"), look.get("boundary")
    cells = (
        when,
        _(
            "{before} -> {after}",
            before=numbers.count(look.get("n_control")),
            after=numbers.count(look.get("n")),
        ),
        ABSENT if fraction is None else native(f"{100 * fraction:.0f}%"),
        told,
        interval,
        ABSENT if statistic is None else native(f"{statistic:+.3f}"),
        _boundary(boundary, crossed=crossed),
    )
    return Look(when, size, low, high, statistic, boundary, crossed, cells)


def _boundary(boundary: float | None, *, crossed: bool) -> str:
    told = ABSENT if boundary is None else native(f"{boundary:.3f}")
    return _("{boundary}, crossed", boundary=told) if crossed else told


def _between(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ABSENT
    return _("{low} to {high}", low=_plain(low), high=_plain(high))


def _plain(value: float | None) -> str:
    return ABSENT if value is None else native(f"{value:+.4g}" if value else "0")
