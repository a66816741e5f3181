"""Health checks as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import words
from abtest.report.languages import _, listed, many, native, tell
from abtest.report.text import clean
from abtest.sentences import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Check, Status

_ORDER: tuple[Status, ...] = ("fail", "warn", "pass")
_COUNTED: dict[Status, str] = {
    "fail": phrase("{n} failed"),
    "warn": phrase("{n} warned"),
    "pass": phrase("{n} passed"),
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One health check: its status, its name, one sentence, and what to do."""

    status: Status
    name: str
    message: str
    hint: str | None


def build_checks(checks: Sequence[Check]) -> tuple[CheckRow, ...]:
    """The checks with failures first, each kind in the order of the result."""
    return tuple(
        CheckRow(
            status=check.status,
            name=words.readable(clean(check.key)).capitalize(),
            message=tell(check.message),
            hint=None if check.hint is None else tell(check.hint),
        )
        for status in _ORDER
        for check in checks
        if check.status == status
    )


def summarise(checks: Sequence[Check]) -> str:
    """How many checks failed, warned and passed, in words."""
    if not checks:
        return _("No health checks ran.")
    total = len(checks)
    counts = {status: sum(check.status == status for check in checks) for status in _ORDER}
    if counts["pass"] == total:
        return many("The health check passed.", "All {n} health checks passed.", total)
    told = listed([_(_COUNTED[status], n=native(f"{n:,}")) for status, n in counts.items() if n])
    return many("{n} health check: {told}.", "{n} health checks: {told}.", total, told=told)
