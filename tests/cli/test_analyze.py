"""abtest analyze: every format, every exit code, and nothing lost."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abtest import analyze
from abtest.cli.output import replacing, write_text
from abtest.errors import AbtestError
from command_line import SPEC, leftovers, make_experiment, run, spawn


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("made"))


@pytest.fixture
def spec(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "my experiment"
    shutil.copytree(made.parent, folder)
    return folder / made.name


def change(spec: Path, old: str, new: str) -> None:
    text = spec.read_text(encoding="utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), encoding="utf-8")


def test_the_table_and_where_the_report_is(spec: Path) -> None:
    found = run("analyze", spec).worked()
    assert "bought_30d" in found.out
    assert "کوپن" in found.out
    report = spec.with_suffix(".report.html")
    assert f"Report: {report}" in found.out
    assert report.read_text(encoding="utf-8").startswith("<!")


def test_no_report_on_request(spec: Path) -> None:
    found = run("analyze", spec, "--no-report").worked()
    assert "Report:" not in found.out
    assert not spec.with_suffix(".report.html").exists()


def test_json_is_what_python_gives(spec: Path) -> None:
    found = json.loads(run("analyze", spec, "--format", "json").worked().out)
    assert found["schema"] == "abtest-result/v1"
    assert found == json.loads(json.dumps(analyze(spec).to_dict()))


def test_csv_has_a_row_per_record(spec: Path) -> None:
    found = run("analyze", spec, "-f", "csv").worked().out
    rows = list(csv.DictReader(io.StringIO(found)))
    assert {row["metric"] for row in rows} == {"bought_30d", "revenue_30d"}


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.json", "{"),
        ("a.csv", "experiment,"),
        ("a.md", "#"),
        ("a.HTML", "<!"),
        ("نتيجه.html", "<!"),
        ("a.txt", ""),
    ],
)
def test_the_ending_says_how_to_write(spec: Path, name: str, start: str) -> None:
    output = spec.parent / name
    found = run("analyze", spec, "-o", output).worked()
    assert found.out == ""
    assert found.err == f"Wrote {output}\n"
    assert output.read_text(encoding="utf-8").startswith(start)
    assert leftovers(spec.parent) == []
    assert not spec.with_suffix(".report.html").exists()


def test_the_format_wins_over_the_ending(spec: Path) -> None:
    output = spec.parent / "a.dat"
    run("analyze", spec, "-o", output, "--format", "md").worked()
    assert output.read_text(encoding="utf-8").startswith("#")


@pytest.mark.parametrize("ending", ["json", "html"])
def test_the_same_input_gives_the_same_bytes(spec: Path, ending: str) -> None:
    outputs = [spec.parent / f"{name}.{ending}" for name in "ab"]
    for output in outputs:
        run("analyze", spec, "-o", output).worked()
    first, second = (output.read_bytes() for output in outputs)
    assert first == second


def test_output_keeps_the_usual_permissions(spec: Path) -> None:
    output = spec.parent / "a.json"
    run("analyze", spec, "-o", output).worked()
    reference = spec.parent / "reference"
    reference.touch()
    assert output.stat().st_mode == reference.stat().st_mode


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "result.pdf"], "has no ending that says how to write it; add --format"),
        (["--format", "pdf"], "'pdf' is not one of"),
        (["--data", "orders"], "must be a table and a path: orders=orders.parquet"),
        (["--data", "orders="], "must be a table and a path"),
        (["--data", "=a.csv"], "must be a table and a path"),
        (["--data", "orders=a", "--data", "orders=b"], "is given twice"),
        (["--as-of", "soon"], "must be a date such as"),
        (["--as-of", ""], "must be a date such as"),
        (["--as-of", "0001-01-01"], "a year between 1000 and 3000"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_usage(spec: Path, arguments: list[str], message: str) -> None:
    error = run("analyze", spec, *arguments).failed(2)
    assert message in " ".join(error.replace("│", " ").split())


def test_another_file_for_a_table(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run("analyze", spec, "-f", "csv").worked().out
    moved = spec.parent.parent / "orders moved.csv"
    (spec.parent / "orders.csv").rename(moved)
    monkeypatch.chdir(moved.parent)
    assert (
        run("analyze", spec, "-f", "csv", "--data", f"orders={moved.name}").worked().out == before
    )


def test_a_table_that_the_spec_does_not_have(spec: Path) -> None:
    error = run("analyze", spec, "--data", "ordres=x.csv").failed()
    assert 'did you mean "orders"?' in error


def test_a_table_with_faults_is_not_called_unknown(spec: Path) -> None:
    change(spec, "at: ordered_at", "att: ordered_at")
    error = run("analyze", spec, "--data", "orders=x.csv").failed()
    assert "data.events.orders.att: unknown key" in error
    assert "no table" not in error


def test_the_cut_off_of_the_command_line_wins(spec: Path) -> None:
    found = run("analyze", spec, "--as-of", "2026-02-20", "-f", "json").worked()
    assert json.loads(found.out)["as_of"] == "2026-02-20T00:00:00+00:00"


def test_event_logs_need_a_cut_off(spec: Path) -> None:
    change(spec, "  as_of: 2026-03-01\n", "")
    error = run("analyze", spec).failed()
    assert "pass --as-of 2026-03-01" in error
    run("analyze", spec, "--as-of", "2026-03-01", "--no-report").worked()


def test_exit_4_where_nothing_can_be_read_yet(spec: Path) -> None:
    output = spec.parent / "early.json"
    found = run("analyze", spec, "--as-of", "2026-01-20", "-o", output)
    assert found.code == 4
    assert json.loads(output.read_text(encoding="utf-8"))["decision"]["verdict"] == "inconclusive"
    table = run("analyze", spec, "--as-of", "2026-01-20")
    assert table.code == 4
    assert "Traceback" not in table.err
    assert "bought_30d" in table.out


def test_exit_3_where_the_sample_ratio_is_wrong(spec: Path) -> None:
    lines = (spec.parent / "assignments.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for i, line in enumerate(lines) if "control" not in line or i % 3 == 0]
    (spec.parent / "assignments.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    output = spec.parent / "result.json"
    found = run("analyze", spec, "-o", output)
    assert found.code == 3
    result = json.loads(output.read_text(encoding="utf-8"))
    assert result["decision"]["verdict"] == "invalid"
    assert any(check["status"] == "fail" for check in result["checks"])
    for format_ in ("table", "md", "html", "csv"):
        shown = run("analyze", spec, "-f", format_)
        assert shown.code == 3
        assert "invalid" in shown.out.lower()


def test_exit_3_comes_before_4(spec: Path) -> None:
    lines = (spec.parent / "assignments.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for i, line in enumerate(lines) if "control" not in line or i % 3 == 0]
    (spec.parent / "assignments.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert run("analyze", spec, "--as-of", "2026-01-20", "--no-report").code == 3


# Files that must not be lost.


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("experiment.yaml", "plain"),
        ("experiment.yaml", "symlink"),
        ("orders.csv", "relative"),
        ("orders.csv", "symlink"),
        ("assignments.csv", "hardlink"),
        ("assignments.csv", "around"),
    ],
)
def test_an_input_is_never_written_over(
    spec: Path, name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = spec.parent / name
    before = target.read_bytes()
    other = spec.parent / "other.json"
    monkeypatch.chdir(spec.parent)
    if way == "symlink":
        other.symlink_to(target)
    elif way == "hardlink":
        other.hardlink_to(target)
    output = {
        "plain": target,
        "relative": Path(name),
        "around": spec.parent / ".." / spec.parent.name / name,
    }.get(way, other)
    error = run("analyze", spec, "-o", output, "-f", "json").failed()
    assert "is an input; the output must go to another file" in error
    assert target.read_bytes() == before
    assert leftovers(spec.parent) == []


def test_a_file_given_as_data_is_an_input_too(spec: Path) -> None:
    other = spec.parent / "other.csv"
    shutil.copy(spec.parent / "orders.csv", other)
    error = run("analyze", spec, "--data", f"orders={other}", "-o", other).failed()
    assert "is an input" in error


@pytest.mark.parametrize("pattern", ["parts/*.csv", "parts/o?.csv", "parts/o[12].csv"])
@pytest.mark.parametrize("where", ["spec", "option"])
def test_a_file_that_a_pattern_matches_is_an_input_too(
    spec: Path, pattern: str, where: str
) -> None:
    parts = spec.parent / "parts"
    parts.mkdir()
    for name in ("o1.csv", "o2.csv"):
        shutil.copy(spec.parent / "orders.csv", parts / name)
    before = (parts / "o2.csv").read_bytes()
    given: list[str] = []
    if where == "spec":
        change(spec, "path: orders.csv", f'path: "{pattern}"')
    else:
        given = ["--data", f"orders={spec.parent / pattern}"]
    error = run("analyze", spec, *given, "-o", parts / "o2.csv").failed()
    assert "is an input" in error
    assert (parts / "o2.csv").read_bytes() == before


def test_a_folder_that_is_not_there(spec: Path) -> None:
    error = run("analyze", spec, "-o", spec.parent / "no" / "a.json").failed()
    assert "cannot be written: there is no folder" in error
    assert "Hint: make the folder first" in error


def test_a_folder_instead_of_a_file(spec: Path) -> None:
    (spec.parent / "a.json").mkdir()
    assert "is a folder" in run("analyze", spec, "-o", spec.parent / "a.json").failed()


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs POSIX devices")
def test_a_device_is_left_alone(spec: Path) -> None:
    error = run("analyze", spec, "-o", "/dev/null", "-f", "json").failed()
    assert "is a device or a pipe" in error
    assert not Path("/dev/null").is_file()


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied", ".abtest-secret")


def test_a_folder_that_cannot_be_written_to(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    error = run("analyze", spec, "-o", spec.parent / "a.json").failed()
    assert error == f"{spec.parent / 'a.json'} cannot be written: Permission denied\n"
    table = run("analyze", spec).worked()  # no fault of the analysis
    assert "bought_30d" in table.out
    assert "No report: " in table.err
    assert "cannot be written: Permission denied" in table.err


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_permission(spec: Path) -> None:
    spec.parent.chmod(0o500)
    try:
        error = run("analyze", spec, "-o", spec.parent / "a.json").failed()
    finally:
        spec.parent.chmod(0o700)
    assert "cannot be written: Permission denied" in error


def test_a_render_that_fails_leaves_the_old_file(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = spec.parent / "a.json"
    output.write_text("old", encoding="utf-8")

    def fail(*_: object) -> str:
        raise RuntimeError("no ink")

    monkeypatch.setattr("abtest.report.render", fail)
    found = run("analyze", spec, "-o", output)
    assert found.code == 1
    assert "abtest failed on something it should handle (RuntimeError: no ink)" in found.err
    assert "ABTEST_DEBUG=1" in found.err
    assert output.read_text(encoding="utf-8") == "old"
    assert leftovers(spec.parent) == []
    monkeypatch.setenv("ABTEST_DEBUG", "1")
    with pytest.raises(RuntimeError, match="no ink"):
        run("analyze", spec, "-o", output)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    write_text(path, "old")

    def half() -> None:
        with replacing(path) as temporary:
            assert temporary.name.endswith(".csv.gz")
            temporary.write_text("ne", encoding="utf-8")
            raise OSError(28, "No space left on device", str(path))

    with pytest.raises(OSError, match="No space left"):
        half()
    assert path.read_text(encoding="utf-8") == "old"
    assert leftovers(tmp_path) == []


def test_a_dangling_link_and_no_inputs(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "nowhere")
    write_text(link, "text", [tmp_path / "absent"])
    assert link.read_text(encoding="utf-8") == "text"
    with pytest.raises(AbtestError, match="is a folder"):
        write_text(tmp_path, "text")


def test_an_error_of_the_system_names_its_file(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "a.json")

    monkeypatch.setattr("abtest.cli.output.write_text", fail)
    error = run("analyze", spec, "-o", spec.parent / "a.json").failed()
    assert error == "a.json: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_terminated_run_leaves_no_temporary_file(tmp_path: Path) -> None:
    output = tmp_path / "a.txt"
    output.write_text("old", encoding="utf-8")
    probe = (
        "import sys, time\nfrom pathlib import Path\n"
        "from abtest.cli import app, output\n"
        "def slow():\n"
        "    with output.replacing(Path(sys.argv[1])):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "app.app = slow\napp.main()"
    )
    command = [sys.executable, "-c", probe, str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(leftovers(tmp_path)) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert output.read_text(encoding="utf-8") == "old"
    assert leftovers(tmp_path) == []


# Terminals and pipes.


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("arguments", ["analyze {spec}", "analyze {spec} -f json", "schema"])
def test_a_reader_that_leaves(spec: Path, arguments: str) -> None:
    command = f"{sys.executable} -m abtest {arguments.format(spec=repr(str(spec)))} | head -1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")
def test_a_reader_that_was_never_there() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "abtest", "--version"], stdout=write, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_narrow_terminal_loses_nothing(spec: Path) -> None:
    found = spawn("analyze", spec, "--no-report", COLUMNS="50").worked()
    for word in ("bought_30d", "revenue_30d", "control", "کوپن"):
        assert word in found.out
    assert "\x1b" not in found.out


def test_colour_is_a_choice(spec: Path) -> None:
    with_colour = spawn("analyze", spec, "--no-report", FORCE_COLOR="1", NO_COLOR="")
    without = spawn("analyze", spec, "--no-report", FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b[" in with_colour.out
    assert "\x1b[3" not in without.out


def test_a_terminal_that_cannot_show_a_name(spec: Path) -> None:
    found = spawn("analyze", spec, "--no-report", PYTHONIOENCODING="ascii").worked()
    assert "bought_30d" in found.out
    assert "\\u06a9" in found.out


# Specs and data that are at fault.


@pytest.mark.parametrize(
    ("path", "message"),
    [("missing.yaml", "does not exist"), ("orders.csv", "is not a mapping")],
)
def test_what_is_no_spec(spec: Path, path: str, message: str) -> None:
    assert message in run("analyze", spec.parent / path).failed()


def test_every_fault_of_a_spec(spec: Path) -> None:
    change(spec, "kind: messaging", "kind: mail")
    change(spec, "weight: 50}\nsch", "weight: 40}\nsch")
    change(spec, "value: amount", "value: amuont")
    error = run("analyze", spec).failed()
    assert [line.partition(": ")[0] for line in error.splitlines() if "Hint" not in line] == [
        f"{spec}:3",
        f"{spec}:5",
        f"{spec}:13",
    ]
    assert 'did you mean "amount"?' in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("customer_id,ordered_at,amount\n", ""),
        ("customer_id,ordered_at,amount\n1,2026-01-06,3,4\n", "has 4 values; the header has 3"),
        ('customer_id,ordered_at,amount\n1,"2026-01-06,3\n', "quote"),
        ("customer_id,ordered_at,amount\n1,soon,3\n", "is not a date or a time"),
        ("customer_id,ordered_at,amount\n1,2026-01-06,three\n", "is not a number"),
        ("customer_id,ordered_at,amount,amount\n", "more than one column called 'amount'"),
        ("customer,ordered_at,amount\n", "no column of orders.csv"),
    ],
)
def test_data_at_fault(spec: Path, content: str, message: str) -> None:
    (spec.parent / "orders.csv").write_text(content, encoding="utf-8")
    found = run("analyze", spec, "--no-report")
    if message:
        assert message in found.failed()
    else:
        assert found.code == 0, found  # nobody ordered anything


def test_data_that_are_not_there(spec: Path) -> None:
    (spec.parent / "orders.csv").rename(spec.parent / "order.csv")
    error = run("analyze", spec).failed()
    assert "orders.csv does not exist" in error
    assert 'did you mean "order.csv"?' in error


def test_the_whole_process(spec: Path) -> None:
    started = time.monotonic()
    found = spawn("analyze", spec, cwd=spec.parent).worked()
    assert "Report: " in found.out
    assert found.err == ""
    assert time.monotonic() - started < 30
    assert spec.read_text(encoding="utf-8") == SPEC


def test_a_folder_with_a_spec_is_its_spec(spec: Path) -> None:
    folder = spec.rename(spec.with_name("experiment.yaml")).parent
    by_folder = run("analyze", folder, "--format", "json").worked()
    assert by_folder.out == run("analyze", folder / "experiment.yaml", "--format", "json").out
    (folder / "experiment.yaml").rename(folder / "other.yaml")
    assert run("analyze", folder, "--format", "json").worked().out == by_folder.out
