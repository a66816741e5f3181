"""Survival curves turned around: the share of units with the event, as it grows with time."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers, words
from abtest.report.groups import metric_name
from abtest.report.languages import _, native
from abtest.report.text import clean
from abtest.report.units import metrics_of, time_unit

if TYPE_CHECKING:
    from abtest.analysis.result import Result

_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One variant's curve: the share steps up at each time, and is known up to a last one.

    Attributes:
        name: The variant.
        is_control: Whether the others are compared with it.
        times: When the share rises.
        shares: The share from each of these times on.
        followed_to: The last time at which somebody was followed.
        band: The share's interval from each of these times on; None where there is none.
    """

    name: str
    is_control: bool
    times: tuple[float, ...]
    shares: tuple[float, ...]
    followed_to: float
    band: tuple[tuple[float, float] | None, ...] = ()

    def share_at(self, time: float) -> float | None:
        """The share with the event by a time; None where nobody was followed so long."""
        if time > self.followed_to:
            return None
        place = bisect_right(self.times, time)
        return self.shares[place - 1] if place else 0.0

    def band_at(self, time: float) -> tuple[float, float] | None:
        """The interval of the share with the event by a time; None where there is none."""
        place = bisect_right(self.times, time)
        known = 0 < place <= len(self.band) and time <= self.followed_to
        return self.band[place - 1] if known else None


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one metric.

    Attributes:
        metric: The metric.
        about: Its title or kind.
        time: What time is counted in, such as ``day``.
        lines: One curve for each variant.
        moments: A few times, as text.
        rows: Each variant's name, and its shares at those times.
        bands: The intervals of those shares, in the same order.
        level: Coverage of the intervals.
    """

    metric: str
    about: str
    time: str
    lines: tuple[CurveLine, ...]
    moments: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    bands: tuple[tuple[str, ...], ...] = ()
    level: str = ""


def build_curves(result: Result) -> tuple[Curves, ...]:
    """The curves of each metric that has some; without variants in which nobody was followed."""
    controls = {record.control for record in result.results}
    lines: dict[str, list[CurveLine]] = {}
    for curve in result.curves:
        if not curve["followed_to"]:
            continue
        line = CurveLine(
            name=clean(curve["variant"]),
            is_control=curve["variant"] in controls,
            times=tuple(curve["time"]),
            shares=tuple(curve["share"]),
            band=_band(curve),
            followed_to=curve["followed_to"],
        )
        lines.setdefault(str(curve["metric"]), []).append(line)
    return tuple(_curves(result, metric, tuple(found)) for metric, found in lines.items())


def _band(curve: dict[str, Any]) -> tuple[tuple[float, float] | None, ...]:
    ends = zip(curve.get("low", ()), curve.get("high", ()), strict=True)
    return tuple(None if low is None or high is None else (low, high) for low, high in ends)


def _curves(result: Result, metric: str, lines: tuple[CurveLine, ...]) -> Curves:
    known = metrics_of(result.spec).get(metric, {})
    moments = _moments(max(line.followed_to for line in lines))
    return Curves(
        metric=clean(metric),
        about=metric_name(metric, result.spec, words.readable(str(known.get("kind", "")))),
        time=time_unit(known),
        lines=lines,
        moments=tuple(native(f"{time:g}") for time in moments),
        rows=tuple(
            (line.name, tuple(numbers.share(line.share_at(time)) for time in moments))
            for line in lines
        ),
        bands=tuple(tuple(_between(line.band_at(time)) for time in moments) for line in lines),
        level=_level(result, metric),
    )


def _between(band: tuple[float, float] | None) -> str:
    return (
        numbers.ABSENT
        if band is None
        else _("{low} to {high}", low=numbers.share(band[0]), high=numbers.share(band[1]))
    )


def _level(result: Result, metric: str) -> str:
    levels = (record.ci_level for record in result.results if record.metric == metric)
    return numbers.level(next(levels, 0.95))


def _moments(end: float) -> tuple[float, ...]:
    """A few times up to the end, whole ones where there is room for them."""
    steps = [end * place / _COLUMNS for place in range(1, _COLUMNS + 1)]
    steps = [step for step in steps if math.isfinite(step)]  # a fifth of 1e308 is; four are not
    return tuple(steps) if end < _COLUMNS else tuple(dict.fromkeys(map(math.floor, steps)))
