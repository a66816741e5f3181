"""abtest freeze and amend: the plan is written down, and every way to bend it is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from abtest import analyze
from abtest.cli.clock import moment
from abtest.spec.lock import read_lock
from command_line import leftovers, make_experiment, run

if TYPE_CHECKING:
    from pathlib import Path

COUPON = "کوپن"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("made"))


@pytest.fixture
def spec(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "e"
    shutil.copytree(made.parent, folder)
    return folder / made.name


@pytest.fixture
def frozen(spec: Path) -> Path:
    run("freeze", spec, "--on", "2026-01-04").worked()
    return spec


def lock_of(spec: Path) -> Path:
    return spec.with_name("experiment.lock.json")


def change(path: Path, *edits: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def result_of(spec: Path, code: int = 0) -> dict[str, Any]:
    found = run("analyze", spec, "--format", "json")
    assert found.code == code, found
    data: dict[str, Any] = json.loads(found.out)
    return data


def labels(result: dict[str, Any]) -> dict[str, str]:
    return {record["metric"]: record["label"] for record in result["results"]}


def changes(result: dict[str, Any]) -> dict[str, tuple[Any, Any, str]]:
    found = result["lock"]["changes"]
    return {one["path"]: (one["frozen"], one["present"], one["status"]) for one in found}


def test_without_a_lock_the_result_says_so(spec: Path) -> None:
    result = result_of(spec)
    assert result["lock"]["status"] == "not_frozen"
    assert labels(result)["bought_30d"] == "confirmatory"
    assert result["decision"]["verdict"] == "ship"


def test_a_frozen_plan_that_nothing_changed(frozen: Path) -> None:
    result = result_of(frozen)
    lock = result["lock"]
    assert (lock["status"], lock["file"]) == ("as_frozen", "experiment.lock.json")
    assert (lock["frozen_on"], lock["changes"]) == ("2026-01-04", [])
    assert lock["sha256"] == json.loads(lock_of(frozen).read_text(encoding="utf-8"))["sha256"]
    assert set(labels(result).values()) == {"confirmatory"}
    assert result["decision"]["verdict"] == "ship"


def test_python_finds_the_lock_as_well(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, role: primary"))
    result = analyze(frozen)
    assert (result.exit_code, result.lock.status) == (5, "drifted")
    assert type(result).from_dict(result.to_dict()) == result


def test_it_is_the_same_every_time(spec: Path) -> None:
    run("freeze", spec, "--on", "2026-01-04").worked()
    first = lock_of(spec).read_bytes()
    lock_of(spec).unlink()
    run("freeze", spec, "--on", "2026-01-04").worked()
    assert lock_of(spec).read_bytes() == first
    assert leftovers(spec.parent) == []


def test_what_may_move_is_no_drift(frozen: Path) -> None:
    change(
        frozen,
        ("key: winback", "# a comment\ntitle: Win them back\nowner: crm@example.com\nkey: winback"),
        ("as_of: 2026-03-01", "as_of: 2026-03-02"),
        ("{path: orders.csv, ", '{path: "./orders.csv",   '),
    )
    assert result_of(frozen)["lock"]["status"] == "as_frozen"


@pytest.mark.parametrize(
    ("edit", "path", "values"),
    [
        (("{end: 30d}, role: primary", "{end: 20d}, role: primary"),
         "metrics.bought_30d.window.end", ("30d", "20d")),
        (("metrics:", "analysis: {alpha: 0.2}\nmetrics:"), "analysis.alpha", (0.05, 0.2)),
        (("metrics:", "analysis: {correction: {primary: none}}\nmetrics:"),
         "analysis.correction.primary", None),
        (("metrics:", "assignment: {seed: other}\nmetrics:"),
         "assignment.seed", ("winback", "other")),
        (("enrol_until: 2026-01-19", "enrol_until: 2026-01-29"),
         "schedule.enrol_until", ("2026-01-19", "2026-01-29")),
        (("value: amount}", "value: amount, keep: [{column: amount, above: 1}]}"),
         "data.events.orders.keep", None),
        (("metrics:", "decision: {rule: {require: [primary]}}\nmetrics:"), "decision", None),
    ],
)  # fmt: skip
def test_a_silent_change_is_named(
    frozen: Path, edit: tuple[str, str], path: str, values: tuple[Any, Any] | None
) -> None:
    change(frozen, edit)
    result = result_of(frozen, 5)
    found = changes(result)
    assert set(found) == {path}
    assert found[path][2] == "silent"
    if values is not None:
        assert found[path][:2] == values
    assert result["decision"]["verdict"] == "inconclusive"
    assert result["decision"]["rule_line"] == "lock"
    assert path in result["decision"]["reason"]


def test_a_moved_control_is_named(frozen: Path) -> None:
    change(
        frozen,
        ("key: control, control: true", "key: control"),
        (f"key: {COUPON}", f"key: {COUPON}, control: true"),
    )
    result = result_of(frozen, 5)
    assert changes(result) == {"control": ("control", COUPON, "silent")}
    assert set(labels(result).values()) == {"exploratory"}


def test_a_window_touches_its_own_metric(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, role: primary"))
    assert labels(result_of(frozen, 5)) == {
        "bought_30d": "exploratory", "revenue_30d": "confirmatory",
    }  # fmt: skip


def test_a_tampered_lock_is_named(frozen: Path) -> None:
    change(lock_of(frozen), ('"analysis.alpha": 0.05', '"analysis.alpha": 0.2'))
    change(frozen, ("metrics:", "analysis: {alpha: 0.2}\nmetrics:"))
    for command in (("analyze", frozen), ("amend", frozen, "--why", "alpha")):
        message = run(*command).failed(1)
        assert "experiment.lock.json was edited by hand: the frozen plan does not match" in message


def test_a_fault_comes_before_drift(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, rolle: primary"))
    assert "rolle" in run("analyze", frozen).failed(1)


def test_drift_comes_before_a_failed_check(frozen: Path) -> None:
    change(frozen, ("weight: 50}\n  - ", "weight: 90}\n  - "), ("weight: 50}", "weight: 10}"))
    result = result_of(frozen, 5)
    assert "fail" in {check["status"] for check in result["checks"]}
    assert result["decision"]["verdict"] == "invalid"


def test_drift_comes_before_not_readable(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 90d}, role: primary"))
    assert result_of(frozen, 5)["decision"]["rule_line"] == "maturity"


def test_an_amendment_gives_the_reason(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, role: primary"))
    done = run("amend", frozen, "--why", "Vouchers expire on day 20.", "--on", "2026-01-12")
    assert 'metrics.bought_30d.window.end: "30d" -> "20d"' in done.worked().out
    result = result_of(frozen)
    assert result["lock"]["status"] == "amended"
    assert labels(result) == {"bought_30d": "amended", "revenue_30d": "confirmatory"}
    (found,) = result["lock"]["changes"]
    assert (found["on"], found["reason"]) == ("2026-01-12", "Vouchers expire on day 20.")
    assert result["decision"]["verdict"] == "ship"
    change(frozen, ("{end: 20d}, role: primary", "{end: 21d}, role: primary"))
    result = result_of(frozen, 5)
    assert [one["status"] for one in result["lock"]["changes"]] == ["amended", "silent"]
    assert result["lock"]["changes"][1]["frozen"] == "20d"


def test_a_lock_that_is_gone_is_missed(frozen: Path) -> None:
    """Results that were held against it say so, whatever is analyzed after them."""
    run("analyze", frozen, "--save").worked()
    lock_of(frozen).rename(frozen.with_name("away"))
    change(frozen, ("window: {end: 30d}, role: primary", "window: {end: 20d}, role: primary"))
    for _ in range(2):  # it is kept over the result that told it
        told = run("analyze", frozen, "--save")
        assert (told.code, "The lock of the frozen plan is gone" in told.out) == (5, True)
        result = result_of(frozen, 5)
        assert (result["lock"]["status"], result["lock"]["frozen_on"]) == ("missing", "2026-01-04")
        assert set(labels(result).values()) == {"exploratory"}
        decision = result["decision"]
        assert (decision["verdict"], decision["rule_line"]) == ("inconclusive", "lock")
        assert result["results"][0]["verdict"] == "inconclusive"
        assert "its lock experiment.lock.json is gone" in decision["reason"]
    frozen.with_name("away").rename(lock_of(frozen))
    change(frozen, ("window: {end: 20d}, role: primary", "window: {end: 30d}, role: primary"))
    assert result_of(frozen)["lock"]["status"] == "as_frozen"


def test_history_is_only_added_to(frozen: Path) -> None:
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, role: primary"))
    run("amend", frozen, "--why", "one", "--on", "2026-01-12").worked()
    assert "there is nothing to amend" in run("amend", frozen, "--why", "again").failed(1)
    change(frozen, ("{end: 20d}, role: primary", "{end: 30d}, role: primary"))
    message = run("amend", frozen, "--why", "two", "--on", "2026-01-11").failed(1)
    assert "2026-01-11 is before the last entry of the lock (2026-01-12)" in message
    told = run("amend", frozen, "--why", "two", "--on", "2999-01-01").failed(2)
    assert "that time has not come yet" in told
    run("amend", frozen, "--why", "two", "--on", "2026-01-13").worked()
    result = result_of(frozen)
    assert [one["reason"] for one in result["lock"]["changes"]] == ["one", "two"]
    assert labels(result)["bought_30d"] == "amended"


@pytest.mark.parametrize(
    ("edits", "path"),
    [
        ([("key: control, control: true", "key: control"),
          (f"key: {COUPON}", f"key: {COUPON}, control: true")], "control"),
        ([("metrics:", "assignment: {seed: other}\nmetrics:")], "assignment.seed"),
        ([(f"{COUPON}, weight: 50", f"{COUPON}, weight: 50, payload: {{pct: 20}}")],
         f"variants.{COUPON}.payload"),
    ],
)  # fmt: skip
def test_some_changes_no_reason_makes_good(
    frozen: Path, edits: list[tuple[str, str]], path: str
) -> None:
    change(frozen, *edits)
    run("amend", frozen, "--why", "We had to.", "--on", "2026-01-12").worked()
    result = result_of(frozen)
    (found,) = result["lock"]["changes"]
    assert (found["path"], found["status"], found["exploratory"]) == (path, "amended", True)
    assert set(labels(result).values()) == {"exploratory"}
    assert result["decision"]["verdict"] in {"inconclusive", "rollback"}
    assert "while customers entered" not in result["decision"]["reason"]


def test_before_the_start_everything_can_be_amended(frozen: Path) -> None:
    change(frozen, ("metrics:", "assignment: {seed: other}\nmetrics:"))
    run("amend", frozen, "--why", "Salt was taken.", "--on", "2026-01-05").worked()
    assert set(labels(result_of(frozen)).values()) == {"amended"}


def test_a_metric_that_is_not_in_the_lock_is_exploratory(frozen: Path) -> None:
    one = "  - {key: any_60d, kind: conversion, events: orders, window: {end: 50d}"
    text = frozen.read_text(encoding="utf-8")
    frozen.write_text(f"{text}{one}, role: exploratory}}\n", encoding="utf-8")
    result = result_of(frozen)
    assert changes(result)["metrics.any_60d"][2] == "exploratory"
    assert labels(result)["any_60d"] == "exploratory"
    assert labels(result)["bought_30d"] == "confirmatory"
    frozen.write_text(f"{text}{one}}}\n", encoding="utf-8")
    result = result_of(frozen, 5)
    assert changes(result)["metrics.any_60d"][2] == "silent"
    assert labels(result) == {
        "bought_30d": "confirmatory", "revenue_30d": "exploratory", "any_60d": "exploratory",
    }  # fmt: skip


def test_a_primary_metric_that_went_is_named(frozen: Path) -> None:
    change(frozen, ("window: {end: 30d}}", "window: {end: 30d}, role: primary}"))
    text = frozen.read_text(encoding="utf-8")
    lock_of(frozen).unlink()
    run("freeze", frozen, "--on", "2026-01-04").worked()
    frozen.write_text("".join(text.splitlines(keepends=True)[:-1]), encoding="utf-8")
    result = result_of(frozen, 5)
    assert changes(result)["metrics.revenue_30d"][1] is None
    assert labels(result) == {"bought_30d": "exploratory"}


def ramped(spec: Path) -> None:
    """Customers came at 50:50 on 5 January, and many more at 90:10 on the 12th."""
    rows = spec.with_name("assignments.csv").read_text(encoding="utf-8")
    later = "".join(
        f"L{i},{COUPON if i % 10 == 0 else 'control'},2026-01-12T09:00:00+00:00\n"
        for i in range(2000)
    )
    spec.with_name("assignments.csv").write_text(rows + later, encoding="utf-8")
    change(spec, ("weight: 50}\n  - ", "weight: 90}\n  - "), ("weight: 50}", "weight: 10}"))


def sample_ratio(result: dict[str, Any]) -> dict[str, Any]:
    (check,) = [check for check in result["checks"] if check["key"] == "sample_ratio"]
    return {**check["details"], "status": check["status"]}


def test_the_split_is_judged_against_the_weights_that_ran(frozen: Path) -> None:
    ramped(frozen)
    assert sample_ratio(result_of(frozen, 5))["status"] == "fail"
    run("amend", frozen, "--why", "Coupons ran out.", "--on", "2026-01-12").worked()
    result = result_of(frozen)
    found = sample_ratio(result)
    assert found["status"] == "pass"
    # 200 customers at 50:50 and 2,000 at 90:10, counted by hand.
    assert found["expected"] == pytest.approx([100 + 1800, 100 + 200])
    assert result["spec"]["variants"][0]["weight"] == 50
    assert result["spec"]["assignment"]["phases"][0]["from"] == "2026-01-12"
    assert labels(result)["bought_30d"] in {"amended", "descriptive"}


def test_a_phase_that_contradicts_the_amendment_is_refused(frozen: Path) -> None:
    ramped(frozen)
    phase = f"{{from: 2026-01-14, weights: {{control: 9, {COUPON}: 1}}}}"
    change(frozen, ("metrics:", f"assignment: {{phases: [{phase}]}}\nmetrics:"))
    before = lock_of(frozen).read_bytes()
    message = run("amend", frozen, "--why", "Ramp", "--on", "2026-01-12").failed(1)
    assert "assignment.phases: say that control 50" in message
    assert lock_of(frozen).read_bytes() == before


def test_freezing_twice_is_refused(frozen: Path) -> None:
    before = lock_of(frozen).read_bytes()
    assert "abtest amend" in run("freeze", frozen).failed(1)
    assert lock_of(frozen).read_bytes() == before


def test_a_spec_with_faults_is_not_frozen(spec: Path) -> None:
    change(spec, ("{end: 30d}, role: primary", "{end: 20d}, rolle: primary"))
    assert "rolle" in run("freeze", spec).failed(1)
    assert not lock_of(spec).exists()


def test_what_amend_needs(spec: Path) -> None:
    assert "abtest freeze" in run("amend", spec, "--why", "x").failed(1)
    assert "--why" in run("amend", spec).failed(2)
    assert "--why is empty" in run("amend", spec, "--why", " ").failed(2)
    assert "it must be a date" in run("freeze", spec, "--on", "soon").failed(2)
    assert "has not come yet" in run("freeze", spec, "--on", "2999-01-01").failed(2)
    assert not lock_of(spec).exists()


def test_the_clock_is_the_command_lines(spec: Path) -> None:
    run("freeze", spec).worked()
    frozen_on = json.loads(lock_of(spec).read_text(encoding="utf-8"))["frozen_on"]
    assert frozen_on[:4] >= "2026"
    assert frozen_on.endswith("+00:00")
    assert moment(None, "Asia/Tehran").endswith("+03:30")


def test_a_result_is_not_written_over_the_lock(frozen: Path) -> None:
    message = run("analyze", frozen, "-o", lock_of(frozen)).failed(1)
    assert "is an input" in message


@pytest.mark.parametrize("after", [0.2, 0.5, 0.7, 0.9])
def test_a_killed_amendment_leaves_the_lock_whole(frozen: Path, after: float) -> None:
    before = lock_of(frozen).read_bytes()
    change(frozen, ("{end: 30d}, role: primary", "{end: 20d}, role: primary"))
    command = [sys.executable, "-m", "abtest", "amend", str(frozen), "--why", "x"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.kill()
    process.wait()
    found = read_lock(lock_of(frozen))
    assert found is not None
    assert lock_of(frozen).read_bytes() == before or len(found.amendments) == 1
