"""sql, compile and validate: what they print and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from typer.testing import CliRunner, Result

from abtest import Experiment
from abtest.cli.app import app

SPEC = """\
spec: abtest/v1
key: {key}
kind: messaging
unit: customer_id
variants: [{{key: control, control: true}}, {{key: coupon}}]
{more}
data: {{units: {{path: customers.csv, variant: variant}}}}
metrics: [{{key: bought, kind: proportion, column: bought, role: primary}}]
"""


def write(folder: Path, key: str = "winback", more: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "customers.csv").write_text("customer_id,variant,bought\n1,control,0\n")
    path = folder / "experiment.yaml"
    path.write_text(SPEC.format(key=key, more=more))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_sql_prints_a_statement_that_runs(tmp_path: Path) -> None:
    spec = write(tmp_path)
    result = run("sql", spec, "--dialect", "duckdb", "--table", "crm", "--at", "2026-01-05")
    assert result.exit_code == 0
    assert result.stderr == ""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE crm AS SELECT range AS customer_id FROM range(50)")
        rows = connection.execute(result.stdout).fetchall()
    experiment = Experiment.from_spec(spec)
    assert [row[1] for row in rows] == [experiment.variant(number) for number in range(50)]


def test_sql_warns_where_no_test_has_run_the_dialect(tmp_path: Path) -> None:
    result = run("sql", write(tmp_path), "--dialect", "mysql", "-o", tmp_path / "split.sql")
    assert result.exit_code == 0
    assert "no test of abtest has run this on mysql" in result.stderr
    assert (tmp_path / "split.sql").read_text().startswith("-- sha256-52, salt winback, mysql")


def test_sql_refuses_an_unknown_dialect_and_a_bad_time(tmp_path: Path) -> None:
    spec = write(tmp_path)
    assert run("sql", spec, "--dialect", "oracle").exit_code == 2
    result = run("sql", spec, "--dialect", "duckdb", "--at", "soon")
    assert result.exit_code == 2
    assert "--at is 'soon'" in " ".join(result.stderr.split())


def test_compile_writes_what_from_json_reads(tmp_path: Path) -> None:
    (tmp_path / "layers.yaml").write_text("holdout: {salt: held, share: 0.1}")
    spec, output = write(tmp_path), tmp_path / "winback.json"
    printed = run("compile", spec)
    assert run("compile", spec, "-o", output).exit_code == 0
    assert output.read_text() == printed.stdout
    assert Experiment.from_json(output.read_text()) == Experiment.from_spec(spec)
    assert json.loads(printed.stdout)["holdout"]["share_parts"] == 1_000


def test_validate_checks_a_folder_of_specs_against_each_other(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write(tmp_path / "two", "other", "assignment: {seed: winback}")
    fine = write(tmp_path / "three", "fine")
    result = run("validate", tmp_path)
    assert result.exit_code == 1
    assert "assignment.seed: is 'winback', which is also the salt of" in result.stderr
    assert f"{fine}: ok" in result.stdout
    assert "two/experiment.yaml: ok" not in result.stdout
    assert run("validate", tmp_path / "two").exit_code == 0


def test_validate_reads_layers_yaml_for_a_single_spec_too(tmp_path: Path) -> None:
    layer = "assignment: {layer: {key: offers, slots: [[0, 4999]]}}"
    spec = write(tmp_path, more=layer)
    result = run("validate", spec)
    assert result.exit_code == 1
    assert "is 'offers', which no layers.yaml above the spec declares" in result.stderr
    (tmp_path / "layers.yaml").write_text("layers: {offers: {salt: o-26, unit: customer_id}}")
    assert run("validate", spec).exit_code == 0


def test_plan_says_who_would_switch(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old"), write(tmp_path / "new")
    text = new.read_text()
    three = text.replace("{key: coupon}]", "{key: coupon}, {key: gift}]")
    new.write_text(f"{three}assignment: {{coverage: 0.5}}\n")
    result = run("plan", "--diff", old, new)
    assert result.exit_code == 0
    # Halves to thirds: [1/3, 1/2) leaves control, [2/3, 1) leaves coupon.
    assert "control: 16.67% of enrolled customers leave it\n  to coupon: 16.67%" in result.stdout
    assert "coupon: 33.33% of enrolled customers leave it\n  to gift: 33.33%" in result.stdout
    assert "switch under the plain formula: 50.00%" in result.stdout
    assert "unavoidable with these weights: 33.33%" in result.stdout
    assert "coverage 100.00% to 50.00%: puts customers out who were in" in result.stdout


def test_plan_compares_last_phases_and_refuses_another_salt(tmp_path: Path) -> None:
    old = write(tmp_path / "old")
    phases = "{phases: [{from: 2026-01-01, weights: {control: 1, coupon: 3}}]}"
    new = write(tmp_path / "new", more=f"assignment: {phases}")
    result = run("plan", "--diff", old, new)
    assert "switch under the plain formula: 25.00%" in result.stdout
    result = run("plan", "--diff", old, write(tmp_path / "other", "other"))
    assert "every customer is drawn anew" in str(result.exception)
