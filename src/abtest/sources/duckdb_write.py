"""Columns of numbers and texts, written as a CSV or Parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from abtest.sources.duckdb_sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ids:
    """A column of ids such as C0000001, kept as their numbers.

    Attributes:
        letter: What every id starts with.
        numbers: The rest, of seven digits or more.
    """

    letter: str
    numbers: npt.NDArray[np.int64]

    def __getitem__(self, chosen: npt.NDArray[Any]) -> Ids:
        return Ids(self.letter, self.numbers[chosen])

    def texts(self) -> list[str]:
        """The ids."""
        return [f"{self.letter}{number:07}" for number in self.numbers.tolist()]


Column = npt.NDArray[Any] | Ids


def write_table(path: Path, columns: Mapping[str, Column]) -> None:
    """Write columns of one length to a new file; its ending says how.

    Args:
        path: Ends in ``.csv``, ``.csv.gz`` or ``.parquet``.
        columns: By name. Times are ``datetime64`` in UTC.
    """
    import pandas as pd  # noqa: PLC0415 - only who writes waits for it

    plain = {
        name: column.numbers if isinstance(column, Ids) else column
        for name, column in columns.items()
    }
    frame = pd.DataFrame(plain)
    for name in frame.select_dtypes("datetime").columns:
        frame[name] = frame[name].dt.tz_localize("UTC")
    selected = ", ".join(_selected(name, column) for name, column in columns.items())
    how = "FORMAT parquet" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("table_to_write", frame)
        target = literal(str(path))
        query = f"COPY (SELECT {selected} FROM table_to_write) TO {target} ({how})"
        connection.execute(query)
    finally:
        connection.close()


def _selected(name: str, column: Column) -> str:
    if not isinstance(column, Ids):
        return quote(name)
    return f"printf({literal(column.letter + '%07d')}, {quote(name)}) AS {quote(name)}"
