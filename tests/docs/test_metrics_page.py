"""The page on metrics: every kind is on it, and every example is right."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from abtest.metrics import AnyMetric
from specs import COLUMNS, EVENTS, changed, faults
from support import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
STREAMS = (
    "    redemptions: {path: r.csv, at: at}\n    surveys: {path: s.csv, at: at, value: score}\n"
)
ON_EVENTS = changed(EVENTS, ("    refunds:", f"{STREAMS}    refunds:"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_right(example: str) -> None:
    base = COLUMNS.replace("key: retained", "key: first") if "column:" in example else ON_EVENTS
    assert faults(base + re.sub("(?m)^", "  ", example).rstrip(" ")) == []


def test_every_kind_has_an_example() -> None:
    kinds = {
        get_args(metric.model_fields["kind"].annotation)[0]
        for metric in get_args(get_args(AnyMetric)[0])
    }
    assert set(re.findall(r"kind: (\w+)", "".join(EXAMPLES))) == kinds
