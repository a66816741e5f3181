"""abtest report: every view again from the JSON alone, and what files it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abtest.report import Format, render
from command_line import leftovers, make_experiment, run, spawn
from experiments.examples_support import EXAMPLES, EXPERIMENTS
from report.report_fixtures import hostile_result, rich_result

FORMATS: tuple[Format, ...] = ("table", "json", "csv", "md", "html")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = make_experiment(tmp_path_factory.mktemp("made"))
    run("analyze", spec, "-o", spec.parent / "made.json").worked()
    return spec


@pytest.fixture
def result(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made.parent / "made.json", tmp_path / "result.json"))


@pytest.mark.parametrize("format_", FORMATS)
def test_every_view_has_the_bytes_of_the_analysis(made: Path, result: Path, format_: str) -> None:
    told = run("report", result, "-f", format_).worked()
    assert told.err == ""
    assert told.out == run("analyze", made, "-f", format_, "--no-report", "--no-save").worked().out


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_page_of_each_example_has_the_bytes_of_the_analysis(
    tmp_path: Path, example: str
) -> None:
    spec = EXPERIMENTS / example / "experiment.yaml"
    for name in ("a.json", "a.html", "a.txt"):
        run("analyze", spec, "-o", tmp_path / name).worked()
    for name in ("b.html", "b.txt", "b.json"):
        run("report", tmp_path / "a.json", "-o", tmp_path / name).worked()
        before = tmp_path / f"a{Path(name).suffix}"
        assert (tmp_path / name).read_bytes() == before.read_bytes()


@pytest.mark.parametrize("make", [rich_result, hostile_result])
@pytest.mark.parametrize("format_", FORMATS)
def test_names_of_every_kind_survive(tmp_path: Path, make: Any, format_: Format) -> None:
    path = tmp_path / "result.json"
    path.write_text(render(make(), "json"), encoding="utf-8")
    run("report", path, "-f", format_, "-o", tmp_path / "out").worked()
    assert (tmp_path / "out").read_text(encoding="utf-8") == render(make(), format_)


def test_a_failed_check_is_shown_and_is_no_failure_of_this_command(result: Path) -> None:
    data = json.loads(result.read_text(encoding="utf-8"))
    data["checks"][0]["status"] = "fail"
    result.write_text(json.dumps(data), encoding="utf-8")
    assert "do not use these numbers" in run("report", result).worked().out


def test_a_result_is_never_written_over(result: Path) -> None:
    before = result.read_bytes()
    assert "is an input" in run("report", result, "-o", result).failed()
    assert result.read_bytes() == before
    assert leftovers(result.parent) == []


def test_wrong_usage(result: Path) -> None:
    assert "Usage" in run("report").failed(2)
    assert "add --format" in run("report", result, "-o", result.with_suffix(".xyz")).failed(2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "is not JSON (line 1, column 1"),
        (b"{", "is not JSON (line 1"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"[]", "it has no `schema`"),
        (b"null", "it has no `schema`"),
        (b'{"key": "winback"}', "it has no `schema`"),
        (b'{"schema": "abtest-result/v2"}', "`schema` is 'abtest-result/v2'; this version"),
        (b'{"schema": {}}', "`schema` is {}; this version of abtest reads 'abtest-result/v1'"),
        (b'{"schema": "abtest-result/v1"}', "is not a whole result: `experiment`: field required"),
        (b'{"schema": NaN}', "it holds NaN, and what is absent is null"),
        (b"[" * 100_000, "is not"),
    ],
)
def test_what_is_no_result_is_one_message(tmp_path: Path, text: bytes, told: str) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(text)
    message = run("report", path, "-f", "html", "-o", tmp_path / "a.html").failed()
    assert told in message
    assert str(path) in message
    assert not (tmp_path / "a.html").exists()


def test_a_file_cut_short_anywhere_is_refused(result: Path) -> None:
    whole = result.read_bytes()
    for part in range(1, 20):
        result.write_bytes(whole[: len(whole) * part // 20])
        told = run("report", result).failed()
        assert "not JSON" in told or "not UTF-8" in told


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in run("report", tmp_path / "none.json").failed()
    assert "cannot be read: Is a directory" in run("report", tmp_path).failed()


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("results", 0, "n", to="many"), "`results.0.n`"),
        (_set("results", 0, "verdict", to="maybe"), "`results.0.verdict`"),
        (_set("surprise", to=1), "`surprise`: extra inputs"),
        (_set("decision", to=None), "`decision`"),
        (_set("curves", to=[{}]), "something that abtest does not write"),
        (_set("spec", to={"metrics": 3}), "something that abtest does not write"),
    ],
)
def test_a_result_that_was_changed_by_hand(
    result: Path, change: Callable[[Any], None], told: str
) -> None:
    data = json.loads(result.read_text(encoding="utf-8"))
    change(data)
    result.write_text(json.dumps(data), encoding="utf-8")
    assert told in run("report", result).failed()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m")


def test_no_color_is_respected(result: Path) -> None:
    assert COLOUR.search(spawn("report", result, FORCE_COLOR="1", NO_COLOR="").worked().out)
    told = spawn("report", result, FORCE_COLOR="1", NO_COLOR="1").worked().out
    assert not COLOUR.search(told)


def test_a_pipe_gets_no_escape_sequence(result: Path) -> None:
    assert "\x1b" not in spawn("report", result).worked().out
