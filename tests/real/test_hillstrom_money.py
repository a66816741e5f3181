"""An e-mail to past buyers, decided in money: every number can be checked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from abtest import analyze
from abtest.report.markdown import render_markdown
from support import SHARED

SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "hillstrom-money",
    "kind": "messaging",
    "unit": None,
    "variants": [
        {"key": "No E-Mail", "control": True},
        {"key": "Mens E-Mail", "cost": {"per_exposure": 0.10}},
        {"key": "Womens E-Mail", "cost": {"per_exposure": 0.10}},
    ],
    "data": {"units": {"path": "hillstrom.csv", "variant": "segment"}, "currency": "USD"},
    "metrics": [
        {"key": "conversion", "kind": "proportion", "column": "conversion", "role": "primary"}
    ],
    "decision": {"value": {"column": "spend"}, "margin_pct": 40},
}
# Difference in spend per customer and its standard error, as published with the data.
SPEND = {"Mens E-Mail": (0.769827156, 0.145246560), "Womens E-Mail": (0.424412216, 0.130332859)}


@pytest.fixture(scope="module")
def result() -> Any:
    path = SHARED / "data" / "hillstrom.csv"
    if not path.is_file():
        pytest.skip("the real data are not beside this repository (../shared/data)")
    return analyze(SPEC, data={"units": str(path)})


@pytest.mark.parametrize("variant", SPEND)
def test_contribution_per_email(result: Any, variant: str) -> None:
    """0.4 times the difference in spend, less the ten cents of a mail."""
    spend, se = SPEND[variant]
    found = next(one for one in result.money.variants if one.variant == variant)
    assert found.difference == pytest.approx(0.4 * spend - 0.10, abs=1e-8)
    assert found.se == pytest.approx(0.4 * se, abs=1e-8)
    # What a mail may cost before it loses money.
    even = next(one for one in found.measures if one.key == "break_even_exposure")
    assert even.value == pytest.approx(0.4 * spend, abs=1e-8)


def test_the_verdict(result: Any) -> None:
    """The men's e-mail pays clearly, the women's not clearly: 0.07 with 1.96 x 0.052 around it."""
    assert (result.decision.verdict, result.decision.variant) == ("ship", "Mens E-Mail")
    assert result.decision.value == pytest.approx(0.207931, abs=1e-6)
    womens = result.money.variants[1]
    assert womens.ci_low < 0 < womens.ci_high


def test_the_arithmetic_is_in_the_report(result: Any) -> None:
    text = render_markdown(result)
    for number in ("0.6528", "1.4226", "+0.7698", "revenue x 0.4", "+0.3079", "+0.2079"):
        assert number in text
