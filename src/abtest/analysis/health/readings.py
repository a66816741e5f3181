"""Checks on whether the data can answer at all: enough units, events in the windows, real times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abtest.analysis.result import Check
from abtest.metrics.base import EventMetric
from abtest.metrics.repeat_purchase import RepeatPurchaseMetric
from abtest.metrics.survey import SurveyMetric
from abtest.sentences import joined, plural, sentence
from abtest.stats.summaries import Clusters, PairMoments, Proportion, ValueCounts
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.analysis.event_rows import EventRows
    from abtest.analysis.netting import TakenOff
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import MetricCounts, Summaries
    from abtest.spec import Spec

# Below this many units in a variant no interval is worth a decision; `decide` uses it too.
FEW_UNITS = 20
FEW_ELIGIBLE = 0.1
LOOKALIKE_FAIL = 0.01


def off_schedule(population: Population) -> Check | None:
    """Units that were assigned when the spec says that nobody is."""
    n, units = population.off_schedule, population.units
    if n == 0:
        return None
    return Check(
        key="schedule",
        status="warn",
        message=sentence(
            "{n:,} of {total:,} units were assigned outside the schedule.", n=n, total=units
        ),
        hint=sentence(
            "Is schedule.start or enrol_until wrong, or is this another campaign's file?"
        ),
        details={"off_schedule": n, "units": units},
    )


def averaged_rows(population: Population) -> Check | None:
    """Rows of which several make one unit, as the spec says."""
    n, units = population.averaged_rows, population.units
    if n == 0:
        return None
    return Check(
        key="averaged_rows",
        status="pass",
        message=sentence(
            "{n:,} rows are averaged into one value for each of {units:,} units.", n=n, units=units
        ),
        details={"rows": n, "units": units},
    )


def few_units(spec: Spec, population: Population, summaries: Summaries) -> Check | None:
    """Primary metrics that hardly anybody can be read on."""
    parts, details = [], {}
    for metric in spec.metrics:
        counts = [summaries[metric.key, variant.key] for variant in spec.variants or ()]
        seen = sum(count.n for count in counts)
        if metric.role != "primary" or seen == 0:
            continue
        eligible = sum(count.immature + count.missing + count.n for count in counts)
        assigned = sum(population.assigned.values())
        if eligible < FEW_ELIGIBLE * assigned and not population.aggregated:
            parts.append(
                sentence(
                    "only {n:,} of {total:,} units ({share:.1%}) are eligible for {metric}",
                    n=eligible,
                    total=assigned,
                    share=eligible / assigned,
                    metric=metric.key,
                )
            )
        if min(count.n for count in counts) < FEW_UNITS:
            smallest = min(count.n for count in counts)
            parts.append(
                plural(
                    "a variant has only {n:,} unit to read {metric} on",
                    "a variant has only {n:,} units to read {metric} on",
                    smallest,
                    metric=metric.key,
                )
            )
        details[metric.key] = {"eligible": eligible, "assigned": assigned, "observed": seen}
    if not parts:
        return None
    return Check(
        key="few_units",
        status="warn",
        message=sentence("{told:start}.", told=joined("; ", parts)),
        hint=_hint_on_few(spec),
        details=details,
    )


def _hint_on_few(spec: Spec) -> str:
    if any(isinstance(m, RepeatPurchaseMetric) and m.role == "primary" for m in spec.metrics):
        return sentence(
            "repeat_purchase needs orders from before the assignment; are they in the file?"
        )
    return sentence("Wait for more units, or for their windows to end.")


def empty_metrics(spec: Spec, summaries: Summaries) -> Check | None:
    """Metrics on events of which no unit of any variant has one in its window."""
    empty = [
        metric.key
        for metric in spec.metrics
        if isinstance(metric, EventMetric)
        and any(summaries[metric.key, variant.key].n for variant in spec.variants or ())
        and not any(_happens(summaries[metric.key, v.key], metric) for v in spec.variants or ())
    ]
    if not empty:
        return None
    return Check(
        key="empty_metrics",
        status="warn",
        message=sentence(
            "No unit has an event in the window of {metrics}.", metrics=joined(", ", empty)
        ),
        hint=sentence("Are the events of the right time, and the windows of the right length?"),
        details={"metrics": empty},
    )


def _happens(counts: MetricCounts, metric: EventMetric) -> bool:
    """Whether any unit did what the metric counts; not doing it is what churn counts."""
    summary = counts.summary
    if isinstance(summary, Proportion):
        did_not = summary.n if metric.kind in ("churn", "inactivity") else 0
        return summary.successes != did_not
    if isinstance(summary, LifeTable):
        return any(summary.events)
    if isinstance(summary, Clusters):
        did_not = summary.n if metric.kind in ("churn", "inactivity") else 0
        return sum(summary.y) != did_not
    if isinstance(summary, ValueCounts):
        return bool(np.any(summary.values))
    return isinstance(summary, PairMoments) or summary.mean != 0 or summary.m2 != 0


def lookalike_ids(events: Sequence[EventRows]) -> Check | None:
    """Events whose units would match but for blanks, case or leading zeros."""
    found = [stream for stream in events if stream.lookalikes]
    if not found:
        return None
    worst = max(stream.lookalikes / (stream.lookalikes + stream.matched) for stream in found)
    parts = [
        plural("{n:,} row of {table}", "{n:,} rows of {table}", one.lookalikes, table=one.stream)
        for one in found
    ]
    return Check(
        key="lookalike_ids",
        status="fail" if worst > LOOKALIKE_FAIL else "warn",
        message=sentence(
            "{rows} would match a unit but for blanks, case or leading zeros in their ids; "
            "they are not counted.",
            rows=joined(" and ", parts),
        ),
        hint=sentence("Write ids in one form in all files, as text."),
        details={stream.stream: stream.lookalikes for stream in found},
    )


def dates_without_times(spec: Spec, events: Sequence[EventRows]) -> Check | None:
    """Streams of bare dates, where an order on the day of assignment counts as before it."""
    timed = {
        metric.events
        for metric in spec.metrics
        if isinstance(metric, EventMetric)
        and metric.anchor == "assignment"
        and not metric.window.calendar
    }
    found = [stream for stream in events if stream.without_times and stream.stream in timed]
    if not found:
        return None
    parts = [
        plural(
            "{n:,} row of {table} has a date but no time",
            "{n:,} rows of {table} have a date but no time",
            stream.without_times,
            table=stream.stream,
        )
        for stream in found
    ]
    return Check(
        key="dates_without_times",
        status="warn",
        message=sentence(
            "{rows}, on a unit's day of assignment, and so counts as before it.",
            rows=joined(" and ", parts),
        ),
        hint=sentence("Use windows with `calendar: true`, or export events with their times."),
        details={stream.stream: stream.without_times for stream in found},
    )


def skipped_lines(bad_lines: Mapping[str, int]) -> Check | None:
    """Broken lines of CSV files that were skipped on request."""
    if not bad_lines:
        return None
    parts = [sentence("{n:,} of {table}", n=n, table=name) for name, n in bad_lines.items()]
    return Check(
        key="bad_lines",
        status="warn",
        message=sentence("Broken lines were skipped: {parts}.", parts=joined(", ", parts)),
        hint=sentence(
            "Without --on-bad-lines skip the first one is named. Correct the file if you can."
        ),
        details=dict(bad_lines),
    )


def rows_left_out(left_out: Mapping[str, Mapping[str, int]]) -> Check | None:
    """Rows that keep, exclude, renewals and repeated_ids leave out, by table and rule."""
    parts = [
        sentence("{n:,} of {table} by {rule}", n=n, table=table, rule=rule)
        for table, rules in left_out.items()
        for rule, n in rules.items()
    ]
    if not parts:
        return None
    return Check(
        key="rows_left_out",
        status="pass",
        message=sentence("Rows that the spec leaves out: {parts}.", parts=joined(", ", parts)),
        details={table: dict(rules) for table, rules in left_out.items() if rules},
    )


def before_assignment(events: Sequence[EventRows]) -> Check | None:
    """Events from before their unit's assignment; a stream that has no others is suspicious."""
    found = [rows for rows in events if rows.before]
    if not found:
        return None
    parts = [
        sentence(
            "{n:,} of {total:,} rows of {table}",
            n=rows.before,
            total=rows.matched,
            table=rows.stream,
        )
        for rows in found
    ]
    only = [rows.stream for rows in found if rows.before == rows.matched]
    return Check(
        key="before_assignment",
        status="warn" if only else "pass",
        message=sentence(
            "{rows} are from before their unit's assignment.", rows=joined(" and ", parts)
        ),
        hint=sentence(
            "Nothing of {tables} comes after it: is the time of assignment, or of the "
            "events, the right column, in the right zone, and of the Gregorian calendar?",
            tables=joined(", ", only),
        )
        if only
        else None,
        details={rows.stream: rows.before for rows in found},
    )


def negative_values(spec: Spec, events: Sequence[EventRows]) -> Check | None:
    """Amounts below 0, which lower sums; a survey's answers are looked at elsewhere."""
    surveys = {metric.events for metric in spec.metrics if isinstance(metric, SurveyMetric)}
    found = [rows for rows in events if rows.negative and rows.stream not in surveys]
    if not found:
        return None
    parts = [
        plural(
            "{n:,} row of {table} has a negative value",
            "{n:,} rows of {table} have a negative value",
            rows.negative,
            table=rows.stream,
        )
        for rows in found
    ]
    value = spec.data.events[found[0].stream].value
    column = value.columns[0] if value is not None else ""
    return Check(
        key="negative_values",
        status="warn",
        message=sentence("{rows}. They count as events, and lower sums.", rows=joined("; ", parts)),
        hint=sentence(
            "Are they refunds? Leave them out with `{keep}`, or "
            "declare them as a stream of their own and take that off with `net`.",
            keep=f"keep: [{{column: {column}, above: 0}}]",
        ),
        details={rows.stream: rows.negative for rows in found},
    )


def taken_off(found: Sequence[TakenOff]) -> Check | None:
    """Refunds and cancellations: what they were taken off, and which of them were not."""
    if not found:
        return None
    suspicious = any(off.unmatched > off.rows and (off.rows == 0 or off.by_id) for off in found)
    negative = any(off.negative for off in found)
    warned = suspicious or any(off.unnamed or off.no_value for off in found)
    hint = sentence("Do both streams write their ids in one form?") if suspicious else None
    if negative:
        hint = sentence(
            "What is taken off has values above 0: write a refund of 10 as 10, not as -10."
        )
    return Check(
        key="taken_off",
        status="fail" if negative else "warn" if warned else "pass",
        message=joined(" ", [told for off in found for told in _off(off)]),
        hint=hint,
        details={off.stream: off.to_dict() for off in found},
    )


def _off(off: TakenOff) -> Iterator[str]:
    yield _taken(off)
    if off.unmatched and off.by_id:
        yield plural(
            "{n:,} row names no event of {table} that was read.",
            "{n:,} rows name no event of {table} that was read.",
            off.unmatched,
            table=off.stream,
        )
    elif off.unmatched:
        yield plural(
            "{n:,} row names no unit that is analysed.",
            "{n:,} rows name no unit that is analysed.",
            off.unmatched,
        )
    if off.unnamed:
        yield plural(
            "{n:,} row has no {what} or no time, and nothing is taken off for that.",
            "{n:,} rows have no {what} or no time, and nothing is taken off for that.",
            off.unnamed,
            what=sentence("id") if off.by_id else sentence("unit"),
        )
    if off.late:
        yield plural(
            "{n:,} row at or after as_of was not read.",
            "{n:,} rows at or after as_of were not read.",
            off.late,
        )
    if off.no_value:
        yield plural(
            "{n:,} row has no value: what is left is not known, and counts as missing.",
            "{n:,} rows have no value: what is left is not known, and counts as missing.",
            off.no_value,
        )
    if off.negative:
        yield plural(
            "{n:,} row has a negative value, which adds.",
            "{n:,} rows have a negative value, which adds.",
            off.negative,
        )


def _taken(off: TakenOff) -> str:
    if not off.by_id:
        return plural(
            "{n:,} row of {table} is taken off the sums of {stream}.",
            "{n:,} rows of {table} are taken off the sums of {stream}.",
            off.rows,
            table=off.net.events,
            stream=off.stream,
        )
    rows = plural(
        "{n:,} row of {table} is taken off",
        "{n:,} rows of {table} are taken off",
        off.rows,
        table=off.net.events,
    )
    events = plural(
        "{n:,} event of {stream}", "{n:,} events of {stream}", off.changed, stream=off.stream
    )
    return plural(
        "{rows} {events}, of which {n:,} has nothing left and did not happen.",
        "{rows} {events}, of which {n:,} have nothing left and did not happen.",
        off.undone,
        rows=rows,
        events=events,
    )
