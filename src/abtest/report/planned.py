"""What was planned against what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, date, named, tell
from abtest.report.numbers import ABSENT
from abtest.report.units import metrics_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.result import Record, Result


@dataclass(frozen=True, slots=True)
class Planned:
    """One thing that was planned, and what came of it; a dash where one of them is not known.

    Attributes:
        what: What was planned.
        planned: How it was planned.
        actual: How it came.
        is_effect: Whether it is the smallest lift to find, against the interval's width.
    """

    what: str
    planned: str
    actual: str
    is_effect: bool = False


def build_planned(result: Result) -> tuple[Planned, ...]:
    """The plan of the spec and of ``abtest plan`` against the result.

    Nothing where the spec plans no more than what the data had to be like anyway.
    """
    rows = [*_sizes(result), *_effects(result), *_dates(result)]
    return (*_shares(result), *rows) if rows else ()


def _shares(result: Result) -> Iterator[Planned]:
    found = next((check for check in result.checks if check.key == "sample_ratio"), None)
    details = {} if found is None else found.details
    counts, shares = details.get("counts") or (), details.get("expected_shares") or ()
    total = sum(counts)
    if not total:
        return
    for variant, n, share in zip(details.get("variants") or (), counts, shares, strict=False):
        yield Planned(
            _("Share of {variant}", variant=named(variant)),
            numbers.share(share),
            numbers.share(n / total),
        )


def _sizes(result: Result) -> Iterator[Planned]:
    planned = _plan(result).get("units")
    assigned = {step.variant: step.n for step in result.waterfall if step.metric is None}
    for variant, n in planned.items() if isinstance(planned, dict) else ():
        actual = numbers.count(assigned.get(variant))
        yield Planned(_("Units in {variant}", variant=named(variant)), numbers.count(n), actual)


def _effects(result: Result) -> Iterator[Planned]:
    """For each metric: its baseline, and how small a lift was meant to be found."""
    metrics = metrics_of(result.spec)
    plans = {one.get("metric"): one for one in _plan(result).get("metrics") or ()}
    told: set[str] = set()
    for record in result.results:
        if record.control is None or record.segment is not None:
            continue
        plan = plans.get(record.metric, {})
        if plan.get("baseline") is not None and record.metric not in told:
            told.add(record.metric)
            unit = unit_of(record, result.spec)
            yield Planned(
                _("{metric} in control", metric=named(record.metric)),
                numbers.value_with_interval(plan["baseline"], None, None, unit=unit)[0],
                numbers.value_with_interval(record.value_control, None, None, unit=unit)[0],
            )
        mde = metrics.get(record.metric, {}).get("mde")
        relative = mde.get("relative") if isinstance(mde, dict) else plan.get("mde")
        if relative is not None:
            yield _effect(record, relative)


def _effect(record: Record, relative: float) -> Planned:
    what = _(
        "{metric}, {variant}: smallest lift to find",
        metric=named(record.metric),
        variant=named(record.variant),
    )
    low, high = record.lift_ci_low, record.lift_ci_high
    if low is None or high is None:
        return Planned(what, numbers.lift(abs(relative)), ABSENT, is_effect=True)
    told = _("interval of {half} to either side", half=numbers.share((high - low) / 2))
    return Planned(what, numbers.lift(abs(relative)), told, is_effect=True)


def _dates(result: Result) -> Iterator[Planned]:
    schedule = result.spec.get("schedule")
    if isinstance(schedule, dict) and schedule.get("start"):
        found = next((check for check in result.checks if check.key == "schedule"), None)
        actual = _("on schedule") if found is None else tell(found.message)
        yield Planned(_("Enrolment"), _enrolment(schedule), actual)
    primary = [record for record in result.results if record.role == "primary"]
    dates = [record.readable_on for record in primary if record.readable_on]
    planned = _plan(result).get("read_on") or (max(dates) if dates else None)
    if planned is not None:
        what = _("Every customer counts on the primary metric from")
        data = _("data up to {day}", day=date(result.as_of)) if result.as_of else ABSENT
        yield Planned(what, date(str(planned)), data)


def _enrolment(schedule: dict[str, Any]) -> str:
    start, until = date(str(schedule["start"])), schedule.get("enrol_until")
    return _("{start} to {end}", start=start, end=date(str(until))) if until else start


def _plan(result: Result) -> dict[str, Any]:
    return result.plan or {}
