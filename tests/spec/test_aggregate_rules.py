"""What a spec on totals, moments or averaged rows must say."""

from __future__ import annotations

import pytest

from abtest.spec.schema import json_schema
from specs import COLUMNS, changed, faults, loaded

SHARE = "{key: gross, kind: proportion, successes: Enrollments, trials: Clicks, role: primary}"
HEAD = COLUMNS[: COLUMNS.index("data:")]
TOTALS = f"""{HEAD}data:
  totals: {{path: totals.csv, variant: group, date: day, units: views}}
metrics:
  - {SHARE}
"""
MOMENTS = f"""{HEAD}data:
  moments: {{path: m.csv, variant: group, n: n, mean: mean, variance: var, date: day}}
metrics:
  - {{key: spend, kind: mean, role: primary}}
"""


@pytest.mark.parametrize("text", [TOTALS, MOMENTS])
def test_the_design_s_forms(text: str) -> None:
    assert faults(text) == []


def test_columns_have_names_of_their_own() -> None:
    spec = loaded(changed(MOMENTS, (", variant: group, n: n, mean: mean, variance: var", ""))).spec
    moments = spec.data.moments
    assert moments is not None
    found = (moments.variant, moments.n, moments.mean, moments.variance, moments.date)
    assert found == ("variant", "n", "mean", "variance", "day")


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (TOTALS, SHARE, "{key: m, kind: mean, role: primary}", "metrics.0: is a mean, but the da"),
        (TOTALS, ", trials: Clicks", "", "metrics.0.trials: is missing; the data are totals"),
        (TOTALS, "successes: Enrollments, ", "", "metrics.0.successes: is missing; the data are"),
        (
            TOTALS,
            "successes: Enrollments, trials: Clicks",
            "column: won",
            "metrics.0.column: reads rows of units, but the data are totals",
        ),
        (TOTALS, "path: totals.csv", "path: t.csv, unit: id", "data.totals: names a unit, but"),
        (
            TOTALS,
            "data:\n",
            "data:\n  moments: {path: m.csv}\n",
            "data.totals: is there as well as moments; the data must say once who got which",
        ),
        (
            TOTALS,
            "data:\n",
            "data:\n  units: {path: u.csv, variant: v}\n",
            "data.totals: is there as well as units with a variant column",
        ),
        (
            MOMENTS,
            "data:\n",
            "data:\n  assignments: {path: a.csv}\n",
            "data.moments: is there as well as assignments",
        ),
        (MOMENTS, "kind: mean", "kind: mean, column: c", "metrics.0.column: reads rows of units"),
        (
            MOMENTS,
            "metrics:\n",
            "metrics:\n  - {key: other, kind: mean}\n",
            "metrics.1: is a second mean, but moments are of one metric",
        ),
        (
            MOMENTS,
            "{key: spend, kind: mean, role: primary}",
            "{key: r, kind: ratio, numerator: a, denominator: b, role: primary}",
            "metrics.0: is a ratio, but the data are moments, which have means only",
        ),
        (COLUMNS, ", column: spend", "", "metrics.1.column: is missing"),
        (COLUMNS, ", column: retained", "", "metrics.0.column: is missing"),
        (
            COLUMNS,
            "column: retained",
            "successes: a, trials: b",
            "metrics.0: counts successes and trials, but the data has no totals",
        ),
        (
            COLUMNS,
            "variant: variant}",
            "variant: variant, repeated: mean}",
            "metrics.0: is a proportion, which an average over rows of a unit is not",
        ),
        (
            COLUMNS,
            "variant: variant}",
            "variant: variant, repeated: last}",
            "data.units.repeated: is 'last'; it must be ",
        ),
    ],
)
def test_what_does_not_fit(text: str, old: str, new: str, message: str) -> None:
    found = [fault for fault in faults(changed(text, (old, new))) if message in fault]
    assert len(found) == 1, faults(changed(text, (old, new)))


def test_the_schema_describes_every_new_key() -> None:
    blocks = json_schema()["$defs"]
    keys = {"TotalsTable": ["variant", "date", "units"], "MomentsTable": ["n", "mean", "variance"]}
    for block, names in {**keys, "UnitsTable": ["repeated"], "Data": ["totals"]}.items():
        for name in names:
            assert blocks[block]["properties"][name]["description"]
