"""The specs of the page on decisions in money are whole."""

from __future__ import annotations

import re

import pytest

from specs import faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "decide-in-money.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_there_is_one_of_each_kind() -> None:
    assert [
        sum(word in text for text in SPECS) for word in ("events: orders", "column: spend")
    ] == [
        1,
        1,
    ]


@pytest.mark.parametrize("text", SPECS)
def test_every_spec_is_valid(text: str) -> None:
    assert faults(text) == []
