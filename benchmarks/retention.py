"""What a whole analysis of an order log costs, beside the scan, a hand-written query and pandas.

    python benchmarks/retention.py [--customers 1000000] [--csv] [--folder FOLDER] [--only NAME ...]

Every contestant runs in a process of its own, in turns, on the same generated files (see
order_log.py); wall time, processor time and peak memory are those of the whole process, start-up
included. Ratios are of processor time, which other work on the machine disturbs least. Prints the
table of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from order_log import SPEC, generate

HERE = Path(__file__).resolve().parent
TURNS = 3
METRICS = """\
  - {key: repeat_30d, kind: repeat_purchase, events: orders, window: {end: 30d}, role: primary}
"""
MORE_METRICS = """\
  - {key: week_5, kind: retention, events: orders, window: {start: 28d, end: 35d}}
  - {key: orders_60d, kind: count, events: orders, window: {end: 60d}}
  - {key: revenue_60d, kind: sum, events: orders, window: {end: 60d}}
  - {key: aov_60d, kind: ratio, numerator: revenue_60d, denominator: orders_60d}
"""
COVARIATE = """\
covariates:
  orders_before: {kind: count, events: orders, window: {start: -90d, end: 0d}}
analysis: {covariates: [orders_before]}
"""
DAY = 86_400_000_000

# The same answer by hand: counts, sums, squares and products per variant. Repeat purchase needs
# the local day, and only units whose window is over count.
HAND = """
WITH orders AS (
  SELECT customer_id, epoch_us(ordered_at) AS t, amount,
         timezone('Europe/Berlin', ordered_at)::DATE AS day
  FROM {orders} WHERE ordered_at < TIMESTAMPTZ '2026-07-01 00:00:00+02'),
units AS (
  SELECT customer_id, variant, epoch_us(assigned_at) AS a,
         timezone('Europe/Berlin', assigned_at)::DATE AS anchor_day FROM {assignments}),
per_unit AS (
  SELECT customer_id, any_value(variant) AS variant, any_value(a) AS a,
    max(CASE WHEN t <= a THEN 1 ELSE 0 END) AS before,
    max(CASE WHEN t = a THEN 1 ELSE 0 END) AS at_anchor,
    max(CASE WHEN t > a AND t < a + 30 * {day} THEN 1 ELSE 0 END) AS again,
    max(CASE WHEN t > a AND t < a + 30 * {day} AND day > anchor_day THEN 1 ELSE 0 END) AS again_day,
    max(CASE WHEN t >= a + 28 * {day} AND t < a + 35 * {day} THEN 1 ELSE 0 END) AS week_5,
    sum(CASE WHEN t >= a AND t < a + 60 * {day} THEN 1 ELSE 0 END) AS n,
    sum(CASE WHEN t >= a AND t < a + 60 * {day} THEN amount ELSE 0 END) AS s,
    sum(CASE WHEN t < a AND t >= a - 90 * {day} THEN 1 ELSE 0 END) AS x
  FROM orders JOIN units USING (customer_id) GROUP BY customer_id),
facts AS (
  SELECT *, CASE WHEN at_anchor = 1 THEN again_day ELSE again END AS repeat,
    before = 1 AND a <= {cutoff} - 30 * {day} AS eligible, a <= {cutoff} - 35 * {day} AS m35,
    a <= {cutoff} - 60 * {day} AS m60 FROM per_unit),
sums AS (
  SELECT variant,
    count(*) FILTER (eligible), sum(repeat) FILTER (eligible), sum(x) FILTER (eligible),
    sum(x * x) FILTER (eligible), sum(x * repeat) FILTER (eligible),
    count(*) FILTER (m35), sum(week_5) FILTER (m35), sum(x) FILTER (m35), sum(x * x) FILTER (m35),
    sum(x * week_5) FILTER (m35),
    count(*) FILTER (m60), sum(n) FILTER (m60), sum(n * n) FILTER (m60), sum(s) FILTER (m60),
    sum(s * s) FILTER (m60), sum(n * s) FILTER (m60), sum(x) FILTER (m60), sum(x * x) FILTER (m60),
    sum(x * n) FILTER (m60), sum(x * s) FILTER (m60)
  FROM facts GROUP BY variant),
assigned AS (
  SELECT variant, count(*), count(DISTINCT customer_id),
    count(*) FILTER (a <= {cutoff} - 60 * {day})
  FROM units GROUP BY variant)
SELECT * FROM assigned JOIN sums USING (variant) ORDER BY variant
"""
CUTOFF = 1_782_856_800_000_000  # 2026-07-01 in Europe/Berlin

PANDAS = """
import pandas as pd
read = pd.read_parquet if kind == "parquet" else pd.read_csv
orders, units = read(f"{folder}/orders.{kind}"), read(f"{folder}/assignments.{kind}")
for frame, column in ((orders, "ordered_at"), (units, "assigned_at")):
    frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
orders = orders[orders.ordered_at < pd.Timestamp("2026-07-01", tz="Europe/Berlin")]
rows = orders.merge(units, on="customer_id")
since = rows.ordered_at - rows.assigned_at
day = rows.ordered_at.dt.tz_convert("Europe/Berlin").dt.normalize()
anchor_day = rows.assigned_at.dt.tz_convert("Europe/Berlin").dt.normalize()
zero = pd.Timedelta(0)
rows["before"] = since <= zero
rows["at_anchor"] = since == zero
rows["again"] = (since > zero) & (since < pd.Timedelta(days=30))
rows["again_day"] = rows.again & (day > anchor_day)
rows["week_5"] = (since >= pd.Timedelta(days=28)) & (since < pd.Timedelta(days=35))
inside = (since >= zero) & (since < pd.Timedelta(days=60))
rows["n"], rows["s"] = inside, rows.amount.where(inside, 0.0)
rows["x"] = (since < zero) & (since >= pd.Timedelta(days=-90))
columns = ["before", "at_anchor", "again", "again_day", "week_5", "n", "s", "x"]
how = dict.fromkeys(columns[:5], "max") | dict.fromkeys(columns[5:], "sum")
per_unit = rows.groupby("customer_id").agg(how)
facts = units.set_index("customer_id").join(per_unit).fillna({c: 0 for c in columns})
facts["repeat"] = facts.again_day.where(facts.at_anchor == 1, facts.again).astype(float)
print(facts.groupby("variant")[["repeat", "week_5", "n", "s", "x"]].agg(["count", "sum", "var"]))
"""


def query(kind: str) -> str:
    """The hand-written query for files of a kind."""
    reader = "read_parquet" if kind == "parquet" else "read_csv"
    return HAND.format(
        orders=f"{reader}('orders.{kind}')",
        assignments=f"{reader}('assignments.{kind}')",
        day=DAY,
        cutoff=CUTOFF,
    )


def floor(kind: str) -> str:
    """The raw scan of the same columns."""
    reader = "read_parquet" if kind == "parquet" else "read_csv"
    return (
        f"SELECT count(*), sum(customer_id), max(ordered_at), sum(amount) FROM "
        f"{reader}('orders.{kind}')"
    )


def write_specs(folder: Path, kind: str) -> None:
    """The specs of one and of five metrics."""
    base = SPEC.replace("EXT", kind)
    (folder / f"one_{kind}.yaml").write_text(base + METRICS, encoding="utf-8")
    five = base + METRICS + MORE_METRICS
    (folder / f"five_{kind}.yaml").write_text(five, encoding="utf-8")
    (folder / f"covariate_{kind}.yaml").write_text(five + COVARIATE, encoding="utf-8")


def program(name: str, kind: str) -> list[str]:
    """The command of one contestant, run in the folder of the files."""
    if name in ("floor", "hand"):
        sql = floor(kind) if name == "floor" else query(kind)
        code = (
            "import duckdb; c = duckdb.connect(); c.execute(\"SET TimeZone = 'UTC'\"); "
            f"print(c.execute({sql!r}).fetchall())"
        )
        return [sys.executable, "-c", code]
    if name == "pandas":
        return [sys.executable, "-c", f"folder, kind = '.', {kind!r}\n{PANDAS}"]
    command = [sys.executable, "-m", "abtest", "analyze", f"{name}_{kind}.yaml"]
    return [*command, "--format", "json"]


MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
run = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
wall, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
found = {"code": run.returncode, "wall": wall, "cpu": cpu, "peak": used.ru_maxrss / 1e6}
print(json.dumps({**found, "error": run.stderr[-300:]}))
"""


def turn(name: str, kind: str, folder: Path) -> dict[str, float]:
    """One run of one contestant."""
    command = [sys.executable, "-c", MEASURE, *program(name, kind)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    found = json.loads(run.stdout)
    if found["code"] not in (0, 3):
        raise SystemExit(f"{name} failed: {found['error']}")
    return found


NAMES = {
    "floor": "raw scan of the orders' columns",
    "hand": "one query by hand (five metrics and a covariate)",
    "one": "abtest analyze, one metric",
    "five": "abtest analyze, five metrics",
    "covariate": "abtest analyze, five metrics and a covariate",
    "pandas": "pandas, as an analyst would",
}


def main() -> None:
    """Generate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--turns", type=int, default=TURNS)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="order-log-"))
    kind = "csv" if given.csv else "parquet"
    generate(folder, given.customers, given.customers * 5, csv=given.csv)
    write_specs(folder, kind)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in given.only}
    for _ in range(given.turns):
        for name, found in runs.items():
            found.append(turn(name, kind, folder))
    best = {name: min(found, key=lambda run: run["cpu"]) for name, found in runs.items()}
    base = best.get("hand", {"cpu": 1.0})["cpu"]
    print(f"{given.customers:,} customers, {given.customers * 5:,} orders, {kind}\n")
    print("| what | wall s | cpu s | cpu / by hand | peak GB |\n|---|---|---|---|---|")
    for name, run in best.items():
        numbers = f"{run['wall']:.2f} | {run['cpu']:.2f} | {run['cpu'] / base:.2f}"
        print(f"| {NAMES[name]} | {numbers} | {run['peak']:.2f} |")


if __name__ == "__main__":
    main()
