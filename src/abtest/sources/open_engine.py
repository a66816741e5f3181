"""Which engine reads the data of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.errors import DataError
from abtest.sources.duckdb_engine import MEMORY, DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abtest.sources.duckdb_engine import OnBadLines
    from abtest.sources.engine import Engine
    from abtest.sources.frame_backends import Backend

ENGINES = ("duckdb", "polars", "pandas", "pyarrow", "spark")
"""The engines with a name; ``pyarrow`` is for tables that are in memory already."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What only some engines ask.

    Attributes:
        currency: The currency of all amounts; None where each table must have one of its own.
        on_bad_lines: What DuckDB does about broken lines of CSV files: ``fail`` or ``skip``. Other
            engines always fail.
        memory: How much memory DuckDB takes before it writes to disk, such as ``8GB``;
            3500 MB where it is None.
        spark_master: Where Spark is started if no session runs: ``local[2]``, ``spark://host``.
    """

    currency: str | None = None
    on_bad_lines: OnBadLines = "fail"
    spark_master: str | None = None
    memory: str | None = None


def open_engine(
    engine: str | Engine | None,
    folder: Path,
    zone: str,
    data: Mapping[str, Any],
    options: EngineOptions,
) -> Engine:
    """The engine that somebody asked for, or the one that fits the data.

    Without a name, tables that are passed by hand choose: Polars where all are Polars frames, Spark
    where all are PySpark frames, and DuckDB otherwise. DuckDB reads pandas and PyArrow frames, and
    any mix of these with Polars frames and files.

    Args:
        engine: One of ``ENGINES``, an engine, or None.
        folder: What relative paths are relative to.
        zone: The zone in which times without an offset are read and days begin.
        data: Tables passed by hand, by name: a path, or a data frame.
        options: What only some engines ask.

    Raises:
        DataError: There is no such engine, its library is not installed, or it cannot do what an
            option asks.
    """
    if engine is not None and not isinstance(engine, str):
        return engine
    name = engine or _fitting(data)
    _refuse_options(name, options)
    if name == "duckdb":
        return DuckDBEngine(
            folder,
            zone,
            data,
            currency=options.currency,
            on_bad_lines=options.on_bad_lines,
            memory=options.memory or MEMORY,
        )
    from abtest.sources.frame_engine import FrameEngine  # noqa: PLC0415 - DuckDB needs none of it

    return FrameEngine(_backend(name, options.spark_master), folder, zone, data)


def _refuse_options(name: str, options: EngineOptions) -> None:
    """An option that would change nothing is refused."""
    if name not in ENGINES:
        raise DataError(f"engine is {name!r}; it must be one of {', '.join(ENGINES)}")
    if name != "spark" and options.spark_master is not None:
        raise DataError(f"engine {name} has no spark_master", "Use engine spark.")
    if name != "duckdb" and options.on_bad_lines != "fail":
        raise DataError(f"engine {name} cannot skip broken lines", "Use engine duckdb.")
    if name != "duckdb" and options.memory is not None:
        raise DataError(f"engine {name} cannot be given a limit of memory", "Use engine duckdb.")


def _backend(name: str, spark_master: str | None) -> Backend:
    from abtest.sources import frame_backends  # noqa: PLC0415

    if name == "spark":
        from abtest.sources.frame_spark import SparkBackend  # noqa: PLC0415

        return SparkBackend(spark_master)
    if name == "polars":
        return frame_backends.PolarsBackend()
    return frame_backends.PandasBackend() if name == "pandas" else frame_backends.ArrowBackend()


def _fitting(data: Mapping[str, Any]) -> str:
    """The engine that all tables passed by hand are frames of; else DuckDB, which reads most."""
    homes = {type(table).__module__.partition(".")[0] for table in data.values()}
    fitting = {"polars": "polars", "pyspark": "spark"}
    return fitting.get(homes.pop(), "duckdb") if len(homes) == 1 else "duckdb"
