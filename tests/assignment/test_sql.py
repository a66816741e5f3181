"""One statement per engine: the same answers as ``assign`` wherever an engine is here to ask."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from abtest.assignment import Experiment, assign
from abtest.assignment.dialects import DIALECTS, RUN
from abtest.assignment.formula import slot_limit
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule
from abtest.assignment.sql import select
from abtest.assignment.switching import fewest_moves, ranges_of
from abtest.errors import AssignmentError
from sql_engines import Job, Row, by_unit, run_clickhouse, run_duckdb, run_postgres, run_spark
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[list[Job], Path], list[list[Row]]]

VECTORS = json.loads((ROOT / "tests/golden/assignment_v1.json").read_text(encoding="ascii"))
EXPERIMENTS = {
    name: Experiment.from_json(compiled) for name, compiled in VECTORS["experiments"].items()
}
AT = datetime(2026, 1, 10, tzinfo=UTC)
ENGINES = [
    pytest.param("duckdb", run_duckdb, id="duckdb"),
    pytest.param("postgres", run_postgres, id="postgres", marks=pytest.mark.integration),
    pytest.param("spark", run_spark, id="spark", marks=pytest.mark.integration),
    pytest.param("clickhouse", run_clickhouse, id="clickhouse", marks=pytest.mark.integration),
]
EVERYTHING = Experiment(
    "everything-random",
    [("control", 2), ("it's", 1), ("تخفیف", 1), ("never", 0)],
    coverage_parts=2_000,
    layer=Layer("lifecycle-random", [(0, 4_000), (6_000, 10_000)]),
    holdout=Holdout("holdout-random", 1_000),
    overrides={"7": "never"},
    phases=[Phase(datetime(2026, 1, 8, tzinfo=UTC), 8_000, (1, 1, 2, 0))],
    schedule=Schedule(datetime(2026, 1, 5, tzinfo=UTC)),
)
RANGED = Experiment(
    "ranged-random",
    [("control", 1), ("it's", 1), ("تخفیف", 1), ("joins", 0)],
    phases=[
        Phase(
            datetime(2026, 1, 8, tzinfo=UTC),
            9_000,
            (1, 1, 1, 1),
            list(
                fewest_moves(ranges_of({"a": 1, "b": 1, "c": 1}), dict.fromkeys("abcd", 1)).values()
            ),
        )
    ],
)


def random_ids(count: int) -> list[str]:
    """Distinct ids of many scripts, lengths and control characters; no engine's text holds NUL."""
    rng = np.random.default_rng(20260105)
    alphabets = [
        "0123456789",
        "abcdefXYZ0189@._-",
        " \t\r\n'\"\\,:;%$`{}[]",
        "مشتری۱۲۳\u200c\u200f",
        "éüßİıñ\u0301\u0308",
        "客户編號カナ",
        "\U0001f600\U0001f468\u200d\U0001f469\U0001f3fd",
        "".join(map(chr, range(1, 128))),
    ]
    ids: dict[str, None] = {"7": None, "07": None, " 7": None}
    while len(ids) < count:
        alphabet = alphabets[rng.integers(len(alphabets))]
        letters = rng.integers(len(alphabet), size=rng.integers(1, 41))
        ids["".join(alphabet[letter] for letter in letters)] = None
    return list(ids)


@pytest.mark.parametrize(("dialect", "run"), ENGINES)
def test_an_engine_gives_every_answer_of_the_vectors(
    dialect: str, run: Run, tmp_path: Path
) -> None:
    groups: dict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for case in VECTORS["cases"]:
        groups[case["experiment"], case["at"]].append(case)
    jobs = []
    for number, ((name, at), cases) in enumerate(groups.items()):
        moment = None if at is None else datetime.fromisoformat(at)
        text = select(EXPERIMENTS[name], dialect, column="id", table=f"ids_{number}", at=moment)
        jobs.append(Job([case["unit"] for case in cases], text))
    compared = 0
    for cases, rows in zip(groups.values(), run(jobs, tmp_path), strict=True):
        found = by_unit(rows)
        for case in cases:
            wanted = (case["variant"], case["reason"], case["bucket"])
            assert found[case["unit"]] == wanted, case["id"]
            compared += 1
    assert compared == len(VECTORS["cases"])


@pytest.mark.parametrize(("dialect", "run"), ENGINES)
def test_an_engine_agrees_on_100_000_random_ids(dialect: str, run: Run, tmp_path: Path) -> None:
    ids = random_ids(100_000)
    jobs = [
        Job(ids, select(experiment, dialect, column="id", table=f"ids_{number}", at=AT))
        for number, experiment in enumerate((EVERYTHING, RANGED))
    ]
    found, ranged = (by_unit(rows) for rows in run(jobs, tmp_path))
    assert found == {unit: tuple(assign(EVERYTHING, unit, at=AT))[:3] for unit in ids}
    assert len({reason for _, reason, _ in found.values()}) == 5
    assert ranged == {unit: tuple(assign(RANGED, unit, at=AT))[:3] for unit in ids}


@pytest.mark.parametrize("experiment", [EVERYTHING, RANGED], ids=lambda item: item.key)
def test_node_agrees_on_100_000_random_ids(experiment: Experiment, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    cases = []
    for number, unit in enumerate(random_ids(100_000)):
        variant, reason, bucket, phase = assign(experiment, unit, at=AT)
        cases.append(
            {
                "id": str(number),
                "experiment": experiment.key,
                "unit": unit,
                "unit_utf8": unit.encode().hex(),
                "at": AT.isoformat(),
                "variant": variant,
                "reason": reason,
                "bucket": bucket,
                "phase": phase,
            }
        )
    experiments = {experiment.key: json.loads(experiment.to_json())}
    path = tmp_path / "random.json"
    more: dict[str, list[str]] = {
        "thresholds": [],
        "salts": [],
        "refused_salts": [],
        "refused_units": [],
    }
    path.write_text(json.dumps({**VECTORS, **more, "experiments": experiments, "cases": cases}))
    script = Path(__file__).with_name("check_vectors.mjs")
    run = subprocess.run(
        [node, str(script), str(path)], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.stdout.strip() == str(len(cases))


def test_ids_that_assign_refuses_get_nulls() -> None:
    experiment = Experiment("winback", [("control", 1), ("coupon", 1)], overrides={"x": "coupon"})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT unnest([NULL, '', 'x']) AS id")
        rows = connection.execute(select(experiment, "duckdb", column="id")).fetchall()
    assert [row[1:3] for row in rows] == [(None, None), (None, None), ("coupon", "override")]


def test_whole_numbers_are_hashed_as_their_digits() -> None:
    experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT range AS id FROM range(100)")
        rows = connection.execute(select(experiment, "duckdb", column="id")).fetchall()
    assert [row[1] for row in rows] == [experiment.variant(number) for number in range(100)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_full_coverage_and_the_last_variant_need_no_comparison(dialect: str) -> None:
    text = select(Experiment("s", [("a", 1), ("b", 1), ("c", 0)]), dialect, column="id")
    assert re.findall(r"(?:<|>=) '(\w+)'", text) == ["8000000000000"]
    assert "not_enrolled" not in text
    assert "10000000000000" not in text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_statement_reads_the_thirteen_digits_as_one_integer(dialect: str) -> None:
    text = select(EVERYTHING, dialect, column="id", at=AT)
    decisions = text.split("AS abtest_reason")[0].split("FROM (")[1]
    assert not re.search(r"(?i)bigint|int64|to_number|strtol|from_base|conv\(|unhex", decisions)


def test_what_is_hashed_may_be_another_column_than_what_is_shown() -> None:
    experiment = Experiment("s", [("a", 1), ("b", 1)])
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE c AS SELECT unnest([1, 2]) AS id, 'h1' AS \"user\"")
        text = select(experiment, "duckdb", column="user", unit="id", table="c")
        rows = connection.execute(text).fetchall()
    assert [row[:2] for row in rows] == [
        (1, experiment.variant("h1")),
        (2, experiment.variant("h1")),
    ]


@pytest.mark.parametrize(
    ("dialect", "quoted", "column"),
    [
        ("postgres", "'it''s 1\\2'", '"user"'),
        ("bigquery", "'it\\'s 1\\\\2'", "`user`"),
        ("snowflake", "'it\\'s 1\\\\2'", '"USER"'),
        ("sqlserver", "'it''s 1\\2'", "[user]"),
    ],
)
def test_names_are_quoted_as_the_engine_does(dialect: str, quoted: str, column: str) -> None:
    text = select(Experiment("s", [("it's 1\\2", 1)]), dialect, column="user")
    assert quoted in text
    assert f"SELECT\n  {column},\n" in text


def test_text_beyond_ascii_is_marked_for_sql_server() -> None:
    text = select(Experiment("s", [("تخفیف", 1)]), "sqlserver", column="id")
    assert "N'تخفیف'" in text


def test_what_cannot_be_written_is_refused() -> None:
    odd = Experiment("s", [("a\nb", 1)])
    with pytest.raises(AssignmentError, match=r"variant 'a\\nb' holds a control character; it"):
        select(odd, "bigquery", column="id")
    plain = Experiment("s", [("a", 1)])
    with pytest.raises(AssignmentError, match=r"column 'a`b' holds a quote or a backslash; it"):
        select(plain, "spark", column="a`b")
    assert '"a""b"' in select(plain, "duckdb", column='a"b')


def test_phases_need_a_time() -> None:
    with pytest.raises(AssignmentError, match="at is missing; experiment 'everything-random'"):
        select(EVERYTHING, "duckdb", column="id")


def test_the_docs_say_which_dialects_have_run() -> None:
    text = (ROOT / "docs/how-to/assign-in-sql.md").read_text(encoding="utf-8")
    for dialect in DIALECTS:
        line = next(line for line in text.splitlines() if line.startswith(f"| `{dialect}` "))
        assert ("| tested |" in line) == (dialect in RUN), dialect


def test_slot_limits_are_where_the_slot_begins() -> None:
    for slot in range(1, 10_000):
        limit = int(slot_limit(slot), 16)
        assert (limit * 10_000 >> 52, (limit - 1) * 10_000 >> 52) == (slot, slot - 1)


def test_coverage_leaves_out_its_own_limit() -> None:
    # No id is known to fall on a limit exactly, so the statement itself is looked at.
    text = select(Experiment("s", [("a", 1)], coverage_parts=5_000), "duckdb", column="id")
    assert "WHEN substr(abtest_digits, 14, 13) >= '8000000000000' THEN 'not_enrolled'" in text
