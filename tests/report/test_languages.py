"""Reports in Persian and Arabic: words, digits, dates, direction."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import abtest
from abtest.analysis.result import Check, Result
from abtest.report import render
from abtest.report.languages import LANGUAGES, Lang, _, date, named, native, speaking, tell
from abtest.sentences import placeholders, sentence
from report.report_fixtures import result, rich_result

MARKS = {"_", "many", "sentence", "plural", "joined", "phrase"}
OTHERS: tuple[Lang, ...] = ("fa", "ar")
DIGITS = {"fa": "۰۱۲۳۴۵۶۷۸۹", "ar": "٠١٢٣٤٥٦٧٨٩"}


@pytest.mark.parametrize(
    ("lang", "number", "told"),
    [
        # Unicode CLDR: fa, and Arabic with the digits of ar_EG; babel.numbers says the same.
        ("fa", "-1,234.5%", "\u200e\u2212۱٬۲۳۴٫۵٪"),
        # Bare: the sign would change sides with the letter before it.
        ("fa", "95%", "\u200e۹۵٪"),
        ("fa", "+0.25", "\u200e+۰٫۲۵"),
        ("ar", "-1,234.5%", "\u061c-١٬٢٣٤٫٥٪\u061c"),
        ("en", "-1,234.5%", "-1,234.5%"),
        # Isolated: otherwise the power and the number before it change places.
        ("fa", "5.4e-18", "\u2066۵٫۴\u00d7۱۰^\u200e\u2212۱۸\u2069"),
    ],
)
def test_a_number_has_the_signs_of_the_language(lang: Lang, number: str, told: str) -> None:
    with speaking(lang):
        assert native(number) == told


@given(number=st.floats(-1e9, 1e9), lang=st.sampled_from(OTHERS))
def test_digits_come_back(number: float, lang: Lang) -> None:
    with speaking(lang):
        told = native(f"{number:.4f}")
    back = "".join(str(DIGITS[lang].index(x)) if x in DIGITS[lang] else x for x in told)
    plain = back.replace("\u200e", "").replace("\u061c", "").replace("\u2212", "-")
    assert plain.replace("٫", ".") == f"{number:.4f}"


@pytest.mark.parametrize(
    ("lang", "iso", "told"),
    [
        ("en", "2026-03-01", "2026-03-01"),
        # Nowruz of 1405 is on 21 March 2026; 1 March is the tenth of Esfand 1404.
        ("fa", "2026-03-21", "۱ فروردین ۱۴۰۵"),
        ("fa", "2026-03-01T00:00:00+01:00", "۱۰ اسفند ۱۴۰۴"),
        ("fa", "2026-03-01T14:30:00+03:30", "۱۰ اسفند ۱۴۰۴، ۱۴:۳۰ \u2066+03:30\u2069"),
        ("ar", "2026-03-01", "١ مارس ٢٠٢٦"),
        ("ar", "no date", "no date"),
    ],
)
def test_a_date_is_in_the_calendar_of_the_language(lang: Lang, iso: str, told: str) -> None:
    with speaking(lang):
        assert date(iso) == told


def test_an_unknown_text_is_told_in_english_and_isolated() -> None:
    with speaking("fa"):
        assert tell("Nobody has said this before.") == "\u2068Nobody has said this before.\u2069"
        assert tell(sentence("Never {x:.1%}.", x=0.1)) == "\u2068Never 10.0%.\u2069"
        assert named("coupon\x1b") == "\u2068coupon\ufffd\u2069"
    assert tell("Nobody has said this before.") == "Nobody has said this before."


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_said_where_there_is_nothing_to_say(lang: Lang) -> None:
    with speaking(lang):
        assert _("") == ""


@pytest.mark.parametrize("lang", OTHERS)
@pytest.mark.parametrize("fmt", ["table", "md", "html"])
def test_numbers_are_in_the_digits_of_the_language(
    lang: Lang, fmt: Literal["table", "md", "html"]
) -> None:
    """European digits are left in names, identifiers and what has been isolated, nowhere else."""
    text = render(rich_result(), fmt, lang)
    assert "Content-Type" not in text
    assert re.search(rf"[{DIGITS[lang]}]", text)
    assert not re.search(
        r"(?<![\w.:#(-])[0-9]+[.,][0-9]+%", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    )


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="`lang` is 'xx'; it must be one of en, fa, ar"):
        render(result(), "md", "xx")  # type: ignore[arg-type]


@pytest.mark.parametrize("fmt", ["json", "csv"])
def test_machines_get_no_language(fmt: str) -> None:
    assert len({render(rich_result(), fmt, lang) for lang in LANGUAGES}) == 1  # type: ignore[arg-type]


def test_a_result_from_a_file_says_the_same() -> None:
    made = result(
        checks=[Check(key="new", status="warn", message=sentence("{x:,} of {y}.", x=1200, y="b"))]
    )
    assert list(made.sentences) == ["1,200 of b."]
    again = Result.from_dict(made.to_dict())
    assert again == made
    for lang in LANGUAGES:
        assert render(again, "html", lang) == render(made, "html", lang)


def test_threads_do_not_share_a_language() -> None:
    expected = {lang: render(rich_result(), "md", lang) for lang in LANGUAGES}
    wrong: list[Lang] = []

    def work(lang: Lang) -> None:
        if {render(rich_result(), "md", lang) for repeat in range(5)} != {expected[lang]}:
            wrong.append(lang)

    threads = [threading.Thread(target=work, args=(lang,)) for lang in LANGUAGES * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(set(expected.values())) == len(LANGUAGES)


def test_the_language_ends_with_the_block() -> None:
    with pytest.raises(KeyError), speaking("fa"):  # noqa: PT012
        assert _("{low} to {high}", low="1", high="2") == "1 تا 2"
        raise KeyError
    assert _("{low} to {high}", low="1", high="2") == "1 to 2"


def _marked(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
            yield node


def _lost(tree: ast.AST) -> Iterator[int]:
    """The lines of texts that Babel does not find."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside = [call for call in _marked(node) if isinstance(call.args[0], ast.Constant)]
            yield from (call.lineno for call in inside)
    for call in _marked(tree):
        if isinstance(call.args[0], (ast.JoinedStr, ast.BinOp, ast.IfExp)):
            yield call.lineno


def test_texts_are_where_the_extraction_finds_them() -> None:
    """Babel reads no f-string, and no text that is put together before it is looked up."""
    for path in sorted(Path(abtest.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not list(_lost(tree)), path


def _catalogue(lang: Lang) -> Catalog:
    source = Path(abtest.__file__).parent / "report" / "languages" / f"{lang}.po"
    with source.open("rb") as file:
        return read_po(file, locale=lang)


def _extracted() -> set[str]:
    """Every text in the code that is marked for translation."""
    keywords = {"many": (1, 2), "plural": (1, 2)} | dict.fromkeys(
        ("_", "sentence", "joined", "phrase"), (1,)
    )
    found = extract_from_dir(
        Path(abtest.__file__).parent,
        [("**.py", "python"), ("**.html", "jinja2")],
        {"**.html": {"trimmed": "true"}},
        keywords,
    )
    return {
        message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found
    } - {""}


def _each(found: Any) -> list[str]:
    return [found] if isinstance(found, str) else list(found)


@pytest.mark.parametrize("lang", OTHERS)
def test_every_text_is_translated(lang: Lang) -> None:
    catalogue = _catalogue(lang)
    known = {m.id[0] if isinstance(m.id, (list, tuple)) else m.id for m in catalogue if m.id}
    assert _extracted() - known == set(), "run `make messages`, and translate what is new"
    for message in catalogue:
        texts = _each(message.string)
        assert not message.id or (all(texts) and not message.fuzzy), message.id


@pytest.mark.parametrize("lang", OTHERS)
def test_a_translation_has_the_values_of_its_original(lang: Lang) -> None:
    for message in _catalogue(lang):
        ids = _each(message.id)
        texts = _each(message.string)
        for text in texts if ids[0] else ():
            found, known = placeholders(text), placeholders(ids[-1])
            # One and two may be said in words: a plural form need not show its number.
            assert found.items() <= known.items(), message.id
            assert len(ids) > 1 or found == known, message.id


def _check_keys() -> set[str]:
    """The keys of all health checks in the code."""
    found: set[str] = set()
    for path in (Path(abtest.__file__).parent / "analysis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
                key = next(word.value for word in node.keywords if word.arg == "key")
                found |= {str(key.value)} if isinstance(key, ast.Constant) else set()
    return found


@pytest.mark.parametrize("lang", OTHERS)
def test_every_check_and_status_has_a_name(lang: Lang) -> None:
    keys = _check_keys()
    assert "novelty" in keys
    catalogue = _catalogue(lang)
    names = [*(key.replace("_", " ") for key in keys), "fail", "warn", "pass"]
    assert [name for name in sorted(names) if not catalogue.get(name)] == []
