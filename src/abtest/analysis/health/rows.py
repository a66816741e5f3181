"""Checks on the rows of events: copies, and units that the experiment does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.result import Check
from abtest.sentences import joined, plural, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.event_rows import EventRows
    from abtest.analysis.population import Population

MATCH_WARN = 0.5


def _copies(found: EventRows) -> str:
    if found.copies_one_in > 1:
        return plural(
            "{n:,} row of {table} repeats another exactly (kept; about, from one row in {step})",
            "{n:,} rows of {table} repeat another exactly (kept; about, from one row in {step})",
            found.copies,
            table=found.stream,
            step=found.copies_one_in,
        )
    return plural(
        "{n:,} row of {table} repeats another exactly (kept)",
        "{n:,} rows of {table} repeat another exactly (kept)",
        found.copies,
        table=found.stream,
    )


def repeated_rows(population: Population, events: Sequence[EventRows]) -> Check:
    """Rows that repeat a unit, or another row."""
    parts: list[str] = []
    if population.repeated_rows:
        parts.append(
            plural(
                "{n:,} assignment row repeats a unit (counted once)",
                "{n:,} assignment rows repeat a unit (counted once)",
                population.repeated_rows,
            )
        )
    parts += [_copies(found) for found in events if found.copies]
    details: dict[str, Any] = {"assignments": population.repeated_rows}
    details.update({found.stream: found.copies for found in events})
    if not parts:
        return Check(
            key="duplicate_rows",
            status="pass",
            message=sentence("No row repeats another."),
            details=details,
        )
    return Check(
        key="duplicate_rows",
        status="warn",
        message=sentence("{told}.", told=joined("; ", parts)),
        hint=sentence(
            "Copies of events count twice; with several lines per order that may be right."
        ),
        details=details,
    )


def unknown_units(events: Sequence[EventRows]) -> Check | None:
    """Rows of units that the experiment does not have, and streams of which nothing was read."""
    if not events:
        return None
    read = [found for found in events if found.outside + found.matched]
    empty = [found.stream for found in events if found not in read]
    worst = min((found.matched / (found.outside + found.matched) for found in read), default=1.0)
    parts = [
        sentence(
            "{n:,} of {total:,} rows of {table}",
            n=found.outside,
            total=found.outside + found.matched,
            table=found.stream,
        )
        for found in read
    ]
    status = "fail" if worst == 0 else "warn" if worst < MATCH_WARN or empty else "pass"
    told: list[str] = []
    if parts:
        told.append(
            sentence("{rows} are of units outside the experiment.", rows=joined(" and ", parts))
        )
    if empty:
        told.append(sentence("No row of {tables} was read.", tables=joined(" and ", empty)))
    told += _late(events)
    zeros = sentence("Did ids lose their zeros, or change their form, in one of the files?")
    nothing = sentence("Is the file empty, does keep drop all rows, or is as_of too early?")
    return Check(
        key="unknown_units",
        status=status,
        message=joined(" ", told),
        hint=None if status == "pass" else zeros if worst < MATCH_WARN else nothing,
        details={
            found.stream: {
                "matched": found.matched,
                "outside": found.outside,
                "late": found.late,
                "before": found.before,
            }
            for found in events
        },
    )


def _late(events: Sequence[EventRows]) -> list[str]:
    late = sum(found.late for found in events)
    if not late:
        return []
    told = plural(
        "{n:,} row at or after as_of was not read.",
        "{n:,} rows at or after as_of were not read.",
        late,
    )
    return [told]
