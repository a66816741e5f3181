"""A seeded order log of any size, as Parquet or CSV: the input of benchmarks/retention.py.

    python benchmarks/order_log.py FOLDER [--customers 1000000] [--orders-each 5] [--csv]

Customers have sparse 40-bit ids; orders come in time order, over a year around the day of
assignment, 5% of them from people who were not assigned. The same numbers give the same bytes.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 20260105
CHUNK = 2_000_000
DAY = 86_400_000_000
START = 20_454 * DAY  # 2026-01-01 UTC, in microseconds since 1970
ENROLMENT = 14 * DAY
BEFORE, AFTER = 180 * DAY, 185 * DAY
OUTSIDERS = 0.05
VARIANTS = ("control", "coupon")

SPEC = """\
spec: abtest/v1
key: order-log
kind: incentive_mix
unit: customer_id
variants: [{key: control, control: true}, {key: coupon}]
schedule: {start: 2026-01-01, timezone: Europe/Berlin}
data:
  as_of: 2026-07-01
  assignments: {path: assignments.EXT}
  events: {orders: {path: orders.EXT, at: ordered_at, value: amount}}
metrics:
"""


def sparse_ids(index: np.ndarray) -> np.ndarray:
    """Distinct 40-bit ids of customers 0, 1, 2, ...: an odd factor permutes the numbers."""
    mixed = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15 | 1)
    return (mixed & np.uint64(2**40 - 1)).astype(np.int64)


def write_assignments(path: Path, customers: int, rng: np.random.Generator) -> None:
    """One row per customer: id, variant, time of assignment."""
    codes = rng.integers(0, len(VARIANTS), customers, dtype=np.int8)
    variants = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(VARIANTS))
    at = START + rng.integers(0, ENROLMENT, customers)
    table = pa.table(
        {
            "customer_id": sparse_ids(np.arange(customers)),
            "variant": variants.cast(pa.string()),
            "assigned_at": pa.array(at, pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(table, path, row_group_size=122_880)


def write_orders(path: Path, customers: int, orders: int, rng: np.random.Generator) -> None:
    """The log in time order, chunk by chunk."""
    chunks = max(1, -(-orders // CHUNK))
    edges = np.linspace(START - BEFORE, START + AFTER, chunks + 1).astype(np.int64)
    people = int(customers / (1 - OUTSIDERS))  # those beyond `customers` were not assigned
    writer, written = None, 0
    for low, high in pairwise(edges):
        n = min(CHUNK, orders - written)
        table = pa.table(
            {
                "order_id": np.arange(written, written + n),
                "customer_id": sparse_ids(rng.integers(0, people, n)),
                "ordered_at": pa.array(
                    np.sort(rng.integers(low, high, n)), pa.timestamp("us", tz="UTC")
                ),
                "amount": np.round(rng.lognormal(3.4, 0.8, n), 2),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=122_880)
        written += n
    if writer is not None:
        writer.close()


def generate(folder: Path, customers: int, orders: int, *, csv: bool = False) -> None:
    """Write assignments and orders into the folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "orders.parquet").exists():
        rng = np.random.default_rng(SEED)
        write_assignments(folder / "assignments.parquet", customers, rng)
        write_orders(folder / "orders.parquet", customers, orders, rng)
    for name in ("assignments", "orders") if csv else ():
        source, target = folder / f"{name}.parquet", folder / f"{name}.csv"
        if not target.exists():
            duckdb.sql("SET TimeZone = 'UTC'")
            duckdb.sql(f"COPY (FROM '{source}') TO '{target}' (HEADER)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--orders-each", type=int, default=5)
    parser.add_argument("--csv", action="store_true")
    given = parser.parse_args()
    generate(given.folder, given.customers, given.customers * given.orders_each, csv=given.csv)
