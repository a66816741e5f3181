"""Small files and how to read them with the engine."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import Table
from abtest.sources.wanted import ColumnType, Wanted

BERLIN = "Europe/Berlin"


def write(path: Path, content: str | bytes) -> Path:
    """A file as it is given; compressed where its name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    return path


def read(
    given: Any,
    *wanted: tuple[str, ColumnType],
    zone: str = BERLIN,
    keep: list[dict[str, Any]] | None = None,
) -> list[tuple[Any, ...]]:
    """The wanted columns of a table, row by row."""
    engine = DuckDBEngine(Path(), zone, {"table": given})
    table = Table.model_validate({"path": "-", "keep": tuple(keep or ())})
    names = [Wanted(f"{column}:{type_}", column, type_) for column, type_ in wanted]
    rows = engine.collect(engine.scan("table", table, names))
    return [tuple(row.values()) for row in rows]


def texts(given: Any, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    """Columns as text."""
    return read(given, *((column, "text") for column in columns), **more)
