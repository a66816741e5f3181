"""SQL engines that answer statements about ids, each started for the test and stopped after it."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Row = tuple[str, str | None, str | None, int]
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Job:
    """Ids, and a statement over the table ``ids_<number>`` with the one column ``id``."""

    ids: Sequence[str]
    statement: str


def run_duckdb(jobs: Sequence[Job], _: Path) -> list[list[Row]]:
    answers = []
    with duckdb.connect() as connection:
        for number, job in enumerate(jobs):
            connection.execute(
                f"CREATE TABLE ids_{number} AS SELECT unnest(?) AS id", [list(job.ids)]
            )
            answers.append(connection.execute(job.statement).fetchall())
    return answers


def run_postgres(jobs: Sequence[Job], folder: Path) -> list[list[Row]]:
    """A server of its own, on a socket in the folder, as a user without rights."""
    tools = postgres_tools()
    if tools is None:
        pytest.skip("PostgreSQL is not installed")
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    home = folder / "postgres"
    home.mkdir()
    if user is not None:
        for parent in [home, *home.parents[:-1]]:
            parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(home, user)

    def call(tool: str, *arguments: str, text: str | None = None) -> str:
        command = [str(tools / tool), *arguments]
        run = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, user=user, cwd=home
        )
        assert run.returncode == 0, run.stderr[-2000:]
        return run.stdout

    # A collation by dictionary order, as in most databases: digits must compare the same in it.
    call("initdb", "-D", "data", "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync",
         "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")  # fmt: skip
    call("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o",
         f"-c listen_addresses='' -c fsync=off -k {home}")  # fmt: skip
    try:
        script = "\n".join(_postgres_script(jobs, home))
        arguments = ["-h", str(home), "-U", "tester", "-d", "postgres", "-X", "-q"]
        call("psql", *arguments, "-v", "ON_ERROR_STOP=1", text=script)
    finally:
        call("pg_ctl", "stop", "-m", "immediate", "-D", "data")
    return [list(_read(home / f"answer_{number}.csv")) for number in range(len(jobs))]


def postgres_tools() -> Path | None:
    """The folder with initdb and its siblings, which Debian keeps off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found is not None:
        folders.insert(0, Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _postgres_script(jobs: Sequence[Job], home: Path) -> Iterator[str]:
    for number, job in enumerate(jobs):
        source = home / f"ids_{number}.csv"
        with source.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([unit] for unit in job.ids)
        source.chmod(0o644)
        yield f"CREATE TABLE ids_{number} (id text);"
        yield f"COPY ids_{number} FROM '{source}' CSV;"
        yield f"COPY ({job.statement}) TO '{home}/answer_{number}.csv' (FORMAT csv, FORCE_QUOTE *);"


def _read(path: Path) -> Iterator[Row]:
    """Rows of a file in which texts are quoted and nulls are empty."""
    with path.open(encoding="utf-8", newline="") as file:
        for unit, variant, reason, bucket in csv.reader(file):
            yield unit, variant or None, reason or None, int(bucket)


def run_spark(jobs: Sequence[Job], folder: Path) -> list[list[Row]]:
    """Spark on this machine, in a process of its own: it leaves sockets open."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: pip install abtest[integration]")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    return _by_script("run_spark.py", jobs, folder)


def run_clickhouse(jobs: Sequence[Job], folder: Path) -> list[list[Row]]:
    """ClickHouse as a library, in a process of its own: a process can have one only."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("chdb is not installed: pip install abtest[integration]")
    return _by_script("run_clickhouse.py", jobs, folder)


def _by_script(script: str, jobs: Sequence[Job], folder: Path) -> list[list[Row]]:
    asked, answered = folder / "jobs.json", folder / "answers.json"
    asked.write_text(json.dumps([[list(job.ids), job.statement] for job in jobs]))
    command = [sys.executable, str(HERE / script), str(asked), str(answered)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert run.returncode == 0, run.stderr[-2000:]
    return [[tuple(row) for row in rows] for rows in json.loads(answered.read_text())]


def by_unit(rows: Iterable[Row]) -> dict[str, tuple[str | None, str | None, int]]:
    return {unit: (variant, reason, bucket) for unit, variant, reason, bucket in rows}
