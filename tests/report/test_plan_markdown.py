"""A plan as Markdown: nothing in a name becomes markup."""

from __future__ import annotations

from datetime import date

from abtest.analysis.planning.plan import make_plan
from abtest.report.planning import render_plan
from analysis.planning.test_plan import BOUGHT, FACTORS, RATES, spec_of


def test_tables_and_notes() -> None:
    spec = spec_of([BOUGHT], RATES, variants=None, factors=FACTORS)
    text = render_plan(make_plan(spec, date(2026, 1, 5)), "md")
    assert text.startswith("# Plan of by-hand\n\n**Readable on ")
    assert "| Effect of factors | Units |" in text
    assert "| bought, interaction:discount_pct\\*gift |" in text
    assert "## bought, week by week" in text
    assert all(line.count("|") % 9 in (0, 6, 7) for line in text.splitlines() if line[:1] == "|")
