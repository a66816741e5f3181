"""--help, --version, init, validate and schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from abtest import __version__
from abtest.spec import load_spec
from abtest.spec.schema import json_schema
from command_line import SPEC, make_experiment, run, spawn

KINDS = ["pricing", "messaging", "incentive_mix"]


def test_help_names_every_command() -> None:
    found = spawn("--help").worked()
    for command in ("init", "validate", "schema", "assign", "analyze"):
        assert command in found.out
    assert found.err == ""


def test_version() -> None:
    assert run("--version").worked().out == f"abtest {__version__}\n"


def test_no_command_shows_the_help() -> None:
    assert "Usage" in run().out


@pytest.mark.parametrize("arguments", [["analyse"], ["init"], ["init", "x"], ["analyze"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert "Usage" in run(*arguments).failed(2)


# init


@pytest.mark.parametrize("kind", KINDS)
def test_what_init_writes_validates_without_a_warning(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "my experiments" / "2026_03_winback message"
    found = run("init", folder, "--kind", kind).worked()
    path = folder / "experiment.yaml"
    assert found.out == f"Wrote {path}\nNext: abtest validate '{path}'\n"
    checked = run("validate", path).worked()
    assert checked.out == f"{path}: ok\n"
    assert checked.err == ""
    spec = load_spec(path).spec
    assert (spec.key, spec.title, spec.kind) == ("winback-message", "Winback message", kind)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("2026", "2026"),
        ("2026_03", "03"),
        ("007", "007"),
        ("1e5", "1e5"),
        ("null", "null"),
        ("True", "true"),
        ("no", "no"),
        ("a" * 80, "a" * 64),
        ("آزمایش-coupon", "coupon"),
        ("x: {y}", "x-y"),
        ("{title}", "title"),
    ],
)
def test_names_that_yaml_could_take_for_something_else(tmp_path: Path, name: str, key: str) -> None:
    run("init", tmp_path / name, "--kind", "pricing").worked()
    spec = load_spec(tmp_path / name / "experiment.yaml").spec
    assert spec.key == key
    assert isinstance(spec.title, str)


def test_init_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spring-offer"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run("init", ".", "--kind", "messaging").worked()
    assert load_spec("experiment.yaml").spec.key == "spring-offer"


@pytest.mark.parametrize("name", ["آزمایش", "---", "عرض خاص"])
def test_a_name_without_a_latin_letter(tmp_path: Path, name: str) -> None:
    error = run("init", tmp_path / name, "--kind", "messaging").failed()
    assert "has no Latin letter or digit to make a key of\n  Hint: name the folder in Lat" in error
    assert not (tmp_path / name).exists()


def test_init_never_writes_over_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "a" / "experiment.yaml"
    path.parent.mkdir()
    path.write_text("mine", encoding="utf-8")
    error = run("init", path.parent, "--kind", "messaging").failed()
    assert error == f"{path} is already there; choose another name\n"
    assert path.read_text(encoding="utf-8") == "mine"


def test_init_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    assert str(tmp_path / "a") in run("init", tmp_path / "a" / "b", "--kind", "pricing").failed()


# validate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_experiment(tmp_path / "first", 5)
    (tmp_path / "second" / "deep").mkdir(parents=True)
    shutil.copytree(tmp_path / "first", tmp_path / "second" / "deep" / "one")
    other = tmp_path / "second" / "deep" / "one" / "experiment.yaml"
    other.write_text(SPEC.replace("key: winback", "key: other"), encoding="utf-8")
    return tmp_path


def test_a_folder_is_searched(folder: Path) -> None:
    found = run("validate", folder).worked()
    assert [line.removeprefix(str(folder)) for line in found.out.splitlines()] == [
        "/first/experiment.yaml: ok",
        "/second/deep/one/experiment.yaml: ok",
    ]


def test_each_file_is_checked_whatever_the_others_say(folder: Path) -> None:
    broken = folder / "first" / "experiment.yaml"
    broken.write_text(SPEC.replace("role: primary", "rol: primary"), encoding="utf-8")
    missing = folder / "no.yaml"
    found = run("validate", missing, folder)
    error = found.failed()
    assert f"{missing}: does not exist" in error
    assert f'{broken}:15: metrics.0.rol: unknown key\n  Hint: did you mean "role"?' in error
    assert found.out.endswith("one/experiment.yaml: ok\n")


def test_columns_are_checked_where_the_data_are_there(folder: Path) -> None:
    path = folder / "first" / "experiment.yaml"
    path.write_text(SPEC.replace("at: ordered_at", "at: ordered"), encoding="utf-8")
    error = run("validate", path).failed()
    assert "orders.at: is 'ordered', which is no column of orders.csv\n  Hint: did you" in error
    (folder / "first" / "orders.csv").unlink()
    run("validate", path).worked()


def test_a_missing_unit_is_said_once(folder: Path) -> None:
    path = folder / "first" / "experiment.yaml"
    path.write_text(SPEC.replace("unit: customer_id\n", ""), encoding="utf-8")
    assert run("validate", path).failed() == (
        f"{path}:1: unit: is missing\n  Hint: every spec needs this key\n"
    )


def test_advice_is_no_fault(folder: Path) -> None:
    path = folder / "first" / "experiment.yaml"
    path.write_text(SPEC.replace("end: 30d}}", "end: 30d}, role: guardrail}"), encoding="utf-8")
    found = run("validate", path).worked()
    assert found.err.startswith(f"warning: {path}:16: metrics.1: is a guardrail without a margin")
    assert found.out == f"{path}: ok\n"


def test_a_folder_without_a_spec(tmp_path: Path) -> None:
    assert run("validate", tmp_path).failed() == f"{tmp_path} holds no experiment.yaml\n"


# schema


def test_the_schema_on_stdout() -> None:
    assert json.loads(run("schema").worked().out) == json_schema()


def test_the_schema_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "experiment.schema.json"
    assert run("schema", "-o", path).worked().out == ""
    assert json.loads(path.read_text(encoding="utf-8")) == json_schema()


def test_the_schema_into_a_missing_folder(tmp_path: Path) -> None:
    assert "there is no folder" in run("schema", "-o", tmp_path / "no" / "a.json").failed()
