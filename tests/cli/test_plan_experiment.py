"""abtest plan SPEC."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from abtest.report.planning import render_plan
from abtest.stats.power.assurance import assurance
from command_line import make_experiment, run
from support import ROOT

EXAMPLES = sorted((ROOT / "experiments").glob("2026*/experiment.yaml"))
PLAN = "plan: {units_per_week: 900, baselines: {bought_30d: {value: 0.2}}}\n"


def planned(folder: Path, more: str = PLAN, mde: str = "mde: {relative: 0.2}") -> Path:
    path = make_experiment(folder)
    text = path.read_text(encoding="utf-8").replace("role: primary", f"role: primary, {mde}")
    path.write_text(text + more, encoding="utf-8")
    return path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_print_a_date_and_a_verdict(example: Path) -> None:
    out = run("plan", example).worked().out
    verdict = " ".join(out.split("\n\n")[0].split())
    assert re.match(r"(Readable on|Underpowered: readable on) 2026-\d\d-\d\d", verdict), verdict
    assert "week by week" in out


def test_json_is_the_whole_plan(tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(run("plan", planned(tmp_path), "-f", "json").worked().out)
    assert found["schema"] == "abtest-plan/v1"
    assert found["enrol_until"] == "2026-01-19"
    assert found["metrics"][0]["planned"]["units"] == 1800
    assert found["metrics"][1]["problem"].startswith("say what is normal in plan.baselines")


def test_html_is_one_file_that_fetches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    spec = planned(tmp_path)
    text = spec.read_text(encoding="utf-8").replace("key: bought_30d", "key: bought_30d")
    spec.write_text(text, encoding="utf-8")
    assert run("plan", spec, "-f", "html", "-o", path).worked().err == f"Wrote {path}\n"
    html = path.read_text(encoding="utf-8")
    assert "<svg" in html
    assert "Smallest effect that is found, bought_30d." in html
    assert not re.findall(r'(?:src|href)="(?!#)', html)
    run("plan", spec, "-f", "html", "-o", path).worked()
    assert path.read_text(encoding="utf-8") == html


def test_history_is_read_by_the_metrics(tmp_path: Path) -> None:
    spec = planned(tmp_path, "")
    orders = tmp_path / "past.csv"
    lines = ["customer_id,ordered_at,amount"]
    for i in range(400):
        lines.append(f"{i},2025-{1 + i % 12:02}-{1 + i % 27:02},10")
        if i % 4 == 0:
            lines.append(f"{i},2025-12-1{i % 9},10")
    orders.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = json.loads(run("plan", spec, "--history", orders, "-f", "json").worked().out)
    bought = found["metrics"][0]
    assert bought["source"] == "history"
    assert 0.2 < bought["value"] < 0.4
    assert bought["n_history"] > 300
    assert found["units_per_week"] > 0
    named = run("plan", spec, "--history", f"orders={orders}", "-f", "json").worked()
    assert json.loads(named.out) == found
    assert "was read off" in run("plan", spec, "--history", orders).worked().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "a spec is missing, or --diff with two of them"),
        (["{spec}", "--history", "nothing=x.csv"], 2, "'nothing' is no table of the spec"),
        (["{spec}", "--history", "orders=absent.csv"], 1, "absent.csv"),
        (["{spec}", "--start", "soon"], 2, "--start is 'soon'; it must be a date"),
        (["{spec}", "--history-end", "soon", "--history", "orders.csv"], 2, "--history-end"),
        (["{spec}", "--units", "5"], 2, "--units and --write-ranges belong to --diff"),
        (["{spec}", "--diff", "{spec}", "{spec}"], 2, "--diff compares two specs and plans none"),
        (["absent.yaml"], 1, "absent.yaml"),
        (["{spec}", "-o", "{spec}"], 1, "is an input; the output must go to another file"),
    ],
)
def test_bad_usage(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    spec = planned(tmp_path)
    found = run("plan", *(argument.format(spec=spec) for argument in arguments)).failed(code)
    assert message in re.sub(r"[\s│]+", " ", found)


def test_a_baseline_of_no_metric_is_a_fault(tmp_path: Path) -> None:
    spec = planned(tmp_path, "plan: {units_per_week: 5, baselines: {bougth_30d: {value: 0.2}}}\n")
    message = run("validate", spec).failed()
    assert "plan.baselines.bougth_30d: is no metric" in message
    assert 'did you mean "bought_30d"?' in message


def test_without_a_start_the_command_asks(tmp_path: Path) -> None:
    spec = planned(tmp_path)
    text = spec.read_text(encoding="utf-8")
    spec.write_text(re.sub(r"schedule: .*\n", "", text), encoding="utf-8")
    assert "say --start 2026-01-05" in " ".join(run("plan", spec).failed(2).split())
    assert "2026-02-02" in run("plan", spec, "--start", "2026-02-02").worked().out


def test_an_unknown_format() -> None:
    with pytest.raises(ValueError, match="it must be one of table, json, md, html"):
        render_plan(None, "pdf")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["prior_sd", "value", "se"])
def test_assurance_refuses_what_is_no_number_above_zero(name: str) -> None:
    numbers = {"prior_sd": 0.1, "value": 0.2, "se": 0.01, name: 0.0}
    with pytest.raises(ValueError, match=f"{name} is 0.0; it must be a number above 0"):
        assurance(0.0, critical=1.96, **numbers)


def test_assurance_without_doubt_is_the_power() -> None:
    found = assurance(math.log(1.05), 1e-6, 0.1, 0.005 / 2.8015852, 1.959964)
    assert found == pytest.approx(0.8, abs=1e-4)
