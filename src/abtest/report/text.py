"""Makes text from specs and data safe to show anywhere.

Names come from customers' files. A terminal obeys escape sequences, and a browser obeys
direction overrides, so both are replaced by a visible mark here, once, for every renderer.
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_BREAKS = re.compile("[\t\n\v\f\r\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}]+")
# Control codes, direction embeddings, overrides and isolates, lone surrogates. The joiners (U+200C,
# U+200D) and the two direction marks stay: Persian, Arabic and emoji need them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: object) -> str:
    r"""The text on one line, without anything that a terminal or a browser would obey.

    Args:
        text: Any value; it is shown as ``str(text)``.

    Returns:
        The text with line breaks and tabs as one space and control characters as U+FFFD.

    Examples:
        >>> clean("a\tb")
        'a b'
        >>> clean("\x1b[31mred") == REPLACEMENT + "[31mred"
        True
    """
    return _UNSAFE.sub(REPLACEMENT, _BREAKS.sub(" ", str(text)))


def isolate(name: str) -> str:
    r"""A name that does not disturb the text around it, nor is disturbed, for browsers.

    A name in Persian, Arabic or Hebrew is put between a first-strong isolate and its end: its own
    digits and brackets then stand where its readers expect them, and those beside it stay outside.
    Terminals may show the marks, so it is for HTML and SVG alone.

    Examples:
        >>> isolate("coupon"), isolate("کوپن") == "\u2068کوپن\u2069"
        ('coupon', True)
    """
    right_to_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if right_to_left else name


def isolate_in(name: str, direction: str) -> str:
    r"""A name inside a sentence of a language that runs in this direction.

    In a sentence that runs from right to left every name is isolated, so that its own digits and
    brackets stay with it; otherwise a name that itself runs from right to left stays as it is, for
    `isolate` where it is drawn.

    Examples:
        >>> isolate_in("coupon", "ltr"), isolate_in("coupon", "rtl") == "\u2068coupon\u2069"
        ('coupon', True)
    """
    return f"\u2068{name}\u2069" if direction == "rtl" else name
