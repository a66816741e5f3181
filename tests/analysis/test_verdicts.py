"""The verdict that a record carries is the one of the decision on its variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abtest import analyze
from abtest.analysis.result import Result

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
spec: abtest/v1
key: three
kind: messaging
unit: null
variants: [{key: control, control: true}, {key: a}, {key: b}, {key: c}]
data: {totals: {path: totals.csv, variant: variant}}
metrics:
  - {key: share, kind: proportion, successes: bought, trials: n, role: primary,
     equivalence: {absolute: 0.02}}
  - {key: same, kind: proportion, successes: bought, trials: n}
"""
BOUGHT = {"control": 1000, "a": 1200, "b": 800, "c": 1000}


def analyzed(folder: Path, bought: dict[str, int], n: dict[str, int] | None = None) -> Result:
    (folder / "experiment.yaml").write_text(SPEC, encoding="utf-8")
    rows = [f"{key},{(n or {}).get(key, 10_000)},{count}" for key, count in bought.items()]
    (folder / "totals.csv").write_text("\n".join(["variant,n,bought", *rows]), encoding="utf-8")
    return analyze(folder / "experiment.yaml")


def said(result: Result) -> list[str | None]:
    return [record.verdict for record in result.results if record.metric == "share"]


def test_each_variant_has_its_own(tmp_path: Path) -> None:
    found = analyzed(tmp_path, BOUGHT)
    assert (found.decision.verdict, found.decision.variant) == ("ship", "a")
    assert said(found) == ["ship", "rollback", "neutral"]
    assert {r.verdict for r in found.results if r.metric == "same"} == {None}


@pytest.mark.parametrize(
    ("n", "code", "every"), [({"control": 0}, 3, "invalid"), ({"a": 12_000}, 3, "invalid")]
)
def test_a_failed_check_is_on_every_record(
    tmp_path: Path, n: dict[str, int], code: int, every: str
) -> None:
    bought = BOUGHT | {key: 0 for key, units in n.items() if not units}
    found = analyzed(tmp_path, bought, n)
    assert found.exit_code == code
    assert {record.verdict for record in found.results} == {every}
