"""--format json of every command: one JSON document on stdout, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abtest.cli.app import COMMANDS
from command_line import make_experiment, run
from nights import make_nights, night

NAMES = {command.__name__.rstrip("_") for command in COMMANDS}
JSON_ANYWAY = {"compile", "schema"}
TABLES = {"simulate"}  # its --format is that of the tables; the truth is in a file of JSON
BACKLOG = """\
currency: EUR
reasons:
  forgot: {title: They forget us, share: 0.4}
hypotheses:
  - {key: reminder, title: A reminder brings them back, reason: forgot, kind: messaging,
     metric: repeat_purchase, probability: 0.3, value: 60000, cost: 4000, weeks: 9}
"""
# {spec} is an experiment in {folder}, {nights} one that is monitored.
CALLS = {
    "init": "{folder}/new --kind messaging",
    "validate": "{spec}",
    "schema": "",
    "plan": "{spec} --history orders={folder}/past.csv",
    "rehearse": "{spec} --history orders={folder}/past.csv -n 5 --processes 1",
    "freeze": "{spec} --on 2026-01-04",
    "amend": "{spec} --why stricter --on 2026-01-10",
    "assign": "{spec} --customers {folder}/list.csv --at 2026-01-06T09:00 -o {folder}/again.csv",
    "sql": "{spec} --dialect duckdb",
    "compile": "{spec}",
    "analyze": "{spec} --save",
    "monitor": "{nights} --as-of {night} --no-report",
    "report": "{folder}/results/2026-03-01.json",
    "decide": "{spec} --verdict rollback --why costly --on 2026-03-02",
    "archive": "{folder}",
    "status": "{folder} --on 2026-03-03",
    "backlog": "{folder}",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("json")
    spec = make_experiment(folder / "winback")
    (folder / "winback" / "backlog.yaml").write_text(BACKLOG, encoding="utf-8")
    past(folder / "winback" / "past.csv")
    (folder / "winback" / "list.csv").write_text("customer_id\n1\n2\n", encoding="utf-8")
    nights = make_nights(folder / "nights")
    return {
        "folder": str(spec.parent),
        "spec": str(spec),
        "nights": str(nights),
        "night": night(20),
    }


def past(path: Path) -> None:
    """Customers who bought before the experiment, a quarter of them in the last month too."""
    lines = ["customer_id,ordered_at,amount"]
    for i in range(600):
        lines.append(f"{i},2025-{1 + i % 11:02}-{1 + i % 27:02},10")
        lines += [f"{i},2025-12-{10 + i % 9},{5 + i % 13}"] * (i % 4 == 0)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def test_every_command_is_called_here() -> None:
    assert CALLS.keys() | TABLES == NAMES


def test_each_command_says_json_and_nothing_else(places: dict[str, str]) -> None:
    """In the order of a campaign, each on what those before it wrote."""
    spec = Path(places["spec"])
    for name, call in CALLS.items():
        if name == "amend":  # needs something to amend
            text = spec.read_text(encoding="utf-8")
            spec.write_text(text + "analysis: {alpha: 0.04}\n", encoding="utf-8")
        asked = [] if name in JSON_ANYWAY else ["--format", "json"]
        found = run(name, *(word.format(**places) for word in call.split()), *asked)
        assert found.code == 0, (name, found)
        told = json.loads(found.out, parse_constant=refuse)
        assert isinstance(told, dict), name
        assert told, name


def test_what_is_new_in_monitor_init_and_sql(places: dict[str, str], tmp_path: Path) -> None:
    nights = make_nights(tmp_path / "nights", lift=0.2)
    found = run("monitor", nights, "--as-of", night(28), "--no-report", "-f", "json")
    told = json.loads(found.out)
    assert (told["schema"], told["told"], told["exit_code"]) == ("abtest-monitor/v1", "logged", 10)
    assert found.code == 10
    [logged] = (nights.parent / "looks.jsonl").read_text(encoding="utf-8").splitlines()
    assert told["rows"] == json.loads(logged)["rows"]
    assert told["failed"] == []
    begun = run("init", tmp_path / "2026_05_sms", "--kind", "messaging", "-f", "json").worked()
    assert json.loads(begun.out)["file"] == str(tmp_path / "2026_05_sms" / "experiment.yaml")
    plain = run("sql", places["spec"], "--dialect", "duckdb").worked()
    output = tmp_path / "split.sql"
    given = ("--dialect", "duckdb", "-o", output, "-f", "json")
    told = json.loads(run("sql", places["spec"], *given).worked().out)
    assert told["statement"] == plain.out == output.read_text(encoding="utf-8")
    assert (told["file"], told["tested"]) == (str(output), True)
