"""The lift by weeks since the exposure, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, native
from abtest.report.sheets import Sheet
from abtest.report.text import clean
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import Result

TITLE = phrase("The lift by weeks since the exposure")


def build_weekly(result: Result) -> Sheet | None:
    """One row for each span of weeks, one for the slope; None where there are no weeks."""
    if not result.weekly:
        return None
    header = (
        _("Metric"), _("Variant"), _("Days"), _("Lift"), _("Interval"), _("p-value"),
    )  # fmt: skip
    rows = tuple(map(_row, result.weekly))
    return Sheet(title=_(TITLE), header=header, rows=rows, texts=3)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    days = found.get("days")
    ends = (found.get("lift_ci_low"), found.get("lift_ci_high"))
    lift, interval = numbers.lift_with_interval(found.get("lift"), *ends)
    which = (
        _("each next row")
        if days is None
        else _("{low} to {high}", low=native(str(days[0])), high=native(str(days[1])))
    )
    pvalue = numbers.pvalue(found.get("pvalue")) if days is None else ""
    return clean(found["metric"]), clean(found["variant"]), which, lift, interval, pvalue
