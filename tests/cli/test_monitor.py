"""abtest monitor: idempotent, forward only, and whole whenever it is killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from abtest import analyze
from abtest.analysis.sequential.log_chain import chained
from command_line import leftovers, run
from nights import make_nights, night


def looks(spec: Path) -> list[dict[str, object]]:
    text = (spec.parent / "looks.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return make_nights(tmp_path / "nightly", lift=0.06)


def test_until_a_boundary_is_crossed(spec: Path) -> None:
    codes = [
        run("monitor", spec, "--as-of", night(n), "--no-report").code for n in (1, 10, 20, 30, 36)
    ]
    assert codes == [0, 0, 0, 10, 10]
    logged = looks(spec)
    # Nothing is mature on night 1, and after the stop nothing is logged.
    assert [look["as_of"][:10] for look in logged] == [night(n) for n in (10, 20, 30)]  # type: ignore[index]
    result = analyze(spec, as_of=night(36))
    record = result.results[0]
    assert record.pvalue is not None
    assert record.pvalue == record.pvalue_adjusted
    assert record.pvalue < 0.05
    assert record.ci_adjustment == "stagewise"
    assert record.difference_ci_low is not None
    assert record.difference_ci_low > 0
    assert any("sequential plan has stopped" in note for note in record.notes)
    assert result.decision.verdict == "ship"
    # What is not primary keeps an interval that holds at all times, and no p-value.
    assert [record.pvalue for record in result.results[1:]] == [None, None]


def test_what_is_watched_after_the_stop_is_never_wider_than_at_the_stop(spec: Path) -> None:
    """No night is logged any more: each reading is cut by the logged nights, and by itself."""
    for which in (20, 30):
        run("monitor", spec, "--as-of", night(which), "--no-report")
    at_stop = {row["metric"]: row for row in looks(spec)[-1]["rows"]}  # type: ignore[attr-defined]
    assert at_stop["bought_7d"]["state"] == "crossed"
    before = (spec.parent / "looks.jsonl").read_bytes()
    over = run("monitor", spec, "--as-of", night(33), "--no-report")
    assert over.code == 10
    assert (spec.parent / "looks.jsonl").read_bytes() == before
    for record in analyze(spec, as_of=night(36)).results[1:]:
        row = at_stop[record.metric]
        assert record.difference_ci_low is not None
        assert record.difference_ci_high is not None
        assert record.difference_ci_low >= row["ci_low"]
        assert record.difference_ci_high <= row["ci_high"]
        assert record.n > row["n"]  # customers who matured since count


def test_the_table_says_how_far_it_is(spec: Path) -> None:
    found = run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    head, primary, *_ = found.out.splitlines()
    assert head.split()[:6] == ["metric", "variant", "mature", "of", "plan", "z"]
    assert primary.split()[:4] == ["bought_7d", "coupon", "1,300", "46.4%"]
    assert "Logged the look of 2026-01-25T00:00:00+00:00" in found.out
    assert found.err == "" or "Reading" in found.err


def test_the_report_is_drawn_again(spec: Path) -> None:
    found = run("monitor", spec, "--as-of", night(20)).worked()
    report = spec.with_suffix(".report.html")
    assert f"Report: {report}" in found.out
    assert report.exists()


def test_the_same_night_twice_is_one_look(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    before = (spec.parent / "looks.jsonl").read_bytes()
    again = run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert "already" in again.out
    assert (spec.parent / "looks.jsonl").read_bytes() == before


def test_two_runs_at_once_lose_no_look(spec: Path) -> None:
    """The second run reads the log only once the first has written it."""
    fcntl = pytest.importorskip("fcntl")
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    log = spec.parent / "looks.jsonl"
    first = log.read_text(encoding="utf-8")
    log.unlink()
    handle = os.open(spec.parent, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # as another run would, before it reads
    command = [sys.executable, "-m", "abtest", "monitor", str(spec), "--as-of", night(20)]
    second = subprocess.Popen(
        [*command, "--no-report"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert second.stderr is not None
        assert "waits until it is done" in second.stderr.readline()
        log.write_text(first, encoding="utf-8")
    finally:
        os.close(handle)
        second.communicate(timeout=60)
    assert second.returncode == 0
    assert [look["as_of"][:10] for look in looks(spec)] == [night(15), night(20)]  # type: ignore[index]


def test_a_look_back_in_time_is_refused(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    before = (spec.parent / "looks.jsonl").read_bytes()
    message = run("monitor", spec, "--as-of", night(19), "--no-report").failed()
    assert f"as_of is {night(19)}" in message
    assert "Looks only go forward" in message
    assert (spec.parent / "looks.jsonl").read_bytes() == before


def test_other_data_for_the_same_night_is_a_restatement(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    before = (spec.parent / "looks.jsonl").read_text(encoding="utf-8")
    orders = spec.parent / "orders.csv"
    lines = orders.read_text(encoding="utf-8").splitlines()
    orders.write_text("\n".join([lines[0], *lines[40:]]) + "\n", encoding="utf-8")
    found = run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert "stays as it was logged" in found.out
    after = (spec.parent / "looks.jsonl").read_text(encoding="utf-8")
    assert after.startswith(before)
    assert [look["type"] for look in looks(spec)] == ["look", "restatement"]
    again = run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert "already" in again.out


def test_data_of_an_earlier_look_that_changed_are_logged_and_decide_nothing_anew(
    spec: Path,
) -> None:
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    first = looks(spec)[0]
    orders = spec.parent / "orders.csv"
    lines = orders.read_text(encoding="utf-8").splitlines()
    orders.write_text("\n".join([lines[0], *lines[40:]]) + "\n", encoding="utf-8")
    found = run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert "logged as a restatement" in found.out
    logged = looks(spec)
    assert [look["type"] for look in logged] == ["look", "restatement", "look"]
    assert logged[0] == first
    assert logged[1]["as_of"] == first["as_of"]
    assert logged[1]["rows"][0]["value"] != first["rows"][0]["value"]  # type: ignore[index]


def test_nothing_is_spent_on_a_plan_that_is_not_the_frozen_one(spec: Path) -> None:
    run("freeze", spec, "--on", "2026-01-04").worked()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("max_units: 2800", "max_units: 1400"), encoding="utf-8")
    found = run("monitor", spec, "--as-of", night(20), "--no-report")
    assert found.code == 5
    assert "differs from its frozen plan" in found.out
    assert not (spec.parent / "looks.jsonl").exists()


def test_a_changed_plan_is_refused(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("max_units: 2800", "max_units: 1400"), encoding="utf-8")
    message = run("monitor", spec, "--as-of", night(20), "--no-report").failed()
    assert "max_units was 2800 and is 1400" in message


def test_a_changed_primary_metric_is_refused_and_a_new_title_is_not(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("end: 7d}, role: primary", "end: 5d}, role: primary"), "utf-8")
    message = run("monitor", spec, "--as-of", night(20), "--no-report").failed()
    assert "bought_7d.window was" in message
    spec.write_text(text.replace("role: primary", "role: primary, title: Bought"), "utf-8")
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()


def test_the_plan_ends_when_as_many_are_mature_as_planned_though_the_split_is_not_even(
    tmp_path: Path,
) -> None:
    spec = make_nights(tmp_path / "full", lift=0.0)
    assigned = spec.parent / "assignments.csv"
    text = assigned.read_text(encoding="utf-8").replace("c00-000,control", "c00-000,coupon")
    assigned.write_text(text.replace("c00-002,control", "c00-002,coupon"), encoding="utf-8")
    run("monitor", spec, "--as-of", night(44), "--no-report").worked()
    row = looks(spec)[-1]["rows"][0]  # type: ignore[index]
    assert row["n"] + row["n_control"] == 2800
    assert row["information_fraction"] < 1
    assert row["state"] == "ended"
    assert row["spent"] == pytest.approx(0.05)
    assert row["final"]["pvalue"] is not None


def test_the_end_before_the_plan_is_full_spends_what_is_left(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "short", lift=0.0)
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    run("monitor", spec, "--as-of", night(25), "--no-report", "--final").worked()
    row = looks(spec)[-1]["rows"][0]  # type: ignore[index]
    assert row["spent"] == pytest.approx(0.05)
    assert row["state"] == "ended"
    record = analyze(spec, as_of=night(25)).results[0]
    assert record.pvalue == row["final"]["pvalue"]
    assert record.pvalue is not None
    assert record.pvalue > 0.05
    after = run("monitor", spec, "--as-of", night(30), "--no-report").worked()
    assert "no further look is logged" in after.out


def test_a_split_that_is_wrong_fails_over_the_nights(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "lost")
    assigned = spec.parent / "assignments.csv"
    lines = assigned.read_text(encoding="utf-8").splitlines()
    kept = [line for place, line in enumerate(lines) if place % 8 != 1 or "control" not in line]
    assigned.write_text("\n".join(kept) + "\n", encoding="utf-8")
    found = run("monitor", spec, "--as-of", night(28), "--no-report")
    assert found.code == 3
    assert "Check failed: Looked at every night, the split is not" in found.out
    assert looks(spec)[0]["split"]["log_e_value"] > 6.9  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_units: 2800", "looks: 4", "max_units"),
        ("role: primary}", "role: primary, maturity: all}", "33 times in 100"),
        ("analysis:\n  sequential: {engine: lan_demets,", "analysis: {}\nx: {", "x: unknown key"),
        ("engine: lan_demets", "engine: confidence_sequence", "spends no alpha"),
        ("obrien_fleming", "pocock, parameter: 2", "pocock spending has no parameter"),
    ],
)
def test_what_is_refused(spec: Path, old: str, new: str, message: str) -> None:
    text = spec.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new).replace("looks: nightly, looks: 4", "looks: 4")
    spec.write_text(text, encoding="utf-8")
    assert message in run("monitor", spec, "--as-of", night(20), "--no-report").failed()


def test_without_a_plan_or_a_date_there_is_nothing_to_monitor(spec: Path) -> None:
    assert "the night has no date" in run("monitor", spec, "--no-report").failed()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text[: text.index("analysis:")], encoding="utf-8")
    message = run("monitor", spec, "--as-of", night(20), "--no-report").failed()
    assert "analysis.sequential" in message
    assert "looked at once" in message


def rechained(lines: list[str]) -> str:
    """Lines with the fingerprints that they would have if they had been written so."""
    return chained([re.sub(r', "chain": "[0-9a-f]{64}"}', "}", line) for line in lines], "")


def rewrite(log: Path, lines: list[str]) -> None:
    """As if the lines had been written so, so that what they say is looked at."""
    text = rechained(lines)
    log.write_text(text, encoding="utf-8")
    log.with_name("looks.head").write_text(json.loads(text.splitlines()[-1])["chain"], "utf-8")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with three looks."""
    spec = make_nights(tmp_path_factory.mktemp("logged") / "nightly", per_day=20)
    for which in (15, 18, 20):
        run("monitor", spec, "--as-of", night(which), "--no-report").worked()
    return spec


@pytest.fixture
def three(logged: Path, tmp_path: Path) -> Path:
    shutil.copytree(logged.parent, tmp_path / "copy")
    return tmp_path / "copy" / logged.name


@pytest.mark.parametrize("line", ["{", "[]", '{"schema": "abtest-look/v1"}'])
def test_a_line_that_is_no_look_is_refused(three: Path, line: str) -> None:
    log = three.parent / "looks.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()
    log.write_text("\n".join([*lines, line]) + "\n", encoding="utf-8")
    found = run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert "looks.jsonl:4 does not follow from the lines before it" in found
    (three.parent / "looks.head").unlink()
    log.write_text(line + "\n", encoding="utf-8")  # as an earlier version would
    found = run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert "looks.jsonl:1 is no look of a sequential plan" in found


def swapped(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], lines[2]]


def edited(line: str) -> str:
    assert '"n": 80' in line or '"n": 110' in line or '"n": 130' in line
    return re.sub(r'"n": (80|110|130)', '"n": 81', line, count=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [edited(lines[0]), *lines[1:]], "looks.jsonl:1 does not follow"),
        (lambda lines: [lines[0], edited(lines[1]), lines[2]], "looks.jsonl:2 does not follow"),
        (lambda lines: [*lines[:2], edited(lines[2])], "looks.jsonl:3 does not follow"),
        (lambda lines: [*lines[:2], lines[2].replace(', "', ',  "', 1)], ":3 does not follow"),
        (swapped, "looks.jsonl:1 does not follow"),
        (lambda lines: lines[1:], "looks.jsonl:1 does not follow"),
        (lambda lines: [lines[0], lines[2]], "looks.jsonl:2 does not follow"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "looks.jsonl:2 does not follow"),
        (lambda lines: lines[:2], "lines were removed from its end"),
        (lambda lines: lines[:1], "lines were removed from its end"),
        (lambda _: [], "is missing or empty, but"),
        (lambda lines: [rechained(lines[:2]).splitlines()[0], *lines[1:2]], "removed from its end"),
        # Without its fingerprint a line after one that has one is refused too.
        (lambda lines: [*lines[:2], lines[2][:-76] + "}"], "looks.jsonl:3 does not follow"),
    ],
)
def test_lines_that_were_changed_moved_or_removed_are_refused(
    three: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    log = three.parent / "looks.jsonl"
    lines = change(log.read_text(encoding="utf-8").splitlines())
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    before = {path.name: path.read_bytes() for path in three.parent.iterdir()}
    assert message in run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert message in run("analyze", three, "--as-of", night(21), "--no-save").failed()
    assert {path.name: path.read_bytes() for path in three.parent.iterdir()} == before


def test_a_log_that_is_gone_is_refused(three: Path) -> None:
    (three.parent / "looks.jsonl").unlink()
    message = run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert "says that there were looks" in message
    assert "remove both" in message


def test_without_the_last_fingerprint_nobody_knows_whether_the_log_is_whole(three: Path) -> None:
    head = three.parent / "looks.head"
    last = head.read_text(encoding="utf-8")
    head.unlink()
    message = run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert "looks.head is missing" in message
    assert (
        json.loads((three.parent / "looks.jsonl").read_text("utf-8").splitlines()[-1])["chain"]
        == last.strip()
    )
    head.write_text(last, encoding="utf-8")
    run("monitor", three, "--as-of", night(21), "--no-report").worked()


def test_stopped_between_the_log_and_its_fingerprint(three: Path) -> None:
    """The log goes on after the fingerprint: the next run, of any night, writes it."""
    log, head = three.parent / "looks.jsonl", three.parent / "looks.head"
    last = head.read_text(encoding="utf-8")
    head.write_text(json.loads(log.read_text("utf-8").splitlines()[1])["chain"], encoding="utf-8")
    found = run("monitor", three, "--as-of", night(20), "--no-report").worked()
    assert "already" in found.out
    assert head.read_text(encoding="utf-8") == last


def test_stopped_at_the_first_fingerprint(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "first", per_day=20)
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    (spec.parent / "looks.head").unlink()
    run("monitor", spec, "--as-of", night(18), "--no-report").worked()
    assert (spec.parent / "looks.head").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('T00:00:00+00:00", "plan"', 'T00:00:00", "plan"', "looks.jsonl:1 is no look"),
        ('"information_fraction": 0.', '"information_fraction": 7.', "must grow"),
        ('"information_fraction": 0.', '"information_fraction": -0.', "must grow"),
    ],
)
def test_numbers_and_times_that_cannot_be_are_refused(
    three: Path, old: str, new: str, message: str
) -> None:
    log = three.parent / "looks.jsonl"
    first, *others = log.read_text(encoding="utf-8").splitlines()
    assert old in first
    rewrite(log, [first.replace(old, new), *others])
    assert message in run("monitor", three, "--as-of", night(21), "--no-report").failed()
    assert message in run("analyze", three, "--as-of", night(21), "--no-save").failed()


def test_a_log_out_of_order_or_of_another_experiment_is_refused(three: Path) -> None:
    log = three.parent / "looks.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()
    rewrite(log, [*lines, lines[-1]])
    assert "came before it" in run("monitor", three, "--as-of", night(21)).failed()
    rewrite(log, [line.replace("nightly-offer", "another") for line in lines])
    assert "is a look at 'another'" in run("monitor", three, "--as-of", night(21)).failed()


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_whatever_write_it_stops_at_the_log_is_whole(
    spec: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at each step of writing, the log is what it was; the next run logs the night."""
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    before = (spec.parent / "looks.jsonl").read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, stop)
        assert run("monitor", spec, "--as-of", night(20), "--no-report").code != 0
    assert (spec.parent / "looks.jsonl").read_bytes() == before
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert len(looks(spec)) == 2
    assert leftovers(spec.parent) == []


@pytest.mark.slow
def test_killed_at_any_moment_the_log_is_whole(spec: Path) -> None:
    run("monitor", spec, "--as-of", night(15), "--no-report").worked()
    before = looks(spec)
    command = [sys.executable, "-m", "abtest", "monitor", str(spec), "--as-of", night(20)]
    for wait in (0.3, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert looks(spec)[:1] == before
        assert len(looks(spec)) in (1, 2)
    run("monitor", spec, "--as-of", night(20), "--no-report").worked()
    assert len(looks(spec)) == 2


TOTALS = """\
spec: abtest/v1
key: totals
kind: messaging
unit: null
variants: [{key: control, control: true, weight: 5}, {key: mail, weight: 95}]
schedule: {start: 2026-01-01}
data: {totals: {path: totals.csv, variant: variant, date: day}}
metrics: [{key: share, kind: proportion, successes: bought, trials: n, role: primary}]
analysis: {sequential: {engine: lan_demets, max_units: UNITS}}
"""


@pytest.mark.parametrize(
    ("units", "bounds"),
    [
        # One look at half of the plan and one at its end, or at 2/3 and 4/3 of it, which is an
        # over-run: P(|z1| < b1, |z2| > b2) by scipy's quadrature of the bivariate normal.
        (20_000, (2.9625880427, 1.9685956406)),
        (15_000, (2.5093085104, 2.0156834670)),
    ],
)
def test_totals_are_monitored_day_by_day(
    tmp_path: Path, units: int, bounds: tuple[float, float]
) -> None:
    """A night knows only the days that were over: the first one does not see the second."""
    spec = tmp_path / "experiment.yaml"
    spec.write_text(TOTALS.replace("UNITS", str(units)), encoding="utf-8")
    rows = ["control,2026-01-01,500,50", "mail,2026-01-01,9500,1100"]
    rows += ["control,2026-01-02,500,50", "mail,2026-01-02,9500,1300"]
    text = "\n".join(["variant,day,n,bought", *rows])
    (tmp_path / "totals.csv").write_text(text, encoding="utf-8")
    assert run("monitor", spec, "--as-of", "2026-01-02", "--no-report").code == 0
    assert run("monitor", spec, "--as-of", "2026-01-03", "--no-report").code == 10
    lines = (tmp_path / "looks.jsonl").read_text("utf-8").splitlines()
    looks = [json.loads(line)["rows"][0] for line in lines]
    assert [look["information_fraction"] for look in looks] == [10_000 / units, 20_000 / units]
    assert [look["boundary"] for look in looks] == pytest.approx(bounds, rel=1e-9)
