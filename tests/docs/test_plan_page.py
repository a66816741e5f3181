"""The block of the page on planning (how-to/plan-an-experiment.md) is valid."""

from __future__ import annotations

import re

from specs import EVENTS, changed, faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "plan-an-experiment.md").read_text(encoding="utf-8")


def test_the_block_is_valid() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    named = changed(EVENTS, ("key: again", "key: repeat_purchase_30d"), ("revenue", "revenue_30d"))
    assert faults(named + block) == []
    a_list = changed(block, ("units_per_week: 1300", "units: 8000"))
    assert faults(named + a_list) == []
