"""abtest rehearse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_line import make_experiment, run


def past_orders(folder: Path) -> Path:
    path = folder / "past.csv"
    lines = ["customer_id,ordered_at,amount"]
    for i in range(600):
        lines.append(f"{i},2025-{1 + i % 11:02}-{1 + i % 27:02},10")
        if i % 4 == 0:
            lines.append(f"{i},2025-12-{10 + i % 9},{5 + i % 13}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_rehearsal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    spec, orders = make_experiment(tmp_path), past_orders(tmp_path)
    common = ("rehearse", spec, "--history", orders, "-f", "json", "--processes", "1")
    whole = run(*common, "-n", "12").worked().out
    kept = tmp_path / "replays.jsonl"
    run(*common, "-n", "5", "--resume", kept).worked()
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    # Killed in the middle of a line: what is broken is made again.
    kept.write_text("\n".join(lines)[:-20], encoding="utf-8")
    assert run(*common, "-n", "12", "--resume", kept).worked().out == whole
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 13
    found = json.loads(whole)
    assert found["replays"] == 12
    assert found["metrics"][0]["metric"] == "bought_30d"


def test_the_table_says_what_chance_allows(tmp_path: Path) -> None:
    spec, orders = make_experiment(tmp_path), past_orders(tmp_path)
    common = ("rehearse", spec, "--history", orders, "-n", "5", "--processes", "1")
    out = run(*common).worked().out
    assert "5 replays of" in out
    assert "nothing differs (A/A)" in out
    assert re.search(r"false positives \(p < 0.05\) +\d+\.\d% \(", out)
    planted = run(*common, "--effect", "bought_30d=+50%").worked().out
    assert "planted" in planted
    assert "power (p < 0.05)" in planted


def test_decisions_in_money_are_held_against_the_truth(tmp_path: Path) -> None:
    """The coupon costs 1 a customer and does nothing: to ship it is always wrong."""
    spec, orders = make_experiment(tmp_path), past_orders(tmp_path)
    text = spec.read_text(encoding="utf-8")
    text = text.replace("weight: 50}\nschedule", "weight: 50, cost: {per_exposure: 1}}\nschedule")
    money = "{value: {events: orders}, margin_pct: 40, population: 1000, rule: {require: [value]}}"
    spec.write_text(text + f"decision: {money}\n", encoding="utf-8")
    common = ("rehearse", spec, "--history", orders, "-n", "20", "--processes", "1")
    found = json.loads(run(*common, "-f", "json").worked().out)
    assert found["schema"] == "abtest-rehearsal/v1"
    [coupon] = found["money"]["variants"]
    assert coupon["difference"] == pytest.approx(-1)
    assert coupon["worth"] == pytest.approx(-1000)
    assert found["money"]["best"] == 0
    shipped = found["verdicts"].get("ship", {"value": 0})["value"]
    assert found["money"]["false_ships"]["value"] == shipped
    assert found["money"]["mean_regret"] == pytest.approx(1000 * shipped)
    assert sum(share["value"] for share in found["rule_lines"].values()) == pytest.approx(1)
    out = run(*common).worked().out
    assert "What the decisions would have been worth" in out
    assert "-1 per assigned unit, worth -1,000 in money" in out


def test_replays_of_another_rehearsal_are_refused(tmp_path: Path) -> None:
    spec, orders = make_experiment(tmp_path), past_orders(tmp_path)
    kept = tmp_path / "replays.jsonl"
    common = ("rehearse", spec, "--history", orders, "-n", "2", "--processes", "1")
    run(*common, "--resume", kept).worked()
    message = run(*common, "--resume", kept, "--seed", "2").failed()
    assert "holds replays of another rehearsal" in message
    kept.write_text("something else\n", encoding="utf-8")
    assert "holds replays of another rehearsal" in run(*common, "--resume", kept).failed()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--history"),
        (["--history", "orders=absent.csv"], 1, "absent.csv"),
        (["--history", "{orders}", "--effect", "کوپن:bought_30d=+5%"], 2, "in every treatment"),
        (["--history", "{orders}", "--effect", "nothing=+5%"], 1, "which is no metric"),
        (["--history", "{orders}", "-n", "0"], 2, "-n"),
    ],
)
def test_bad_usage(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    spec, orders = make_experiment(tmp_path), past_orders(tmp_path)
    given = [argument.format(orders=orders) for argument in arguments]
    assert message in re.sub(r"[\s│]+", " ", run("rehearse", spec, *given).failed(code))
