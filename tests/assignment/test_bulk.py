"""A whole list: the same answers as one call per customer, and nothing half done."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from scipy import stats
from typer.testing import CliRunner

from abtest import Experiment, assign
from abtest.cli.app import app
from abtest.cli.output import replacing
from abtest.errors import AbtestError

SPEC = """\
spec: abtest/v1
key: winback
kind: messaging
unit: customer_id
{more}
data: {{units: {{path: customers.csv, variant: variant}}}}
metrics: [{{key: bought, kind: proportion, column: bought, role: primary}}]
"""
THREE = (
    "variants: [{key: control, control: true, weight: 2}, {key: coupon, weight: 1},"
    ' {key: "it\'s", weight: 1}]'
)
EVERYTHING = f"""{THREE}
schedule: {{start: 2026-01-01, timezone: Europe/Berlin}}
assignment:
  coverage: 0.2
  layer: {{key: offers, slots: [[0, 6999]]}}
  phases: [{{from: 2026-01-08, coverage: 0.9, weights: {{control: 1, coupon: 1, "it's": 2}}}}]
  overrides: {{"7": coupon, " 8": "it's"}}"""
LAYERS = """\
holdout: {salt: held-2026, share: 0.1}
layers: {offers: {salt: offers-2026, unit: customer_id}}
"""
IDS = [*map(str, range(3_000)), " 8", "مشتری", "a'b", 'say "no"', "line\nbreak", "Ünïcode"]


def write_spec(folder: Path, more: str = THREE) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(SPEC.format(more=more), encoding="utf-8")
    return path


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    names = list(rows[0])
    with duckdb.connect() as connection:
        columns = ", ".join(f'unnest(${name}) AS "{name}"' for name in names)
        values = {name: [row[name] for row in rows] for name in names}
        options = "(FORMAT parquet)" if path.suffix == ".parquet" else "(FORMAT csv, HEADER)"
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' {options}", values)
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        kind = "read_parquet" if path.suffix == ".parquet" else "read_csv"
        more = "" if kind == "read_parquet" else ", all_varchar=true, header=true, quote='\"'"
        found = connection.execute(f"SELECT * FROM {kind}('{path}'{more})")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def run(spec: Path, customers: Path, output: Path, *more: str) -> str:
    """The command's messages; what it refuses is raised."""
    arguments = ["assign", str(spec), "--customers", str(customers), "-o", str(output), *more]
    if "--at" not in more:
        arguments += ["--at", "2026-01-10"]
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def manifest_of(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output.parent / f"{output.name}.manifest.json").read_text())
    return found


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_list_gets_what_each_customer_would_get_alone(tmp_path: Path, ending: str) -> None:
    (tmp_path / "layers.yaml").write_text(LAYERS)
    spec = write_spec(tmp_path, EVERYTHING)
    customers = write_rows(tmp_path / f"in.{ending}", [{"customer_id": unit} for unit in IDS])
    output = tmp_path / f"out.{ending}"
    run(spec, customers, output, "--check-ids", "none")
    experiment = Experiment.from_spec(spec)
    at = datetime(2026, 1, 9, 23, tzinfo=UTC)
    rows = read_rows(output)
    assert [row["customer_id"] for row in rows] == IDS
    for row in rows:
        wanted = assign(experiment, row["customer_id"], at=at)
        assert (row["variant"], row["reason"]) == wanted[:2]
        assert (int(row["bucket"]), int(row["phase"])) == wanted[2:]
        assert row["assigned_at"] == "2026-01-10T00:00:00+01:00"
    reasons = manifest_of(output)["reasons"]
    assert reasons == Counter(row["reason"] for row in rows)
    assert set(reasons) == {"split", "override", "holdout", "layer", "not_enrolled"}


def test_other_columns_stay_and_whole_numbers_are_ids(tmp_path: Path) -> None:
    customers = write_rows(
        tmp_path / "in.parquet", [{"tier": "a", "customer_id": n, "spent": n / 2} for n in range(9)]
    )
    output = tmp_path / "out.parquet"
    run(write_spec(tmp_path), customers, output)
    rows = read_rows(output)
    added = ["variant", "reason", "bucket", "phase", "assigned_at"]
    assert list(rows[0]) == ["tier", "customer_id", "spent", *added]
    experiment = Experiment.from_spec(tmp_path / "experiment.yaml")
    assert [row["variant"] for row in rows] == [experiment.variant(n) for n in range(9)]
    assert {row["phase"] for row in rows} == {None}


def test_the_manifest_says_how_the_list_came_about(tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    rows = [
        {"customer_id": f"C{n:05d}", "tier": "gold" if n % 3 else "new", "age": n % 70}
        for n in range(5_000)
    ]
    customers = write_rows(tmp_path / "in.csv", rows)
    output = tmp_path / "out.csv"
    run(spec, customers, output, "--balance", "tier", "--balance", "age")
    found = manifest_of(output)
    assert found["inputs"] == {"customers": hashlib.sha256(customers.read_bytes()).hexdigest()}
    assert found["output_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert (found["formula"], found["by"], found["rows"]) == ("sha256-52", "hash", 5_000)
    counts = [found["variants"][name]["n"] for name in ("control", "coupon", "it's")]
    assert sum(counts) == 5_000
    wanted = stats.chisquare(counts, [2_500, 1_250, 1_250]).pvalue
    assert found["sample_ratio_pvalue"] == pytest.approx(wanted, rel=1e-12)
    tier = found["balance"]["tier"]
    table = [[of_variant["gold"], of_variant["new"]] for of_variant in tier["counts"].values()]
    assert tier["pvalue"] == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue, rel=1e-12
    )
    means = found["balance"]["age"]["means"]
    assigned = read_rows(output)
    ages = [int(row["age"]) for row in assigned if row["variant"] == "coupon"]
    assert means["coupon"]["mean"] == pytest.approx(sum(ages) / len(ages), rel=1e-12)
    assert "standardized_difference" not in means["control"]
    assert abs(means["coupon"]["standardized_difference"]) < 0.15


def population_of(ids: list[str]) -> str:
    """The population's hash by hand."""
    digests = [hashlib.md5(unit.encode(), usedforsecurity=False).digest() for unit in ids]
    return f"{sum(int.from_bytes(digest, 'little') >> 32 for digest in digests):024x}"


def test_the_population_depends_on_neither_order_nor_format(tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (*range(-5, 2_000), 7, 10**15)]
    lists = [
        write_rows(tmp_path / "in.csv", rows),
        write_rows(tmp_path / "in.parquet", rows[::-1]),
        write_rows(
            tmp_path / "text.parquet", [{"customer_id": str(row["customer_id"])} for row in rows]
        ),
    ]
    for customers in lists:
        output = tmp_path / "out.parquet"
        run(spec, customers, output)
        wanted = population_of([str(row["customer_id"]) for row in rows])
        assert manifest_of(output)["population"] == {"md5-sum": wanted}
    run(spec, write_rows(tmp_path / "in.csv", rows[1:]), output)
    assert manifest_of(output)["population"] != {"md5-sum": wanted}


def test_the_population_is_of_those_who_were_assigned(tmp_path: Path) -> None:
    rows = [{"customer_id": unit} for unit in ("C1", " C2", "", "C3", "مشتری")]
    customers = write_rows(tmp_path / "in.csv", rows)
    stop = write_rows(tmp_path / "stop.csv", [{"customer_id": "C3"}])
    output = tmp_path / "out.csv"
    more = ["--suppress", str(stop), "--on-bad-id", "exclude"]
    run(write_spec(tmp_path), customers, output, *more)
    assert manifest_of(output)["population"] == {"md5-sum": population_of(["C1", "مشتری"])}


def test_texts_in_parquet_are_texts(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.parquet", [{"customer_id": "a"}])
    output = tmp_path / "out.parquet"
    run(write_spec(tmp_path), customers, output)
    schema = pq.read_schema(output)
    assert {str(schema.field(name).type) for name in ("variant", "reason", "assigned_at")} == {
        "string"
    }


def test_the_same_run_writes_the_same_bytes(tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": f"C{n}"} for n in range(200_000)])
    for name in ("a.parquet", "b.parquet"):
        run(spec, customers, tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    manifests = [(tmp_path / f"{name}.parquet.manifest.json").read_bytes() for name in "ab"]
    assert manifests[0] == manifests[1]


def test_the_cluster_is_hashed_and_clusters_are_counted(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, f"cluster: household_id\n{THREE}")
    rows = [{"customer_id": f"C{n}", "household_id": f"H{n // 3}"} for n in range(3_000)]
    output = tmp_path / "out.csv"
    run(spec, write_rows(tmp_path / "in.csv", rows), output)
    experiment = Experiment.from_spec(spec)
    assert all(
        row["variant"] == experiment.variant(row["household_id"]) for row in read_rows(output)
    )
    found = manifest_of(output)
    assert found["hashed"] == "household_id"
    assert sum(of["n"] for of in found["variants"].values()) == 1_000


def test_suppressed_and_recently_contacted_customers_are_left_out(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": str(n)} for n in range(100)])
    stop = write_rows(tmp_path / "stop.csv", [{"customer_id": str(n)} for n in range(10)])
    times = {
        20: "2025-12-26T23:59:59+01:00",
        21: "2025-12-27T00:00:00+01:00",
        22: "2025-12-27T00:00:01+01:00",
        23: "2026-01-09",
        24: "2026-02-01",
        5: "2026-01-09",
    }
    contacts = [{"customer_id": str(n), "contacted_at": at} for n, at in times.items()]
    path = write_rows(tmp_path / "contacts.csv", contacts)
    output = tmp_path / "out.csv"
    spec = write_spec(tmp_path, f"{THREE}\nschedule: {{timezone: Europe/Berlin}}")
    policy = ["--suppress", str(stop), "--contacts", str(path), "--not-contacted-for", "14d"]
    said = run(spec, customers, output, *policy)
    kept = {int(row["customer_id"]) for row in read_rows(output)}
    # Who was contacted exactly 14 days ago may be contacted again.
    assert set(range(100)) - kept == {*range(10), 22, 23, 24}
    found = manifest_of(output)
    assert found["left_out"] == {"suppressed": 10, "contacted": 4}
    assert set(found["inputs"]) == {"customers", "suppress", "contacts"}
    assert "left out: suppressed 10" in said


def test_a_contact_without_a_time_is_refused(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": "1"}])
    contacts = write_rows(tmp_path / "c.csv", [{"customer_id": "1", "contacted_at": "soon"}])
    policy = ["--contacts", str(contacts), "--not-contacted-for", "14d"]
    with pytest.raises(AbtestError, match="'contacted_at': 1 values are not a date or a time"):
        run(write_spec(tmp_path), customers, tmp_path / "out.csv", *policy)


DIRTY = ["C1", "c1", " C2", "C3\u00a0", "C4\t5", "Caf\u0065\u0301", "007", "7", "0012", "C5"]


def test_dirt_is_counted_by_kind(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": unit} for unit in [*DIRTY, ""]])
    spec = write_spec(tmp_path)
    basic = r"5 of 11 ids are dirty: missing 1, outer_blanks 2, control 1, not_nfc 1\n.*exclude"
    with pytest.raises(AbtestError, match=basic):
        run(spec, customers, tmp_path / "out.csv")
    full = (
        "8 of 11 ids are dirty: missing 1, outer_blanks 2, control 1, not_nfc 1, "
        "case_twin 2, lost_zeros 1"
    )
    with pytest.raises(AbtestError, match=full):
        run(spec, customers, tmp_path / "out.csv", "--check-ids", "full")
    with pytest.raises(AbtestError, match="1 of 11 customers have no id"):
        run(spec, customers, tmp_path / "out.csv", "--check-ids", "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["experiment.yaml", "in.csv"]


def test_dirty_ids_can_be_left_out(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": unit} for unit in [*DIRTY, ""]])
    output = tmp_path / "out.csv"
    options = ["--check-ids", "full", "--on-bad-id", "exclude"]
    run(write_spec(tmp_path), customers, output, *options)
    assert [row["customer_id"] for row in read_rows(output)] == ["007", "0012", "C5"]
    found = manifest_of(output)
    assert found["left_out"] == {"bad_id": 8}
    assert found["dirty_ids"]["case_twin"] == 2


def test_repeated_customers_are_reported(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": "a"}, {"customer_id": "a"}])
    said = run(write_spec(tmp_path), customers, tmp_path / "out.csv")
    assert "warning: 1 rows repeat a customer" in said


@pytest.mark.parametrize(("copies", "wanted"), [(1, None), (2, 1_000)])
def test_of_a_long_list_a_sample_says_whether_to_count_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: int, wanted: int | None
) -> None:
    monkeypatch.setattr("abtest.sources.duckdb_assign.COUNTED", 999)
    rows = [{"customer_id": f"C{n}"} for n in range(1_000)] * copies
    output = tmp_path / "out.csv"
    customers = write_rows(tmp_path / "in.csv", rows)
    run(write_spec(tmp_path), customers, output)
    assert manifest_of(output)["rows_that_repeat_a_customer"] == wanted
    run(write_spec(tmp_path), customers, output, "--check-ids", "full")
    assert manifest_of(output)["rows_that_repeat_a_customer"] == (wanted or 0)


STRATIFIED = f"{THREE}\nassignment: {{coverage: 0.8, stratify: tier}}"


def stratified_rows() -> list[dict[str, Any]]:
    tiers = ["gold", "silver", "", None, "bronze"]
    return [{"customer_id": f"C{n}", "tier": tiers[min(n % 7, 4)], "n": n} for n in range(4_003)]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_blocks_are_exact_in_every_stratum(tmp_path: Path, ending: str) -> None:
    spec = write_spec(tmp_path, STRATIFIED)
    customers = write_rows(tmp_path / f"in.{ending}", stratified_rows())
    output = tmp_path / f"out.{ending}"
    run(spec, customers, output)
    rows = read_rows(output)
    assert [row["customer_id"] for row in rows] == [f"C{n}" for n in range(4_003)]
    split = [row for row in rows if row["reason"] == "split"]
    sizes = Counter(row["tier"] for row in split)
    dealt = Counter((row["tier"], row["variant"]) for row in split)
    for tier, size in sizes.items():
        for name, share in (("control", 0.5), ("coupon", 0.25), ("it's", 0.25)):
            assert abs(dealt[tier, name] - size * share) < 1
    # Coverage is still decided by the hash, as for one customer alone.
    alone = Experiment("winback", [("control", 1)], coverage_parts=8_000)
    assert all(
        (row["reason"] == "split") == (alone.variant(row["customer_id"]) is not None)
        for row in rows
    )
    found = manifest_of(output)
    assert (found["by"], found["stratify"]) == ("blocks", "tier")
    assert found["truth"].startswith("the output file")


def test_blocks_do_not_depend_on_the_order_of_the_list(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, STRATIFIED)
    rows = stratified_rows()
    found = []
    for name, given in (("a", rows), ("b", rows[::-1])):
        customers = write_rows(tmp_path / f"{name}.csv", given)
        run(spec, customers, tmp_path / f"{name}.out.csv")
        assigned = read_rows(tmp_path / f"{name}.out.csv")
        found.append({row["customer_id"]: row["variant"] for row in assigned})
    assert found[0] == found[1]


def test_the_odd_customers_of_many_small_strata_even_out(tmp_path: Path) -> None:
    more = "variants: [{key: control, control: true}, {key: coupon}]\nassignment: {stratify: store}"
    rows = [{"customer_id": f"C{n}", "store": f"S{n}"} for n in range(4_000)]
    output = tmp_path / "out.csv"
    run(write_spec(tmp_path, more), write_rows(tmp_path / "in.csv", rows), output)
    counts = Counter(row["variant"] for row in read_rows(output))
    # One customer per store: each store's offset alone decides, as a fair coin would.
    assert stats.binomtest(counts["control"], 4_000).pvalue > 1e-4


@pytest.mark.parametrize(
    ("more", "options", "rows", "message"),
    [
        (STRATIFIED, [], [{"customer_id": "a", "tier": "x"}] * 2, "repeats customers in 1 rows"),
        (STRATIFIED, [], [{"customer_id": "a"}], "has no column 'tier'"),
        (THREE, [], [{"customer_id": "a", "Variant": "x"}], "already has a column 'Variant'"),
        (THREE, [], [{"id": "a"}], "has no column 'customer_id'"),
        (THREE, [], [{"customer_id": "a", "abtest_bad": 1}], "already has a column 'abtest_bad'"),
        (THREE, ["--balance", "age"], [{"customer_id": "a"}], "the list has no column 'age'"),
        (
            THREE,
            ["--balance", "name"],
            [{"customer_id": f"C{n}", "name": f"N{n}"} for n in range(200)],
            "has 200 different values",
        ),
    ],
)
def test_faults_of_the_list(
    tmp_path: Path, more: str, options: list[str], rows: list[dict[str, Any]], message: str
) -> None:
    customers = write_rows(tmp_path / "in.csv", rows)
    with pytest.raises(AbtestError, match=message):
        run(write_spec(tmp_path, more), customers, tmp_path / "out.csv", *options)
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.csv.manifest.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stratify", "tier"], "assignment.stratify of the spec is None"),
        (["--contacts", "c.csv"], "go together"),
        (["--contacts", "c.csv", "--not-contacted-for", "soon"], "must be a length of time"),
        (["--contacts", "c.csv", "--not-contacted-for", "0d"], "must be above 0"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: list[str], message: str) -> None:
    spec = write_spec(tmp_path)
    customers = write_rows(tmp_path / "in.csv", [{"customer_id": "a"}])
    arguments = ["assign", str(spec), "--customers", str(customers), "--at", "2026-01-10"]
    result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "out.csv"), *options])
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_assign_and_sql_refuse_a_stratified_spec(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, STRATIFIED)
    for command in (["sql", str(spec), "--dialect", "duckdb"], ["compile", str(spec)]):
        result = CliRunner().invoke(app, command)
        assert "assignment.stratify: asks for blocks over a whole list" in str(result.exception)


def test_a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    customers = tmp_path / "in.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'C' || range AS customer_id FROM range(3000000)) TO '{customers}'"
        )
    output = tmp_path / "out.csv"
    command = [sys.executable, "-m", "abtest", "assign", str(spec), "--customers", str(customers),
               "--at", "2026-01-10", "-o", str(output), "--check-ids", "none"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.stat().st_size for path in tmp_path.glob(".abtest-*")):
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    assert not list(tmp_path.glob("*.manifest.json"))
    left = list(tmp_path.glob(".abtest-*.csv"))
    assert left, "it was killed while it wrote"
    few = write_rows(tmp_path / "few.csv", [{"customer_id": "a"}])
    with replacing(tmp_path / "other.csv") as busy:
        run(spec, few, tmp_path / "few.out.csv")
        assert list(tmp_path.glob(".abtest-*")) == [busy], "the next run removes what nobody writes"


def test_ids_that_are_true_or_false_are_refused(tmp_path: Path) -> None:
    customers = write_rows(tmp_path / "in.parquet", [{"customer_id": True}])
    with pytest.raises(AbtestError, match="'customer_id' is boolean; ids must be text or whole"):
        run(write_spec(tmp_path), customers, tmp_path / "out.csv")
