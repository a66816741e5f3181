"""Names inside sentences."""

from __future__ import annotations

import unicodedata

_MARK = "\N{LEFT-TO-RIGHT MARK}"


def counted(n: int, one: str, more: str) -> str:
    """A number with the words for one, or for none and several.

    >>> counted(1, "row has", "rows have"), counted(1200, "row has", "rows have")
    ('1 row has', '1,200 rows have')
    """
    return f"{n:,} {one if n == 1 else more}"


def in_sentence(name: str) -> str:
    r"""A name as it stands in an English sentence.

    A name in Persian, Arabic or Hebrew between two left-to-right marks: without them the digits and
    brackets beside it would be drawn on its other side.

    >>> in_sentence("coupon"), in_sentence("کوپن") == "\u200eکوپن\u200e"
    ('coupon', True)
    """
    right_to_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"{_MARK}{name}{_MARK}" if right_to_left else name
