"""Names inside sentences."""

from __future__ import annotations

from abtest.sentences import in_sentence

__all__ = ["counted", "in_sentence"]


def counted(n: int, one: str, more: str) -> str:
    """A number with the words for one, or for none and several.

    >>> counted(1, "row has", "rows have"), counted(1200, "row has", "rows have")
    ('1 row has', '1,200 rows have')
    """
    return f"{n:,} {one if n == 1 else more}"
