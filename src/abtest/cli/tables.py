"""Tables that the command line names: orders=orders.parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_tables(given: Sequence[str], known: Sequence[str] = ()) -> dict[str, str]:
    """Files by the name of their table.

    Args:
        given: As on the command line; a path without a name is for the only table there is.
        known: The tables that there are; any name where it is empty.

    Raises:
        typer.BadParameter: A name is missing, unknown or given twice.
    """
    from abtest.sources.locations import is_url

    tables = {}
    for item in given:
        name, equals, path = item.partition("=")
        if not equals and len(known) == 1:
            name, path = known[0], item
        if not (name and path):
            raise typer.BadParameter(f"{item!r} must be a table and a path: orders=orders.parquet")
        if known and name not in known:
            raise typer.BadParameter(f"{name!r} is no table of the spec; it has {', '.join(known)}")
        if name in tables:
            raise typer.BadParameter(f"{name!r} is given twice; each table has one file")
        # Paths on the command line are relative to where it is run, not to the spec.
        tables[name] = path if is_url(path) else str(Path(path).absolute())
    return tables
