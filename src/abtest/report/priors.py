"""How much the Bayesian reading depends on the prior, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _
from abtest.report.sheets import Sheet
from abtest.report.text import clean
from abtest.report.units import PLAIN
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import Result

TITLE = phrase("The same data under other priors")
POOLED = phrase("The variants together: the luckiest is drawn back to the others")
NAMES = {
    "flat": phrase("flat"),
    "spec": phrase("as planned"),
    "sceptical": phrase("sceptical"),
}


def build_priors(result: Result) -> Sheet | None:
    """The table; None where no primary metric has a model with such a prior."""
    rows = [_row(found) for found in result.sensitivity if found.get("reading") == "prior"]
    if not rows:
        return None
    header = (
        _("Metric"), _("Variant"), _("Prior (sd)"), _("P(beats control)"), _("Expected loss"),
        _("Lift after the prior"),
    )  # fmt: skip
    return Sheet(title=_(TITLE), header=header, rows=tuple(rows), texts=3)


def build_pooled(result: Result) -> Sheet | None:
    """Lifts drawn to each other; None with fewer than three treatments."""
    rows = [
        (
            clean(found["metric"]),
            clean(found["variant"]),
            numbers.lift(found.get("raw_lift")),
            _with_interval(found.get("lift"), found.get("lift_low"), found.get("lift_high")),
        )
        for found in result.sensitivity
        if found.get("reading") == "pooled"
    ]
    if not rows:
        return None
    header = _("Metric"), _("Variant"), _("Lift"), _("Lift drawn to the others")
    return Sheet(title=_(POOLED), header=header, rows=tuple(rows), texts=2)


def _with_interval(lift: float | None, low: float | None, high: float | None) -> str:
    number, interval = numbers.lift_with_interval(lift, low, high)
    return f"{number} ({interval})"


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    ends = [found.get(f"posterior_lift{end}") for end in ("", "_low", "_high")]
    return (
        clean(found["metric"]),
        clean(found["variant"]),
        f"{_(NAMES[found['prior']])} ({numbers.plain(found['prior_sd'])})",
        numbers.probability(found.get("prob_beats_control")),
        numbers.expected_loss(found.get("expected_loss"), unit=PLAIN, model=None),
        _with_interval(*ends),
    )
