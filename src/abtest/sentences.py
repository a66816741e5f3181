"""Sentences that remember what they were made of, so that a report can say them in any language.

A sentence is English text, and a string like any other. Beside that it keeps its template and the
values that went into it: numbers as numbers, names as they are. Only the standard library.
"""

from __future__ import annotations

import math
import numbers
import re
import unicodedata
from collections.abc import Callable
from string import Formatter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = int | float | str
"""A number, a name, or a sentence inside a sentence."""

Write = Callable[[Value, str], str]
"""Writes a value by its format, such as ``,`` or ``.2%`` or ``date`` or ``currency``."""

_MARK = "\N{LEFT-TO-RIGHT MARK}"
_FORMAT = re.compile(r"(date|level|currency|start|\+?,?(\.[0-9]{1,2})?[dfeg%]?)")


class Sentence(str):
    """A string that keeps its parts; see `sentence`, `plural` and `joined`.

    Attributes:
        template: The text with ``{names}`` for its values, or the separator of a list.
        more: The template for more than one, where the text depends on a number called ``n``.
        values: What the names stand for.
        parts: The members of a list; None for everything else.
    """

    __slots__ = ("more", "parts", "template", "values")

    template: str
    more: str | None
    values: Mapping[str, Value]
    parts: tuple[str, ...] | None

    def __reduce__(self) -> tuple[Callable[..., Sentence], tuple[object, ...]]:
        return _made, (str(self), self.template, self.more, dict(self.values), self.parts)

    def to_dict(self) -> dict[str, Any]:
        """The parts as plain JSON types."""
        if self.parts is not None:
            return {"join": self.template, "parts": [_plain(part) for part in self.parts]}
        more = {} if self.more is None else {"more": self.more}
        values = {name: _plain(value) for name, value in self.values.items()}
        return {"template": self.template, **more, "values": values}


def sentence(template: str, /, **values: Value) -> Sentence:
    """A sentence, or a piece of one, from a template.

    Args:
        template: Text with ``{name}``, or ``{name:format}`` with a format for numbers such as
            ``,`` or ``.2%``, or ``date`` for a date in ISO form. It is what gets translated.
        values: Numbers; names, which are shown as they are; sentences. Never a text that was
            formatted before: that could not be said in another language.

    Returns:
        The English text.

    Examples:
        >>> told = sentence("{n:,} of {total:,} units of {variant}", n=1200, total=5e3, variant="b")
        >>> told
        '1,200 of 5,000.0 units of b'
        >>> told.values["n"]
        1200
    """
    kept = {name: _number(value) for name, value in values.items()}
    return _made(fill(template, kept, write_english), template, None, kept, None)


def plural(one: str, more: str, /, n: int, **values: Value) -> Sentence:
    """A sentence that depends on a number.

    Args:
        one: The template where ``n`` is 1.
        more: The template for 0 and for several.
        n: The number.
        values: As for `sentence`.

    Examples:
        >>> plural("{n:,} row has no id", "{n:,} rows have no id", 1200)
        '1,200 rows have no id'
    """
    kept = {"n": _number(n), **{name: _number(value) for name, value in values.items()}}
    text = fill(one if n == 1 else more, kept, write_english)
    return _made(text, one, more, kept, None)


def joined(separator: str, parts: Sequence[str], /) -> Sentence:
    """Names or sentences in a row.

    Args:
        separator: ``", "``, ``"; "``, ``" and "`` or a space.
        parts: What is listed.

    Examples:
        >>> joined(" and ", ["orders", "visits"])
        'orders and visits'
    """
    told = separator.join(write_english(part, "") for part in parts)
    return _made(told, separator, None, {}, tuple(parts))


def phrase(text: str, /) -> str:
    """A constant that is looked up in the catalogue where it is shown; this marks it as one.

    Examples:
        >>> phrase("Primary metrics")
        'Primary metrics'
    """
    return text


def in_sentence(name: str) -> str:
    r"""A name as it stands in an English sentence.

    A name in Persian, Arabic or Hebrew between two left-to-right marks: without them the digits and
    brackets beside it would be drawn on its other side.

    Examples:
        >>> in_sentence("coupon"), in_sentence("کوپن") == "\u200eکوپن\u200e"
        ('coupon', True)
    """
    right_to_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"{_MARK}{name}{_MARK}" if right_to_left else name


def write_english(value: Value, spec: str) -> str:
    """One value in an English sentence; ``start`` gives a sentence inside it a capital letter."""
    if isinstance(value, Sentence):
        return value[:1].upper() + value[1:] if spec == "start" else str(value)
    if isinstance(value, str):
        return value if spec == "date" else in_sentence(value)
    return write_number(value, spec)


def write_number(value: float, spec: str) -> str:
    """A number by its format; ``level`` is the coverage of an interval, such as 97.5%."""
    return f"{100 * value:.4g}%" if spec == "level" else format(value, spec)


def fill(template: str, values: Mapping[str, Value], write: Write) -> str:
    """Put the values into a template; names of values alone, no attributes and no arithmetic.

    Raises:
        ValueError: If the template asks for a value that is not there, or in an unknown format.
    """
    told = []
    for text, name, spec, conversion in Formatter().parse(template):
        told.append(text)
        if name is None:
            continue
        if name not in values or conversion or not _FORMAT.fullmatch(spec or ""):
            raise ValueError(f"{template!r} has no value for {name!r} that is written {spec!r}")
        told.append(write(values[name], spec or ""))
    return "".join(told)


def placeholders(template: str) -> dict[str, str]:
    """The names in a template with their formats.

    Examples:
        >>> placeholders("{n:,} of {total}")
        {'n': ',', 'total': ''}
    """
    found = ((name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None)
    return {name: spec or "" for name, spec in found}


def collect(found: object) -> dict[str, Any]:
    """The parts of every sentence in a structure, by its English text; constants have none."""
    sentences: dict[str, Any] = {}
    _collect(found, sentences)
    return sentences


def restore(data: object, sentences: Mapping[str, Any], depth: int = 20) -> object:
    """A structure of plain JSON types whose known texts are sentences again.

    A text whose parts do not give that very text stays what it is; so does what lies deeper.
    """
    if depth == 0:
        return data
    if isinstance(data, str):
        return _restored(data, sentences.get(data))
    if isinstance(data, dict):
        return {key: restore(value, sentences, depth - 1) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [restore(value, sentences, depth - 1) for value in data]
    return data


def _restored(text: str, parts: object) -> str:
    try:
        found = _parsed(parts)
    except (KeyError, RecursionError, TypeError, ValueError):
        return text
    return found if found == text else text


def _parsed(parts: Any) -> Sentence:  # noqa: ANN401 - whatever the JSON holds
    if "join" in parts:
        separator = parts["join"]
        return joined(separator, [_value(part) for part in parts["parts"]])
    values = {name: _value(value) for name, value in parts["values"].items()}
    template, more = parts["template"], parts.get("more")
    return sentence(template, **values) if more is None else plural(template, more, **values)


def _value(value: Any) -> Any:  # noqa: ANN401 - whatever the JSON holds
    return _parsed(value) if isinstance(value, dict) else value


def _collect(found: object, sentences: dict[str, Any]) -> None:
    if isinstance(found, Sentence):
        if found.values or found.parts is not None:
            sentences[str(found)] = found.to_dict()
    elif isinstance(found, dict):
        for value in found.values():
            _collect(value, sentences)
    elif isinstance(found, (list, tuple)):
        for value in found:
            _collect(value, sentences)
    elif hasattr(type(found), "model_fields"):
        _collect(vars(found), sentences)


def _made(
    text: str,
    template: str,
    more: str | None,
    values: Mapping[str, Value],
    parts: tuple[str, ...] | None,
) -> Sentence:
    made = Sentence(text)
    made.template, made.more, made.values, made.parts = template, more, values, parts
    return made


def _number(value: Value) -> Value:
    """A number of any library as Python's own, so that JSON can hold it."""
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if math.isfinite(value) else str(value)


def _plain(value: object) -> object:
    return value.to_dict() if isinstance(value, Sentence) else value
