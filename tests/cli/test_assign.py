"""abtest assign gives what `from abtest import assign` gives, for every id in every format."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from abtest import Experiment
from abtest import assign as assign_one
from abtest.spec import load_spec
from abtest.spec.assignable import experiment_of
from command_line import SPEC, leftovers, make_experiment, run, spawn
from specs import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-01-06T09:00"
IDS = [
    *(f"{i:05}" for i in range(300)),
    "007",
    "7",
    'say "hi"',
    "a,b",
    "two\nlines",
    "مشتری یک",
    "it's",
    "C;1",
    "a\\b",
]
CHANGES = {
    "plain": (),
    "overrides": (
        ("schedule:", 'assignment: {overrides: {"007": کوپن, "it\'s": control}}\nschedule:'),
    ),
    "coverage": (("schedule:", "assignment: {coverage: 0.3, seed: other}\nschedule:"),),
    "before the schedule": (("start: 2026-01-05", "start: 2026-01-07"),),
    "three": (
        ("weight: 50}\nsch", "weight: 25}\n  - {key: it's, weight: 25}\nsch"),
    ),
}  # fmt: skip


def write_spec(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def write_customers(path: Path, ids: list[str]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [["customer_id", "note"], *([unit, "x"] for unit in ids)]
    )
    content = text.getvalue()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content.encode()))
    elif path.suffix == ".parquet":
        duckdb.execute("CREATE OR REPLACE TEMP TABLE c (customer_id VARCHAR, note VARCHAR)")
        duckdb.executemany("INSERT INTO c VALUES (?, 'x')", [[unit] for unit in ids])
        duckdb.execute(f"COPY c TO '{path}' (FORMAT parquet)")
    else:
        path.write_text(content, encoding="utf-8", newline="")
    return path


def read(path: Path) -> list[dict[str, str | None]]:
    if path.suffix == ".parquet":
        relation = duckdb.read_parquet(str(path))
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{key: value or None for key, value in row.items()} for row in rows]


def expect_same(rows: list[dict[str, str | None]], experiment: Experiment) -> None:
    at = datetime(2026, 1, 6, 9, tzinfo=UTC)
    assert len(rows) == len(IDS)
    for row in rows:
        unit = str(row["customer_id"])
        one = assign_one(experiment, unit, at=at)
        assert (row["variant"], row["reason"], int(row["bucket"] or 0)) == one[:3], unit


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_as_python(tmp_path: Path, change: str) -> None:
    spec = write_spec(tmp_path, *CHANGES[change])
    customers = write_customers(tmp_path / "customers.csv", IDS)
    output = tmp_path / "assigned.csv"
    found = run(
        "assign", spec, "--customers", customers, "--at", AT, "-o", output, "--check-ids", "none"
    ).worked()
    rows = read(output)
    expect_same(rows, experiment_of(load_spec(spec).spec))
    assert [row["customer_id"] for row in rows] == IDS
    assert {row["note"] for row in rows} == {"x"}
    assert found.out == ""
    assert f"{len(IDS):,} customers" in found.err
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_other_kinds_of_files(tmp_path: Path, ending: str) -> None:
    spec = write_spec(tmp_path)
    customers = write_customers(tmp_path / f"customers.{ending}", IDS)
    output = tmp_path / f"assigned.{ending}"
    run(
        "assign", spec, "--customers", customers, "--at", AT, "-o", output, "--check-ids", "none"
    ).worked()
    expect_same(read(output), experiment_of(load_spec(spec).spec))


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    customers = write_customers(tmp_path / "customers.csv", IDS[:300])
    outputs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for output in outputs:
        run("assign", spec, "--customers", customers, "--at", AT, "-o", output).worked()
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_what_it_writes_can_be_analysed(tmp_path: Path) -> None:
    spec = make_experiment(tmp_path, 300)
    customers = write_customers(tmp_path / "customers.csv", IDS[:300])
    output = tmp_path / "assignments.csv"
    output.unlink()
    run("assign", spec, "--customers", customers, "--at", AT, "-o", output).worked()
    found = run("analyze", spec, "--no-report").worked()
    assert "bought_30d" in found.out


def call(
    folder: Path, customers: Path, *more: str, at: str = AT, spec: Path | None = None
) -> list[str | Path]:
    spec = spec or folder / "experiment.yaml"
    return ["assign", spec, "--customers", customers, "--at", at, "-o", folder / "out.csv", *more]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("customer_id\n", "no customers"),
        ("customer\n1\n", "has no column 'customer_id'"),
        ("customer_id,variant\n1,a\n", "already has a column 'variant'"),
        ("customer_id,reason\n1,a\n", "already has a column 'reason'"),
        ("customer_id,x\n1,a\n,b\n", "missing 1"),
        ("customer_id,x\n1,a,b\n", "has 3 values; the header has 2"),
        ('customer_id,x\n1,"a\n', "quote"),
    ],
)
def test_lists_at_fault(tmp_path: Path, content: str, message: str) -> None:
    write_spec(tmp_path)
    customers = tmp_path / "customers.csv"
    customers.write_text(content, encoding="utf-8")
    assert message in run(*call(tmp_path, customers)).failed()
    assert not (tmp_path / "out.csv").exists()
    assert leftovers(tmp_path) == []


def test_files_that_are_not_there(tmp_path: Path) -> None:
    write_spec(tmp_path)
    customers = write_customers(tmp_path / "customers.csv", ["1"])
    assert "does not exist" in run(*call(tmp_path, tmp_path / "no.csv")).failed()
    assert "is a folder" in run(*call(tmp_path, tmp_path)).failed()
    assert "does not exist" in run(*call(tmp_path, customers, spec=tmp_path / "no.yaml")).failed()
    bare = tmp_path / "bare"
    bare.mkdir()
    run(*call(tmp_path, customers, spec=bare)).failed()


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    write_spec(tmp_path)
    customers = write_customers(tmp_path / "customers.csv", ["1"])
    start = call(tmp_path, customers)[:-1]
    before = customers.read_bytes()
    assert "is an input" in run(*start, customers).failed()
    assert "is an input" in run(*start, tmp_path / "experiment.yaml").failed()
    some = [*call(tmp_path, tmp_path / "custom[e]rs.csv")[:-1], customers]
    assert "is an input" in run(*some).failed()
    assert customers.read_bytes() == before
    assert "there is no folder" in run(*start, tmp_path / "no" / "a.csv").failed()
    error = run(*start, tmp_path / "a.xlsx").failed()
    assert "Use .csv, .csv.gz or .parquet." in error
    assert ".abtest-" not in error
    assert customers.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_times_that_are_none(tmp_path: Path) -> None:
    write_spec(tmp_path)
    customers = write_customers(tmp_path / "customers.csv", ["1"])
    error = run(*call(tmp_path, customers, at="soon")).failed(2)
    assert "must be a date such as" in " ".join(error.replace("│", " ").split())


def test_specs_at_fault(tmp_path: Path) -> None:
    customers = write_customers(tmp_path / "customers.csv", ["1"])
    write_spec(tmp_path, ("role: primary", "rol: primary"))
    assert "metrics.0.rol: unknown key" in run(*call(tmp_path, customers)).failed()
    (tmp_path / "experiment.yaml").write_text(
        COLUMNS.replace("unit: id", "unit: null"), encoding="utf-8"
    )
    error = run(*call(tmp_path, customers)).failed()
    assert "unit: is null; only units with an id can be assigned" in error


def test_repeated_customers_are_said(tmp_path: Path) -> None:
    write_spec(tmp_path)
    customers = write_customers(tmp_path / "customers.csv", ["1", "2", "2"])
    found = run(*call(tmp_path, customers))
    assert "Traceback" not in found.err
    assert "repeat" in found.err


def test_the_whole_process(tmp_path: Path) -> None:
    write_spec(tmp_path)
    customers = write_customers(tmp_path / "my customers.csv", IDS[:300])
    found = spawn(*call(tmp_path, customers)).worked()
    assert "Wrote" in found.err
    assert found.out == ""
