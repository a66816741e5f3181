"""Each unit counts once: what a look makes of earlier looks and of the units that matured since.

What the tables say differently about units that have been counted decides nothing: it is told, and
logged as a restatement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from abtest.analysis.clock import Cutoff
from abtest.analysis.readings import MaturedReadings
from abtest.analysis.result import Check
from abtest.analysis.sequential.counted import (
    Counted,
    added,
    definition_of,
    is_kept,
    is_same,
    joined,
    marks_of,
    parts_of,
    simple,
    timed_readings,
    value_of,
    widened,
)
from abtest.analysis.sequential.interim import Night
from abtest.analysis.sequential.looks import LookRow
from abtest.sentences import joined as listed
from abtest.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.population import Population
    from abtest.analysis.readings import Reading
    from abtest.analysis.records import Comparer
    from abtest.analysis.sequential.counted import Matured, Simple
    from abtest.analysis.sequential.looks import Look, LookLog
    from abtest.analysis.summaries import Summaries
    from abtest.metrics.base import Metric
    from abtest.spec import Spec


def readings_once_more(spec: Spec, log: LookLog, cutoff: Cutoff | None) -> MaturedReadings:
    """What is read of the units that had matured by the last look, and of those that have since."""
    if spec.analysis.sequential is None or cutoff is None or spec.control is None:
        return MaturedReadings()
    last = log.last(cutoff.iso)
    until = None if last is None else Cutoff.parse(last.as_of, spec.schedule.timezone)
    return MaturedReadings(tuple(timed_readings(spec)), until)


@dataclass(frozen=True, slots=True)
class Counting:
    """What tonight's look counts.

    Attributes:
        summaries: By reading and variant, each unit once.
        counted: The same, to be kept.
        tables: What the tables say of the same units.
        last: The look before; None without one.
        changed: Whether the tables say something else of the units that it counted than they did.
        anew: Metrics that are read anew, because what they measure has changed.
    """

    summaries: Summaries
    counted: tuple[Counted, ...] = ()
    tables: tuple[Counted, ...] = ()
    last: Look | None = None
    changed: bool = False
    anew: tuple[str, ...] = ()


def count_once(
    spec: Spec, summaries: Summaries, matured: Matured | None, log: LookLog, as_of: str
) -> Counting:
    """Add the units that have matured since the last look to what it counted.

    Args:
        spec: The experiment.
        summaries: What the tables say now, by reading and variant.
        matured: The same of the units that had matured by the last look, and of the others.
        log: The looks before.
        as_of: Up to when the data are complete.
    """
    if matured is None or not matured.since:
        return Counting(summaries)
    last, once, counted, anew = log.last(as_of), dict(summaries), [], []
    for reading in timed_readings(spec):
        if not is_kept(spec, reading):
            continue
        own = _own(spec, reading, summaries)
        known = None if last is None else _carried(spec, reading, last, matured)
        if known is None and last is not None and _has(last, reading):
            anew.append(reading.metric.key)
        for one in own if known is None else known:
            key = one.reading, one.variant
            once[key] = replace(
                summaries[key], missing=one.missing, summary=one.summary, parts=one.parts
            )
            counted.append(one)
    tables = tuple(_tables(spec, matured))
    changed = last is not None and _differs(log.tables_of(last), matured, spec)
    return Counting(once, tuple(counted), tables, last, changed, tuple(dict.fromkeys(anew)))


def _variants(spec: Spec) -> list[str]:
    return [variant.key for variant in spec.variants or ()]


def _has(look: Look, reading: Reading) -> bool:
    return any(one.reading == reading.name for one in look.counted)


def _own(spec: Spec, reading: Reading, summaries: Summaries) -> list[Counted]:
    """All mature units, as the tables say."""
    definition = definition_of(spec, reading.metric)
    return [
        Counted(
            reading=reading.name,
            variant=variant,
            definition=definition,
            missing=found.missing,
            summary=simple(found),
            parts=dict(found.parts),
        )
        for variant in _variants(spec)
        for found in [summaries[reading.name, variant]]
    ]


def _carried(spec: Spec, reading: Reading, last: Look, matured: Matured) -> list[Counted] | None:
    """What was counted and what has matured since; None where the two do not fit together."""
    definition = definition_of(spec, reading.metric)
    old = [
        one for one in last.counted if one.reading == reading.name and one.definition == definition
    ]
    if [one.variant for one in old] != _variants(spec):
        return None
    as_of = Cutoff.parse(last.as_of, spec.schedule.timezone).microseconds
    marks, found = marks_of(matured.history, last.counted), []
    for one in old:
        parts = parts_of(spec, one, matured.history, as_of)
        if parts is None:
            return None
        new = matured.since[reading.name, one.variant]
        update: dict[str, Any] = {
            "missing": one.missing + new.missing,
            "summary": added(one.summary, simple(new)),
            "parts": joined(widened(parts, marks), widened(new.parts, marks)),
        }
        found.append(one.model_copy(update=update))
    return found


def _tables(spec: Spec, matured: Matured) -> Iterator[Counted]:
    """What the tables say of all mature units, without covariates."""
    for reading in _main(spec):
        for variant in _variants(spec):
            key = reading.name, variant
            before, since = matured.before[key], matured.since[key]
            yield Counted(
                reading=reading.name,
                variant=variant,
                definition=definition_of(spec, reading.metric),
                missing=before.missing + since.missing,
                summary=added(simple(before), simple(since)),
            )


def _main(spec: Spec) -> list[Reading]:
    return [one for one in timed_readings(spec) if one.name == one.metric.key]


def _differs(known: tuple[Counted, ...], matured: Matured, spec: Spec) -> bool:
    """Whether the tables have changed for units that had matured by the last look."""
    definitions = {one.name: definition_of(spec, one.metric) for one in _main(spec)}
    return any(
        not is_same(one.summary, simple(matured.before[one.reading, one.variant]))
        for one in known
        if definitions.get(one.reading) == one.definition
    )


@dataclass(frozen=True, slots=True)
class Comparing:
    """What compares variants, and the units that are compared."""

    comparer: Comparer
    population: Population


def restated_rows(
    spec: Spec, counting: Counting, matured: Matured | None, comparing: Comparing, log: LookLog
) -> tuple[LookRow, ...]:
    """What the last look would be by the tables as they are now; empty where it would be the same.

    Args:
        spec: The experiment.
        counting: What tonight's look counts.
        matured: What the tables say of the units that the last look counted.
        comparing: What compares them.
        log: The looks before.
    """
    last = counting.last
    if last is None or matured is None or not counting.changed:
        return ()
    settled = {
        key: replace(
            counting.summaries[key], missing=one.missing, summary=one.summary, parts=one.parts
        )
        for key, one in matured.before.items()
    }
    comparer = comparing.comparer.of_part(comparing.population, settled)
    night = Night(spec, last.as_of, log.before(last.as_of), last.final)
    kept = [one.metric for one in _main(spec) if is_kept(spec, one)]
    rows = night.rows([contrast for metric in kept for contrast in comparer.contrasts_of(metric)])
    others = [one.metric for one in _main(spec) if not is_kept(spec, one)]
    return (*rows, *(row for one in others for row in _plain_rows(spec, one, settled, last)))


def _plain_rows(spec: Spec, metric: Metric, settled: Summaries, last: Look) -> Iterator[LookRow]:
    """Values alone: there are no sums of which the method could make an interval."""
    control = simple(settled[metric.key, spec.control.key if spec.control else ""])
    base = value_of(control)
    for variant in spec.treatments:
        treatment = simple(settled[metric.key, variant.key])
        value = value_of(treatment)
        difference = None if value is None or base is None else value - base
        yield LookRow(
            metric=metric.key,
            variant=variant.key,
            date=last.as_of[:10],
            as_of=last.as_of,
            engine="confidence_sequence",
            n=treatment.n,
            n_control=control.n,
            value=value,
            value_control=base,
            difference=difference,
            lift=difference / base if difference is not None and base else None,
            is_look=False,
        )


def restated_checks(counting: Counting) -> tuple[Check, ...]:
    """Whether the tables say something else of counted units, and what was not kept."""
    counted = {(one.reading, one.variant): one.summary for one in counting.counted}
    off = [
        (one, counted[one.reading, one.variant])
        for one in counting.tables
        if (one.reading, one.variant) in counted
        and not is_same(one.summary, counted[one.reading, one.variant])
    ]
    told = [_told(one, kept) for one, kept in off]
    told += [
        sentence("{metric} is read anew: what it measures or is adjusted for changed", metric=key)
        for key in counting.anew
    ]
    if not told:
        return ()
    check = Check(
        key="restated",
        status="warn",
        message=sentence(
            "Units that earlier looks counted are different now: {told}.", told=listed("; ", told)
        ),
        hint=sentence(
            "A look counts each unit once, with its value at maturity. Refunds or rows that come "
            "later decide nothing; looks.jsonl has what they would have changed. If they are many, "
            "the stream's lag is too short."
        ),
        details={
            "units": [
                {
                    "metric": one.reading,
                    "variant": one.variant,
                    "n": kept.n,
                    "value": value_of(kept),
                    "n_tables": one.summary.n,
                    "value_tables": value_of(one.summary),
                }
                for one, kept in off
            ],
            "anew": list(counting.anew),
        },
    )
    return (check,)


def _told(now: Counted, kept: Simple) -> str:
    return sentence(
        "{metric}, {variant}: {n:,} units with {value:.6g} were counted, the tables say {n2:,} "
        "with {value2:.6g}",
        metric=now.reading,
        variant=now.variant,
        n=kept.n,
        value=value_of(kept) or 0.0,
        n2=now.summary.n,
        value2=value_of(now.summary) or 0.0,
    )


def kept_of(
    spec: Spec, counting: Counting, matured: Matured | None, comparing: Comparing, log: LookLog
) -> dict[str, Any] | None:
    """What a look of a sequential plan keeps, as plain values; None without one."""
    if matured is None or not counting.tables:
        return None
    restated = restated_rows(spec, counting, matured, comparing, log)
    before = [
        one.model_copy(
            update={
                "summary": simple(matured.before[one.reading, one.variant]),
                "missing": matured.before[one.reading, one.variant].missing,
            }
        )
        for one in counting.tables
    ]
    return {
        "counted": [one.model_dump(mode="json") for one in counting.counted],
        "tables": [one.model_dump(mode="json") for one in counting.tables],
        "restated": [row.model_dump(mode="json") for row in restated],
        "restated_tables": [one.model_dump(mode="json") for one in before if restated],
    }
