"""What one assignment costs, beside the SDKs that others use, and what a whole list costs.

    python benchmarks/assignment.py [--venvs FOLDER] [--rows 10000000] [--only scalar|bulk]

Each SDK is installed from the package index into a virtual environment of its own (kept in
``--venvs``, else temporary); one that cannot be installed is left out, with the reason. All run the
same split into halves over the same 20,000 ids; the rounds of all take turns, so that other work on
the machine disturbs all alike, and each number is the best round. Prints the tables of
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
SDKS = ROOT / "benchmarks" / "sdks"
PACKAGES = {
    "growthbook": "growthbook==4.0.0",
    "eppo": "eppo-server-sdk==4.4.1",
    "statsig": "statsig==0.72.1",
    "optimizely": "optimizely-sdk==5.7.0",
}
TURNS = 5
SPEC = """\
spec: abtest/v1
key: winback
kind: messaging
unit: customer_id
variants: [{key: control, control: true}, {key: coupon}]
data: {units: {path: customers.csv, variant: variant}}
metrics: [{key: bought, kind: proportion, column: bought, role: primary}]
"""


def python_with(package: str, folder: Path) -> Path | str:
    """The interpreter of an environment that has the package, or why there is none."""
    home = folder / package.partition("==")[0]
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", package]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        return (run.stderr.strip().splitlines() or ["pip failed"])[-1]
    return python


def turn(name: str, python: Path) -> dict[str, dict[str, float]]:
    """One turn of one SDK, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src") if name == "abtest" else ""}
    command = [str(python), str(SDKS / "timing.py"), f"run_{name}"]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=SDKS, timeout=600
    )
    if run.returncode:
        raise SystemExit(f"{name}: {run.stderr[-2000:]}")
    found: dict[str, dict[str, float]] = json.loads(run.stdout)
    return found


def scalar(folder: Path) -> None:
    """The table of single calls."""
    pythons: dict[str, Path] = {"abtest": Path(sys.executable)}
    for name, package in PACKAGES.items():
        found = python_with(package, folder)
        if isinstance(found, str):
            print(f"{package} left out: {found}", file=sys.stderr)
        else:
            pythons[name] = found
    best: dict[tuple[str, str], float] = {}
    for _ in range(TURNS):
        for name, python in pythons.items():
            for call, measured in turn(name, python).items():
                key = (PACKAGES.get(name, name), call)
                best[key] = min(best.get(key, float("inf")), measured["us"])
    ours = {call: us for (name, call), us in best.items() if name == "abtest"}
    plain, reasoned = ours.values()
    print(
        "| what | call | us a call | times `variant()` | times `assign()` |\n|---|---|---|---|---|"
    )
    for (name, call), us in sorted(best.items(), key=lambda item: item[1]):
        print(f"| {name} | {call} | {us:.2f} | {us / plain:.1f} | {us / reasoned:.1f} |")


@dataclass(frozen=True)
class Whole:
    """What a whole process took: seconds, seconds of processor time of all cores, peak MB."""

    seconds: float
    cpu: float
    peak: float


def whole(command: list[str]) -> Whole:
    """Run a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    seconds = time.perf_counter() - start
    return Whole(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def commands(folder: Path, rows: int) -> dict[str, list[str]]:
    """What is compared: the floors, which decide nothing, then the command."""
    spec = folder / "experiment.yaml"
    spec.write_text(SPEC)
    customers, few, output = (folder / f"{name}.parquet" for name in ("all", "few", "assigned"))
    ids = "'C' || lpad((range * 7919 % 1000000007)::VARCHAR, 10, '0') AS customer_id"
    duckdb.execute("SET enable_progress_bar = false")
    for path, size in ((customers, rows), (few, 10)):
        duckdb.execute(f"COPY (SELECT {ids} FROM range({size})) TO '{path}'")
    source, target = f"read_parquet('{customers}')", f"'{output}' (FORMAT parquet)"
    digits = "sha256('winback:' || customer_id)"
    split = f"SELECT customer_id, {digits} < '8' AS variant FROM {source}"
    floors = {
        "floor: raw scan": f"SELECT sum(strlen(customer_id)) FROM {source}",
        "floor: hash alone": f"SELECT max({digits}) FROM {source}",
        "floor: copy alone": f"COPY (FROM {source}) TO {target}",
        "floor: hash, true or false, copy": f"COPY ({split}) TO {target}",
    }
    runs = {
        what: [sys.executable, "-c", f'import duckdb; duckdb.execute("{text}").fetchall()']
        for what, text in floors.items()
    }
    assign = [sys.executable, "-m", "abtest", "assign", str(spec), "--at", "2026-01-05",
              "-o", str(output), "--customers"]  # fmt: skip
    runs["`abtest assign` of 10 ids: start-up"] = [*assign, str(few)]
    for level in ("none", "basic"):
        name = f"`abtest assign --check-ids {level}`"
        runs[name] = [*assign, str(customers), "--check-ids", level]
    return runs


def bulk(folder: Path, rows: int) -> None:
    """The table of whole lists."""
    runs = commands(folder, rows)
    found: dict[str, list[Whole]] = {what: [] for what in runs}
    for _ in range(TURNS):
        for what, command in runs.items():
            found[what].append(whole(command))
    print(
        f"\n| {rows:,} ids, Parquet to Parquet | seconds | CPU seconds | million ids/s | peak MB |"
    )
    print("|---|---|---|---|---|")
    for what, turns in found.items():
        seconds, cpu = min(one.seconds for one in turns), min(one.cpu for one in turns)
        speed = "" if "start-up" in what else f"{rows / seconds / 1e6:.1f}"
        peak = max(one.peak for one in turns)
        print(f"| {what} | {seconds:.2f} | {cpu:.2f} | {speed} | {peak:.0f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--venvs", type=Path, help="keep the SDKs' environments here")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", choices=("scalar", "bulk"), help="only this table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.only != "bulk":
            scalar(arguments.venvs or Path(name))
        if arguments.only != "scalar":
            bulk(Path(name), arguments.rows)


if __name__ == "__main__":
    main()
