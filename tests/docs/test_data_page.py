"""The blocks of the page on data are valid, and its table of conditions is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from abtest.sources.tables import Condition, EventsTable
from command_line import make_experiment, run
from specs import EVENTS, changed, faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "read-your-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ORDERS = "orders: {path: orders.csv, at: ordered_at, value: amount}"


def test_the_lines_for_persian_exports_convert_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "شماره مشتری;تاریخ;مبلغ\r\nم-۱۰۰۰;۱۴۰۴/۱۰/۱۵;۲٬۸۵۳٬۰۰۰\r\n"
    (tmp_path / "خرید.csv").write_text("\ufeff" + text, encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "read-your-data.md", "exec"), {})  # noqa: S102 - our own page
    [_, row] = (tmp_path / "orders.csv").read_text(encoding="utf-8").splitlines()
    assert row == "م-۱۰۰۰,2026-01-05,2853000"


@pytest.mark.parametrize(
    ("column", "row"), [("ordered_at", "1,۱۴۰۴/۱۰/۱۵,20"), ("amount", "1,2026-01-06 10:00,۲٬۸۵۳")]
)
def test_a_message_about_persian_digits_leads_to_these_lines(
    column: str, row: str, tmp_path: Path
) -> None:
    spec = make_experiment(tmp_path)
    (tmp_path / "orders.csv").write_text(
        f"customer_id,ordered_at,amount\n{row}\n", encoding="utf-8"
    )
    error = run("analyze", spec, "--no-report").failed()
    assert f"column '{column}': 1 value is not" in error
    assert 'under "Persian dates and digits"' in error
    assert "### Persian dates and digits" in PAGE


def test_persian_years_in_latin_digits_are_noticed(tmp_path: Path) -> None:
    spec = make_experiment(tmp_path)
    orders = (tmp_path / "orders.csv").read_text(encoding="utf-8").replace("2026-0", "1404-1")
    (tmp_path / "orders.csv").write_text(orders, encoding="utf-8")
    found = run("analyze", spec, "--no-report").worked().out
    assert "and of the Gregorian calendar?" in " ".join(found.split())


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
