"""Health checks and the waterfall of counts as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import numbers, words
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Check, Status, WaterfallStep

_ORDER: tuple[Status, ...] = ("fail", "warn", "pass")
_STATUS_WORDS: dict[Status, str] = {"fail": "failed", "warn": "warned", "pass": "passed"}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One health check: its status, its name, one sentence, and what to do."""

    status: Status
    name: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One step: which metric it belongs to (None: all), its name, and the units per variant."""

    metric: str | None
    step: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Units left after each step; the counts of a row follow the variants."""

    variants: tuple[str, ...]
    rows: tuple[WaterfallRow, ...]


def build_checks(checks: Sequence[Check]) -> tuple[CheckRow, ...]:
    """The checks with failures first, each kind in the order of the result."""
    return tuple(
        CheckRow(
            status=check.status,
            name=words.readable(clean(check.key)).capitalize(),
            message=clean(check.message),
            hint=None if check.hint is None else clean(check.hint),
        )
        for status in _ORDER
        for check in checks
        if check.status == status
    )


def summarise(checks: Sequence[Check]) -> str:
    """How many checks failed, warned and passed, in words."""
    if not checks:
        return "No health checks ran."
    total = len(checks)
    counts = {status: sum(check.status == status for check in checks) for status in _ORDER}
    if counts["pass"] == total:
        return "The health check passed." if total == 1 else f"All {total} health checks passed."
    told = [f"{n} {_STATUS_WORDS[status]}" for status, n in counts.items() if n]
    return f"{total} health check{'' if total == 1 else 's'}: {', '.join(told)}."


def build_waterfall(steps: Sequence[WaterfallStep]) -> Waterfall | None:
    """One row per metric and step, one count per variant; None where nothing was counted.

    A step that loses nobody is left out: most metrics then need one row or none.
    """
    if not steps:
        return None
    variants = tuple(dict.fromkeys(step.variant for step in steps))
    found: dict[tuple[str | None, str], dict[str, int]] = {}
    for step in steps:
        found.setdefault((step.metric, step.step), {})[step.variant] = step.n
    start = found.get((None, "assigned"))
    last: dict[str | None, dict[str, int] | None] = {}
    rows = []
    for (metric, name), counts in sorted(found.items(), key=lambda item: item[0][0] is not None):
        if counts == last.get(metric, None if metric is None else start):
            continue
        last[metric] = counts
        rows.append(
            WaterfallRow(
                metric=None if metric is None else clean(metric),
                step=words.STEP_WORDS[name],
                counts=tuple(numbers.count(counts.get(variant)) for variant in variants),
            )
        )
    return Waterfall(tuple(clean(variant) for variant in variants), tuple(rows))
