"""How alike the variants were before the treatment, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, native
from abtest.report.numbers import ABSENT
from abtest.report.sheets import Sheet
from abtest.report.text import clean
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import Result

TITLE = phrase("Before the treatment")


def build_balance(result: Result) -> Sheet | None:
    """One row for each covariate, one for all at once; None where there are no covariates."""
    if not result.balance:
        return None
    header = (
        _("Covariate"), _("Variant"), _("control -> variant"), _("Standard deviations apart"),
        _("p-value of all"),
    )  # fmt: skip
    rows = tuple(map(_row, result.balance))
    return Sheet(title=_(TITLE), header=header, rows=rows, texts=2)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    variant, smd = clean(found["variant"]), found.get("smd")
    if found.get("covariate") is None:
        return _("all at once"), variant, "", "", numbers.pvalue(found.get("pvalue"))
    means = [found.get("mean_control"), found.get("mean")]
    shown = [ABSENT if mean is None else numbers.plain(mean) for mean in means]
    apart = ABSENT if smd is None else native(f"{smd:+.3f}")
    return clean(found["covariate"]), variant, numbers.arrow(*shown), apart, ""
