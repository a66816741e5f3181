"""Answer statements with a local Spark: python run_spark.py JOBS.json ANSWERS.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession


def main(asked: Path, answered: Path) -> None:
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    answers = []
    for number, (ids, statement) in enumerate(json.loads(asked.read_text())):
        frame = spark.createDataFrame([(unit,) for unit in ids], "id string")
        frame.createOrReplaceTempView(f"ids_{number}")
        answers.append([list(row) for row in spark.sql(statement).collect()])
    answered.write_text(json.dumps(answers))
    spark.stop()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
