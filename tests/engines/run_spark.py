"""Analyse random experiments with a local Spark: python run_spark.py NAME... > answers.

In a process of its own, because Spark leaves sockets open. The session's zone is another than the
experiments', on purpose: no answer may depend on it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from abtest import analyze
from engines.drawn import drawn_experiment


def main(names: list[str]) -> None:
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.default.parallelism", "1")
        .config("spark.sql.session.timeZone", "Pacific/Apia")
        # Most of the time goes into compiling Java for a few hundred rows, and none of it is ours.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.constraintPropagation.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    answers: dict[str, Any] = {}
    for place, name in enumerate(names):
        drawn = drawn_experiment(name)
        with tempfile.TemporaryDirectory() as folder:
            data = {n: given(session, t, place, Path(folder) / n) for n, t in drawn.tables.items()}
            engine = None if place % 3 == 0 else "spark"
            counts: list[int] = []

            def count(step: str, counts: list[int] = counts) -> None:  # noqa: ARG001 - progress
                counts.append(kept(session))

            result = analyze(drawn.spec, data=data, engine=engine, progress=count)
        answers[name] = {
            "result": result.to_dict(),
            "most_kept": max(counts),
            "still_kept": kept(session),
        }
    session.stop()
    sys.stdout.write(json.dumps(answers))


def given(session: Any, table: pa.Table, place: int, path: Path) -> Any:
    """A PySpark frame, a Parquet file, or a CSV file."""
    if place % 3 == 0:
        return session.createDataFrame(in_microseconds(table))
    if place % 3 == 1:
        pyarrow.parquet.write_table(in_microseconds(table), f"{path}.parquet")
        return f"{path}.parquet"
    pyarrow.csv.write_csv(table, f"{path}.csv")
    return f"{path}.csv"


def in_microseconds(table: pa.Table) -> pa.Table:
    """Spark knows no other unit of time; the logs have whole seconds."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def kept(session: Any) -> int:
    """How many frames Spark keeps in its memory or on its disks."""
    return int(session._jsparkSession.sharedState().cacheManager().numCachedEntries())


if __name__ == "__main__":
    main(sys.argv[1:])
