"""One language: its catalogue, its signs for numbers, its calendar."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Literal, get_args

from abtest.sentences import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.sentences import Sentence

Lang = Literal["en", "fa", "ar"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)

# Where the numbers come from. Unicode's data give plain Arabic the digits of Europe, and Egypt
# those that most of its readers east of Libya write.
_LOCALES = {"fa": "fa_IR", "ar": "ar_EG"}
_POWER = re.compile(r"[0-9]e[-+]?[0-9]")
_LEFT_TO_RIGHT = "\u200e"
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the report.

    Attributes:
        tag: As in ``<html lang="fa">``.
        direction: How its lines run.
    """

    tag: Lang
    direction: Literal["ltr", "rtl"]
    _catalogue: NullTranslations = field(repr=False)
    _signs: Mapping[str, str] = field(repr=False)

    @property
    def is_english(self) -> bool:
        """Whether texts and numbers are what the code says."""
        return self.tag == "en"

    def gettext(self, message: str) -> str:
        """The text in this language; in English where it is not in the catalogue."""
        # The catalogue keeps its own header under the empty text.
        return self._catalogue.gettext(message) if message else message

    def ngettext(self, one: str, more: str, n: int) -> str:
        """The text for this number in this language."""
        return self._catalogue.ngettext(one, more, n)

    def known(self, message: str) -> str | None:
        """The text in this language; None where it is not in the catalogue."""
        if not message.strip():
            return message
        found = self._catalogue.gettext(message)
        return None if found is message else found

    def template(self, told: Sentence) -> str | None:
        """The template of a sentence in this language; None where it is not in the catalogue."""
        if told.more is not None:
            n = told.values["n"]
            found = self._catalogue.ngettext(told.template, told.more, int(n))
            return None if found in (told.template, told.more) else found
        if _is_bare(told.template):
            return told.template
        return self.known(told.template)

    def native(self, number: str) -> str:
        """A number that Python has written, in the digits and signs of this language."""
        if self.is_english:
            return number
        told = "".join(self._signs.get(letter, letter) for letter in number)
        if _POWER.search(number):  # powers of ten: no part of them may change places
            return f"\u2066{told}\u2069"
        # After a Persian letter a bare percent sign would go left, after a signed number right.
        bare = self.tag == "fa" and number.endswith("%") and number[:1].isdigit()
        return f"{_LEFT_TO_RIGHT}{told}" if bare else told

    def currency(self, code: str) -> str:
        """The name of a currency; the isolated code where it has none."""
        from babel import Locale  # noqa: PLC0415 - only where it is not English

        found = Locale.parse(_LOCALES[self.tag]).currencies.get(code)
        return f"\u2068{code}\u2069" if found is None else str(found)

    def date(self, text: str) -> str:
        """A date or an instant in ISO form, in the calendar of this language."""
        found = None if self.is_english else _ISO.fullmatch(text)
        if found is None:
            return text
        year, month, day = (int(found.group(place)) for place in (1, 2, 3))
        told = _DATES[self.tag](year, month, day)
        clock, zone = _clock(found.group(4))
        told = f"{told}{self.gettext(', ')}{clock}" if clock else told
        # The offset is a code, like the name of a zone: it stays as it is, from left to right.
        digits = {digit: self._signs[digit] for digit in "0123456789"}
        told = "".join(digits.get(letter, letter) for letter in told)
        return f"{told} \u2066{zone}\u2069" if zone else told


def language_of(lang: str) -> Language:
    """The language with this tag.

    Raises:
        ValueError: If there is none.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"`lang` is {lang!r}; it must be one of {', '.join(LANGUAGES)}")
    return _load(lang)


@cache
def _load(lang: Lang) -> Language:
    return ENGLISH if lang == "en" else Language(lang, "rtl", _catalogue(lang), _signs(lang))


def _catalogue(lang: Lang) -> GNUTranslations:
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - only where it is not English
    from babel.messages.pofile import read_po  # noqa: PLC0415

    text = files("abtest.report.languages").joinpath(f"{lang}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=lang))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _signs(lang: Lang) -> dict[str, str]:
    """What each letter of a number that Python has written becomes."""
    from babel import Locale  # noqa: PLC0415 - only where it is not English

    locale = Locale.parse(_LOCALES[lang])
    system = locale.default_numbering_system
    symbols = locale.number_symbols[system]
    zero = {"arabext": 0x06F0, "arab": 0x0660}[system]
    return {
        **{str(digit): chr(zero + digit) for digit in range(10)},
        ",": symbols["group"],
        ".": symbols["decimal"],
        "%": symbols["percentSign"],
        "+": symbols["plusSign"],
        "-": symbols["minusSign"],
        "e": symbols["exponential"],
    }


def _persian(year: int, month: int, day: int) -> str:
    from persiantools.jdatetime import MONTH_NAMES_FA, JalaliDate  # noqa: PLC0415 - for Persian

    found = JalaliDate(dt.date(year, month, day))  # type: ignore[no-untyped-call]
    return f"{found.day} {MONTH_NAMES_FA[found.month]} {found.year}"


def _arabic(year: int, month: int, day: int) -> str:
    from babel import Locale  # noqa: PLC0415 - only for Arabic

    name = Locale.parse(_LOCALES["ar"]).months["format"]["wide"][month]
    return f"{day} {name} {year}"


_DATES = {"fa": _persian, "ar": _arabic}


def _clock(rest: str) -> tuple[str, str]:
    """Hours and minutes, and the offset, of what follows the date; midnight is not told."""
    found = re.fullmatch(r"[T ]([0-9:.]+)(.*)", rest)
    if found is None:
        return "", ""
    clock = re.sub(r"(:00)?(\.0+)?$", "", found.group(1)) if found.group(1).count(":") == 2 else ""
    clock = clock or found.group(1)
    return ("", "") if clock == "00:00" else (clock, found.group(2))


def _is_bare(template: str) -> bool:
    """Whether a template is one value and no word, so that there is nothing to translate."""
    names = placeholders(template)
    return len(names) == 1 and re.fullmatch(r"\{[^{}]*\}%?", template) is not None


ENGLISH = Language("en", "ltr", NullTranslations(), {})
