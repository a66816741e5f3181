"""abtest plan: who would switch, in shares and customers, and ranges that move the fewest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from abtest import Experiment, assign
from abtest.cli.app import app
from support import ROOT

SPEC = """\
spec: abtest/v1
key: {key}
kind: messaging
unit: customer_id
variants:
  - {{key: control, control: true, weight: 1}}
  - {{key: coupon, weight: 1}}
  - {{key: gift, weight: 1}}
  - {{key: points, weight: {points}}}
data: {{units: {{path: customers.csv, variant: variant}}}}
metrics: [{{key: bought, kind: proportion, column: bought, role: primary}}]
"""
JOINS = """\
assignment:
  phases:
    # points join
    - from: 2026-02-01
      weights: {control: 1, coupon: 1, gift: 1, points: 1}
"""
BLOCK = """\
ranges:  # half-open, of 2**52 = 4503599627370496
  control: [[0, 1125899906842624]]  # 25%
  coupon: [[1501199875790165, 2627099782632789]]  # 25%
  gift: [[3002399751580330, 4128299658422954]]  # 25%
  points: [[1125899906842624, 1501199875790165], [2627099782632789, 3002399751580330], \
[4128299658422954, 4503599627370496]]  # 25%
"""
AFTER = datetime(2026, 2, 1, tzinfo=UTC)
BEFORE = datetime(2026, 1, 31, tzinfo=UTC)


def write(folder: Path, name: str, more: str = "", key: str = "winback", points: int = 0) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(SPEC.format(key=key, points=points) + more)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, "old"), write(tmp_path, "new", JOINS)


def test_shares_are_said_in_customers_too(both: tuple[Path, Path]) -> None:
    result = run("plan", "--diff", *both, "--units", 200_000)
    assert result.stdout.splitlines() == [
        "control: 8.33% of enrolled customers leave it (about 16,667 of 200,000)",
        "  to coupon: 8.33% (about 16,667 of 200,000)",
        "coupon: 16.67% of enrolled customers leave it (about 33,333 of 200,000)",
        "  to gift: 16.67% (about 33,333 of 200,000)",
        "gift: 25.00% of enrolled customers leave it (about 50,000 of 200,000)",
        "  to points: 25.00% (about 50,000 of 200,000)",
        "points: 0.00% of enrolled customers leave it (about 0 of 200,000)",
        "switch under the plain formula: 50.00% (about 100,000 of 200,000)",
        "unavoidable with these weights: 25.00% (about 50,000 of 200,000)",
    ]


def test_the_ranges_to_paste_reach_the_minimum(both: tuple[Path, Path]) -> None:
    result = run("plan", "--diff", *both, "--write-ranges")
    assert result.exit_code == 0
    assert "switch with these ranges: 25.00%\nPaste this" in result.stdout
    assert result.stdout.endswith(f"\n\n{BLOCK}")
    pasted = "".join(f"      {line}\n" for line in BLOCK.splitlines())
    both[1].write_text(both[1].read_text() + pasted)
    again = run("plan", "--diff", *both)
    assert "switch with the ranges of the new spec: 25.00%" in again.stdout
    assert "unavoidable with these weights: 25.00%" in again.stdout


def test_the_new_spec_is_written_beside_the_inputs(both: tuple[Path, Path], tmp_path: Path) -> None:
    texts = [path.read_bytes() for path in both]
    output = tmp_path / "planned.yaml"
    result = run("plan", "--diff", *both, "-o", output)
    assert result.exit_code == 0
    assert result.stderr == f"Wrote {output}\n"
    assert [path.read_bytes() for path in both] == texts
    planned, old = Experiment.from_spec(output), Experiment.from_spec(both[0])
    moved = [
        (old.variant(unit), planned.variant(unit, at=AFTER))
        for unit in range(4_000)
        if old.variant(unit) != planned.variant(unit, at=AFTER)
    ]
    assert {new for _, new in moved} == {"points"}
    assert {name for name, _ in moved} == {"control", "coupon", "gift"}
    # Five standard errors of a quarter of 4,000 customers; the hash is fixed.
    assert abs(len(moved) / 4_000 - 1 / 4) < 5 * (3 / 16 / 4_000) ** 0.5
    assert [planned.variant(unit, at=BEFORE) for unit in range(99)] == [
        old.variant(unit) for unit in range(99)
    ]


def test_what_was_planned_is_assigned_compiled_and_selected(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    output, compiled = tmp_path / "planned.yaml", tmp_path / "planned.json"
    run("plan", "--diff", *both, "-o", output)
    experiment = Experiment.from_spec(output)
    wanted = [tuple(assign(experiment, unit, at=AFTER))[:3] for unit in range(500)]
    assert run("compile", output, "-o", compiled).exit_code == 0
    service = Experiment.from_json(compiled.read_text())
    assert service == experiment
    assert [tuple(assign(service, unit, at=AFTER))[:3] for unit in range(500)] == wanted
    statement = run("sql", output, "--dialect", "duckdb", "--at", "2026-02-01").stdout
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT range AS customer_id FROM range(500)")
        rows = connection.execute(statement).fetchall()
        assert [row[1:] for row in sorted(rows)] == wanted
        source, target = tmp_path / "customers.parquet", tmp_path / "assigned.parquet"
        connection.execute(f"COPY customers TO '{source}'")
        run("assign", output, "--customers", source, "--at", "2026-02-01", "-o", target)
        rows = connection.execute(f"SELECT variant, reason, bucket FROM '{target}'").fetchall()
    assert rows == wanted


def test_no_input_is_written_over(both: tuple[Path, Path]) -> None:
    for path in both:
        text = path.read_bytes()
        result = run("plan", "--diff", *both, "-o", path)
        assert "is an input; the output must go to another file" in str(result.exception)
        assert path.read_bytes() == text


def test_one_phase_is_planned_at_a_time(both: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = both
    result = run("plan", "--diff", new, new, "--write-ranges")
    assert "is not the last one of the old spec" in str(result.exception)
    result = run("plan", "--diff", old, old, "--write-ranges")
    assert "changes no weights, so there is nothing to write ranges for" in str(result.exception)
    planned = tmp_path / "planned.yaml"
    run("plan", "--diff", old, new, "-o", planned)
    result = run("plan", "--diff", old, planned, "-o", tmp_path / "again.yaml")
    assert "has ranges already" in str(result.exception)
    # The next phase starts from the ranges of this one.
    more = "    - {from: 2026-03-01, weights: {control: 2, coupon: 1, gift: 1, points: 0}}\n"
    further = tmp_path / "further.yaml"
    further.write_text(planned.read_text() + more)
    result = run("plan", "--diff", planned, further, "--write-ranges")
    # By hand: coupon loses [1/3, 1/2) and gift [2/3, 3/4) to others, and points its quarter.
    assert "switch under the plain formula: 50.00%" in result.stdout
    assert "switch with these ranges: 25.00%" in result.stdout


def test_the_guide_shows_what_is_printed(both: tuple[Path, Path]) -> None:
    guide = (ROOT / "docs/how-to/change-weights.md").read_text(encoding="utf-8")
    shown = run("plan", "--diff", *both, "--units", 200_000).stdout
    for text in (shown, BLOCK):
        assert "".join(f"    {line}\n" for line in text.splitlines()) in guide
