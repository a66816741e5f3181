"""The blocks of the page on data are valid, and its table of conditions is whole."""

from __future__ import annotations

import re

import pytest
import yaml

from abtest.sources.tables import Condition, EventsTable
from specs import EVENTS, changed, faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "read-your-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ORDERS = "orders: {path: orders.csv, at: ordered_at, value: amount}"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_is_a_stream(block: str) -> None:
    stream = {"value": "amount", **yaml.safe_load(block)["orders"]}
    flow = yaml.safe_dump({"orders": stream}, default_flow_style=True, width=10_000).strip()
    assert faults(changed(EVENTS, (ORDERS, flow[1:-1]))) == []


def test_every_condition_and_key_is_named() -> None:
    words = {*Condition.model_fields, *EventsTable.model_fields} - {
        "unit",
        "merge",
        "lag",
        "column",
    }
    assert [word for word in words if f"`{word}" not in PAGE and f"{word}:" not in PAGE] == []
