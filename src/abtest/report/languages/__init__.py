"""The language of a report: its words, digits, dates and direction.

The language in force is set by `speaking`, which `render` and `print_report` enter and leave; there
is no other way to set it, and each thread has its own. Nothing below the report knows of it.

- `_` and `many` say a text of the report, `tell` one that the analysis made (`abtest.sentences`).
- `native` writes a number that Python has formatted, `date` a date in ISO form.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from markupsafe import Markup

from abtest.report.languages.language import ENGLISH, LANGUAGES, Lang, Language, language_of
from abtest.report.text import clean, isolate, isolate_in
from abtest.sentences import Sentence, fill, write_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.sentences import Value

__all__ = [
    "LANGUAGES", "Lang", "Language", "_", "currency", "current", "date", "isolated", "listed",
    "many", "named", "native",
    "speaking", "tell",
]  # fmt: skip

_CURRENT: ContextVar[Language] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(lang: Lang) -> Iterator[Language]:
    """Say everything inside the block in this language.

    Raises:
        ValueError: If there is no such language.
    """
    token = _CURRENT.set(language_of(lang))
    try:
        yield _CURRENT.get()
    finally:
        _CURRENT.reset(token)


def current() -> Language:
    """The language in force."""
    return _CURRENT.get()


def _(message: str, /, **values: object) -> str:
    """A text of the report in the language in force.

    Args:
        message: The English text, with ``{name}`` for each value.
        values: Texts that are ready to be shown: numbers written, names clean.

    Examples:
        >>> _("{n} immature", n="12")
        '12 immature'
    """
    return _filled(current().gettext(message), values)


def many(one: str, more: str, n: int, /, **values: object) -> str:
    """A text that depends on a number, which it shows as ``{n}``.

    Examples:
        >>> many("{n} check failed", "{n} checks failed", 2)
        '2 checks failed'
    """
    return _filled(current().ngettext(one, more, n), {"n": native(f"{n:,}"), **values})


def tell(text: object) -> str:
    """A text that the analysis made, in the language in force, safe to show.

    Where the catalogue does not know it, it is shown in English, isolated from what is around it.
    """
    if isinstance(text, Sentence):
        return _tell_sentence(text)
    plain = str(text)
    language = current()
    if language.is_english:
        return clean(plain)
    found = language.known(plain)
    return isolate_in(clean(plain), language.direction) if found is None else found


def named(name: object) -> str:
    """A name from a spec or from the data as it stands inside a sentence, safe to show."""
    return isolate_in(clean(name), current().direction)


def isolated(name: str) -> str:
    """A clean name inside a sentence of a page, where isolates are always understood."""
    return isolate_in(name, "rtl") if current().direction == "rtl" else isolate(name)


def listed(parts: list[str] | tuple[str, ...]) -> str:
    """Texts that are ready to be shown, with the language's comma between them."""
    return _(", ").join(parts)


def native(number: str) -> str:
    r"""A number that Python has written, in the digits and signs of the language.

    Examples:
        >>> native("-1,234.5%")
        '-1,234.5%'
        >>> with speaking("fa"):
        ...     ascii(native("-12.5%"))
        "'\\u200e\\u2212\\u06f1\\u06f2\\u066b\\u06f5\\u066a'"
    """
    return current().native(number)


def currency(code: str) -> str:
    """The name of a currency after an amount, such as EUR; the code as it is in English.

    Examples:
        >>> currency("EUR")
        'EUR'
    """
    language = current()
    return clean(code) if language.is_english else language.currency(clean(code))


def date(text: str) -> str:
    """A date or an instant in ISO form, in the calendar of the language.

    Examples:
        >>> date("2026-03-01")
        '2026-03-01'
    """
    return current().date(clean(text))


def _tell_sentence(told: Sentence) -> str:
    language = current()
    if language.is_english:
        return clean(told)
    if told.parts is not None:
        separator = language.known(told.template)
        parts = (_write(part, "") for part in told.parts)
        return (clean(told.template) if separator is None else separator).join(parts)
    template = language.template(told)
    if template is None:
        return isolate_in(clean(told), language.direction)
    return fill(template, told.values, _write)


def _write(value: Value, spec: str) -> str:
    if isinstance(value, Sentence):
        return _tell_sentence(value)
    if isinstance(value, str):
        if spec == "currency":
            return currency(value)
        return date(value) if spec == "date" else named(value)
    return native(write_number(value, spec))


def _filled(message: str, values: dict[str, object]) -> str:
    if not values:
        return message
    if any(isinstance(value, Markup) for value in values.values()):
        return Markup(message).format(**values)  # noqa: S704 - a catalogue's text, values escaped
    return message.format(**values)
