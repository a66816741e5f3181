"""What all databases have in common."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence


def no_such_table(label: str, table: str, names: Sequence[str]) -> DataError:
    """The error for a table that is not there, with what is."""
    close = get_close_matches(table, names, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    has = f"It has: {', '.join(names[:20])}." if names else "It has no tables."
    return DataError(f"{label} has no table {table!r}", f"{hint}{has}")


def no_table_named(label: str) -> DataError:
    """The error for a database of which nobody said which table."""
    return DataError(f"{label} is a database; it must say which table", "Add `table: orders`.")
