"""How much the Bayesian reading depends on the prior, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _
from abtest.report.sheets import Sheet
from abtest.report.text import clean
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
        _("Metric"), _("Variant"), _("Prior"), _("Prior sd of the log lift"),
        _("P(beats control)"), _("Expected loss"), _("Lift after the prior"), _("Interval"),
    )  # fmt: skip
    return Sheet(title=_(TITLE), header=header, rows=tuple(rows), texts=3)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    lift, interval = numbers.lift_with_interval(
        found.get("posterior_lift"),
        found.get("posterior_lift_low"),
        found.get("posterior_lift_high"),
    )
    loss = found.get("expected_loss")
    sd = found.get("prior_sd")
    return (
        clean(found["metric"]),
        clean(found["variant"]),
        _(NAMES[found["prior"]]),
        numbers.ABSENT if sd is None else numbers.plain(sd),
        numbers.probability(found.get("prob_beats_control")),
        numbers.ABSENT if loss is None else numbers.share(loss),
        lift,
        interval,
    )
