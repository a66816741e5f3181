"""Past data that the command line names, opened for the spec's own metrics."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from abtest.cli.tables import named_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.clock import Cutoff
    from abtest.sources.engine import Engine
    from abtest.spec import LoadedSpec


@dataclass(frozen=True, slots=True)
class PastTables:
    """Past data.

    Attributes:
        engine: Where they are read.
        tables: Their paths, by the names of the spec's tables.
        end: Up to when they are complete.
    """

    engine: Engine
    tables: dict[str, str]
    end: Cutoff


@contextmanager
def past_tables(loaded: LoadedSpec, given: list[str], end: str | None) -> Iterator[PastTables]:
    """Open past data.

    Args:
        loaded: The spec.
        given: As on the command line: orders=orders.parquet.
        end: Up to when they are complete; the schedule's start where it is None.

    Raises:
        typer.BadParameter: A table is unknown, or the end is no date.
    """
    from abtest.analysis.clock import Cutoff
    from abtest.sources.open_engine import EngineOptions, open_engine

    spec = loaded.spec
    with_units = spec.data.units is not None or spec.cluster is not None
    names = [*spec.data.events, *(["units"] if with_units else [])]
    tables = named_tables(given, names)
    zone = spec.schedule.timezone
    text = end or spec.schedule.start
    if text is None:
        raise typer.BadParameter("the spec has no schedule.start; say --history-end 2026-01-05")
    try:
        cutoff = Cutoff.parse(text, zone)
    except ValueError as error:
        raise typer.BadParameter(f"--history-end {error}") from error
    engine = open_engine(None, loaded.folder, zone, tables, EngineOptions(spec.data.currency))
    try:
        yield PastTables(engine, tables, cutoff)
    finally:
        engine.close()
