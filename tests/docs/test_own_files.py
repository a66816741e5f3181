"""The tutorial's steps on files of another shape: names in Persian, semicolons, other dates."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from command_line import run
from page_sessions import File, steps
from support import ROOT

PAGE = (ROOT / "docs/tutorials/from-nothing-to-a-decision.md").read_text(encoding="utf-8")


def _spec() -> dict[str, Any]:
    """The tutorial's spec with what it says of one's own files."""
    [file] = [step for step in steps(PAGE) if isinstance(step, File)]
    [own] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    spec: dict[str, Any] = yaml.safe_load(file.text)
    changes = yaml.safe_load(own)
    spec["data"]["events"] = changes["data"]["events"]
    spec["metrics"][0]["window"]["calendar"] = True
    return {**spec, "unit": changes["unit"]}


def _write_shop(folder: Path) -> None:
    customers = ["Kundennummer;Name;شهر"]
    orders = ["Bestellnummer;Kundennummer;Datum;Betrag"]
    for i in range(400):
        unit = f"{i:06}"
        customers.append(f"{unit};مریم رضایی;تهران")
        days = [date(2025, 11, 1) + timedelta(days=i % 50)]
        days += [date(2026, 1, 6) + timedelta(days=i % 25)] if i % 4 == 0 else []
        orders += [f"B{len(orders)}{day:%j};{unit};{day:%d.%m.%Y};1.2{i % 10}0,47" for day in days]
    for name, lines in (("kunden.csv", customers), ("bestellungen.csv", orders)):
        (folder / name).write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")


def test_a_decision_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _write_shop(tmp_path)
    Path("experiment.yaml").write_text(yaml.safe_dump(_spec(), allow_unicode=True), "utf-8")
    run("validate", "experiment.yaml").worked()
    run("plan", "experiment.yaml", "--history", "orders=bestellungen.csv").worked()
    run("freeze", "experiment.yaml", "--on", "2026-01-04").worked()
    assigned = ["--customers", "kunden.csv", "--at", "2026-01-05T00:00", "-o", "assignments.csv"]
    run("assign", "experiment.yaml", *assigned).worked()
    assert "مریم رضایی" in Path("assignments.csv").read_text(encoding="utf-8")
    run("analyze", "experiment.yaml", "--as-of", "2026-02-06").worked()
    result = json.loads(Path("results/2026-02-06.json").read_text(encoding="utf-8"))
    records = {record["metric"]: record for record in result["results"]}
    assert records["repeat_purchase_30d"]["n"] + records["repeat_purchase_30d"]["n_control"] == 400
    assert records["revenue_30d"]["value"] > 100
    run("decide", "experiment.yaml", "--verdict", "inconclusive", "--on", "2026-02-09").worked()
