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


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    lift, interval = numbers.lift_with_interval(
        found.get("posterior_lift"),
        found.get("posterior_lift_low"),
        found.get("posterior_lift_high"),
    )
    return (
        clean(found["metric"]),
        clean(found["variant"]),
        f"{_(NAMES[found['prior']])} ({numbers.plain(found['prior_sd'])})",
        numbers.probability(found.get("prob_beats_control")),
        numbers.expected_loss(found.get("expected_loss"), unit=PLAIN, model=None),
        f"{lift} ({interval})",
    )
