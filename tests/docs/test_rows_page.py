"""The specs of the page on rows that are not units are whole."""

from __future__ import annotations

import re

import pytest

from specs import advice, faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "rows-that-are-not-units.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_there_is_one_of_each_kind() -> None:
    words = ("totals:", "moments:", "repeated: mean", "cluster:")
    assert [sum(word in text for text in SPECS) for word in words] == [1, 1, 1, 1]


@pytest.mark.parametrize("text", SPECS)
def test_every_spec_is_valid(text: str) -> None:
    assert faults(text) == []
    assert advice(text) == []
