"""Who was counted: from the units that were assigned to those with a value, by variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import numbers
from abtest.report.languages import _, date, listed, native
from abtest.report.text import clean
from abtest.report.units import metrics_of

if TYPE_CHECKING:
    from abtest.analysis.result import Result

_Steps = dict[tuple[str | None, str], dict[str, int]]


@dataclass(frozen=True, slots=True)
class CountsStep:
    """One bar of the waterfall: all units, those that are lost on the way, or those left over.

    Attributes:
        label: What the bar stands for.
        start: Where it begins, in units.
        end: Where it ends, in units.
        is_loss: Whether these units are not counted.
    """

    label: str
    start: int
    end: int
    is_loss: bool

    @property
    def text(self) -> str:
        """How many units, with a minus sign where they are lost."""
        told = numbers.count(self.end - self.start)
        return native("-") + told if self.is_loss else told


@dataclass(frozen=True, slots=True)
class CountsRow:
    """How many units of one variant stand where.

    Attributes:
        variant: The variant.
        assigned: All its units.
        ineligible: Those that cannot have the outcome.
        immature: Those whose window is not over. A dash where units count before that.
        mature: Those whose window is over; a dash likewise.
        missing: Mature units without a value; None where every unit has one.
        n: Those that the result counts.
        steps: The same as bars; none where it is not known who was assigned.
    """

    variant: str
    assigned: str
    ineligible: str
    immature: str
    mature: str
    missing: str | None
    n: str
    steps: tuple[CountsStep, ...] = ()

    @property
    def sentence(self) -> str:
        """The row in words."""
        told = [_("{n} mature", n=self.mature), _("{n} immature", n=self.immature)]
        if self.mature == numbers.ABSENT:
            told = [_("{n} counted, window over or not", n=self.n)]
        told.append(_("{n} ineligible", n=self.ineligible))
        if self.missing:
            told.append(_("{n} without a value", n=self.missing))
        return _("; ").join([listed(told), _("{n} assigned", n=self.assigned)])


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of all variants, for the metrics that share them.

    Attributes:
        metrics: The metrics.
        readable: From when every unit counts, such as ``on 2026-04-19``; None without a window.
        rows: One for each variant.
    """

    metrics: tuple[str, ...]
    readable: str | None
    rows: tuple[CountsRow, ...]

    @property
    def has_losses(self) -> bool:
        """Whether any unit that was assigned is not counted, so that there is a way to draw."""
        return any(step.is_loss for row in self.rows for step in row.steps)


def build_counts(result: Result) -> tuple[Counts, ...]:
    """The counts of every metric; metrics with the same counts and date are told together."""
    steps: _Steps = {}
    for step in result.waterfall:
        steps.setdefault((step.metric, step.step), {})[step.variant] = step.n
    variants = tuple(dict.fromkeys(step.variant for step in result.waterfall))
    dates = {record.metric: record.readable_on for record in result.results}
    known = metrics_of(result.spec)
    found: dict[tuple[str | None, tuple[CountsRow, ...]], list[str]] = {}
    for metric in dict.fromkeys(step.metric for step in result.waterfall):
        if metric is None:
            continue
        waits = known.get(metric, {}).get("maturity") not in ("censored", "all")
        rows = tuple(_row(steps, metric, variant, waits=waits) for variant in variants)
        readable = _readable(dates.get(metric), result.as_of)
        found.setdefault((readable, rows), []).append(clean(metric))
    return tuple(Counts(tuple(names), readable, rows) for (readable, rows), names in found.items())


def _row(steps: _Steps, metric: str, variant: str, *, waits: bool) -> CountsRow:
    assigned = steps.get((None, "assigned"), {}).get(variant)
    eligible, mature, n = (
        steps.get((metric, step), {}).get(variant) for step in ("eligible", "mature", "observed")
    )
    missing = _lost(mature, n)
    return CountsRow(
        variant=clean(variant),
        assigned=numbers.count(assigned),
        ineligible=numbers.count(_lost(assigned, eligible)),
        immature=numbers.count(_lost(eligible, mature) if waits else None),
        mature=numbers.count(mature if waits else None),
        missing=numbers.count(missing) if missing else None,
        n=numbers.count(n),
        steps=_bars(assigned, eligible, mature if waits else eligible, n),
    )


def _bars(
    assigned: int | None, eligible: int | None, mature: int | None, n: int | None
) -> tuple[CountsStep, ...]:
    """From all units down to those that count; a step at which nobody is lost is left out."""
    if assigned is None or eligible is None or mature is None or n is None:
        return ()
    losses = (
        CountsStep(_("ineligible"), eligible, assigned, is_loss=True),
        CountsStep(_("immature"), mature, eligible, is_loss=True),
        CountsStep(_("without a value"), n, mature, is_loss=True),
    )
    lost = [step for step in losses if step.end > step.start]
    first = CountsStep(_("assigned"), 0, assigned, is_loss=False)
    return (first, *lost, CountsStep(_("counted"), 0, n, is_loss=False))


def _lost(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else before - after


def _readable(day: str | None, as_of: str | None) -> str | None:
    """``on`` a date that is still to come, ``since`` one that the data have reached."""
    if day is None:
        return None
    reached = as_of is not None and day <= as_of[: len(day)]
    if reached:
        return _("since {day}", day=date(day))
    return _("on {day}", day=date(day))
