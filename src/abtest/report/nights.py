"""Tonight's comparisons within a sequential plan, as lines for a terminal or a mail from cron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.sequential.looks import LookRow

_HEAD = ("metric", "variant", "mature", "of plan", "z", "boundary", "lift", "from", "to", "plan")
_WORDS = 2  # the columns that start on the left


def night_lines(rows: Sequence[LookRow]) -> list[str]:
    """One line per comparison under a heading.

    How much is mature, how far the statistic is from its boundary, and the lift with the interval
    that may be looked at every night.
    """
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(_HEAD))]
    return [
        "  ".join(
            text.ljust(width) if place < _WORDS or place == len(_HEAD) - 1 else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _cells(row: LookRow) -> tuple[str, ...]:
    return (
        clean(row.metric),
        clean(row.variant),
        f"{row.n + row.n_control:,}",
        _number(row.information_fraction, ".1%"),
        _number(row.statistic, "+.2f"),
        _number(row.boundary, ".2f"),
        _number(row.lift, "+.1%"),
        _number(row.lift_ci_low, "+.1%"),
        _number(row.lift_ci_high, "+.1%"),
        _plan(row),
    )


def _plan(row: LookRow) -> str:
    if row.state != "running":
        return "crossed: stop" if row.state == "crossed" else "ended"
    if row.crossed:
        return "harm"
    return "goes on" if row.engine == "lan_demets" else "watched"


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)
