"""abtest archive and abtest status: every view, and every file that cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from abtest.analysis.archive import archive_folder, archive_of
from archive_support import simulated, write_archive
from command_line import make_experiment, run
from specs import EVENTS, changed

ON = ("--on", "2026-04-01")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a decided experiment, and a draft whose title is hostile."""
    folder = tmp_path_factory.mktemp("experiments")
    spec = make_experiment(folder / "winback", customers=600)
    run("analyze", spec).worked()
    told = ("--verdict", "neutral", "--why", "<b>too dear</b>", "--on", "2026-03-04")
    run("decide", spec, *told).worked()
    (folder / "later").mkdir()
    text = changed(EVENTS, ("key: winback", "key: later\ntitle: <script>alert(1)</script>"))
    (folder / "later" / "experiment.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_table(made: Path) -> None:
    found = run("archive", made, *ON).worked()
    for part in ("2 experiments: 1 draft, 1 decided.", "against the recommendation (ship کوپن)"):
        assert part in " ".join(found.out.split())
    assert found.err == ""


def test_json_is_what_python_gives(made: Path) -> None:
    found = json.loads(run("archive", made, "-f", "json", *ON).worked().out)
    assert found["schema"] == "abtest-archive/v1"
    assert found == json.loads(archive_folder(made, "2026-04-01").to_json())
    assert [entry["state"] for entry in found["experiments"]] == ["draft", "decided"]
    assert found["experiments"][1]["report"] == "winback/experiment.report.html"
    assert found["experiments"][1]["decision"]["against"] is True


def test_the_same_input_gives_the_same_bytes(made: Path) -> None:
    for form in ("table", "json", "html"):
        first = run("archive", made, "-f", form, *ON).worked().out
        assert run("archive", made, "-f", form, *ON).worked().out == first


def test_the_page_is_inert_and_leads_to_reports(made: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    run("archive", made, "-o", page, *ON).worked()
    text = page.read_text("utf-8")
    assert 'href="winback/experiment.report.html"' in text
    assert "<script" not in text
    assert "&lt;b&gt;too dear" in text
    assert re.findall(r'(?:src|href)="(?!winback/|#)', text) == []


def test_status(made: Path) -> None:
    found = run("status", made, *ON).worked()
    assert "decided" in found.out
    assert "Past lifts" not in found.out
    assert run("status", made).worked().out != found.out  # today is another day


def test_status_here(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    assert "winback" in run("status", *ON).worked().out


def test_inputs_are_not_written_over(made: Path) -> None:
    for name in ("experiment.yaml", "decision.json", "results/2026-03-01.json"):
        path = made / "winback" / name
        before = path.read_bytes()
        assert "is an input" in run("archive", made, "-f", "json", "-o", path, *ON).failed()
        assert path.read_bytes() == before


def test_every_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    experiments = simulated(np.random.default_rng(3), 0.02, 0.05, 4)
    write_archive(tmp_path, experiments)
    files = {
        "test-0/results/2026-05-01.json": ("{", "broken"),
        "test-0/results/notes.txt": ("hello", "foreign"),
        "test-1/decision.json": ('{"schema": "abtest-decisions/v1", "experiment": "x"}', "foreign"),
        "test-2/decision.json": ("[]", "broken"),
        "test-3/experiment.yaml": ("spec: abtest/v1\nkey: [", "broken"),
        "copy/experiment.yaml": (EVENTS.replace("key: winback", "key: test-0"), "broken"),
        "lost/decision.json": ("{}", "foreign"),
        "alone/results/2026-05-01.json": ("{}", "foreign"),
    }
    for name, (text, _) in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    moved = (tmp_path / "test-1" / "results" / "2026-03-01.json").read_text("utf-8")
    (tmp_path / "test-0" / "results" / "2026-03-01.json").write_text(moved, encoding="utf-8")
    found = archive_folder(tmp_path, "2026-04-01")
    told = {(fault.file, fault.kind) for fault in found.faults}
    wanted = {(name, kind) for name, (_, kind) in files.items()}
    wanted -= {("lost/decision.json", "foreign"), ("alone/results/2026-05-01.json", "foreign")}
    wanted -= {("copy/experiment.yaml", "broken")}
    wanted |= {("lost", "foreign"), ("alone", "foreign"), ("test-0/experiment.yaml", "broken")}
    wanted |= {("test-0/results/2026-03-01.json", "foreign")}
    assert told == wanted
    assert [lift.experiment for lift in found.lifts] == ["test-1", "test-2"]
    for command in ("archive", "status"):
        shown = run(command, tmp_path, *ON)
        text = shown.failed()
        assert all(name in text and name in shown.out for name, _ in wanted)
        assert f"{sum(kind == 'broken' for _, kind in wanted)} broken files" in shown.out
        assert f"{sum(kind == 'foreign' for _, kind in wanted)} foreign files" in shown.out


def test_foreign_files_alone_are_no_failure(tmp_path: Path) -> None:
    write_archive(tmp_path, simulated(np.random.default_rng(3), 0.02, 0.05, 1))
    (tmp_path / "test-0" / "results" / "notes.txt").write_text("hello", encoding="utf-8")
    assert "foreign: test-0/results/notes.txt" in run("status", tmp_path, *ON).worked().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["archive", "nowhere"], 1, "nowhere is no folder"),
        (["status", "nowhere"], 1, "nowhere is no folder"),
        (["archive", ".", "-o", "x.pdf"], 2, "no ending that says how to write it"),
        (["archive", ".", "--leave-out", "winbak"], 2, "winbak"),
        (["status", ".", "--on", "soon"], 2, "it must be a date"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, told: str, made: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert told in run(*arguments).failed(code)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "0 experiments." in run("archive", tmp_path, *ON).worked().out


def test_200_experiments_through_their_files(tmp_path: Path) -> None:
    """What the simulation of coverage computes in memory is what the command computes."""
    experiments = simulated(np.random.default_rng(5), 0.02, 0.05)
    write_archive(tmp_path, experiments)
    found = json.loads(run("archive", tmp_path, "-f", "json", *ON).worked().out)
    (pool,) = found["pools"]
    (wanted,) = archive_of(experiments, "2026-04-01").pools
    assert pool["k"] == 200
    assert pool["log_mean"] == pytest.approx(wanted.log_mean, rel=1e-12)
    assert pool["log_mean"] == pytest.approx(0.02, abs=3 * pool["log_se"])
    assert pool["tau"] == pytest.approx(0.05, abs=0.015)
