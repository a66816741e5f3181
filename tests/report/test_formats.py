"""JSON, CSV and Markdown, and which libraries each format loads."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_args

import pytest

from abtest.analysis.result import Check, Record, Result
from abtest.report import Format, render
from abtest.report.markdown import escape
from report.report_fixtures import (
    ANSI,
    FORMULA,
    PERSIAN,
    SCRIPT,
    absent,
    descriptive_result,
    failed_result,
    hostile_result,
    record,
    result,
    rich_result,
    unreadable_result,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(made: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(made, "csv"))))


@pytest.mark.parametrize("fmt", get_args(Format))
@pytest.mark.parametrize("make", [rich_result, hostile_result, descriptive_result])
def test_the_same_result_gives_the_same_bytes(make: Callable[[], Result], fmt: Format) -> None:
    text = render(make(), fmt)
    assert text == render(make(), fmt)
    assert text.endswith("\n")
    assert text.encode("utf-8")


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(ValueError, match="`fmt` is 'pdf'; it must be one of table, json, csv"):
        render(result(), "pdf")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fmt", "absent_modules"),
    [
        ("table", ("matplotlib", "jinja2", "pandas", "scipy", "numpy")),
        ("json", ("matplotlib", "jinja2", "rich.console", "pandas", "numpy")),
        ("csv", ("matplotlib", "jinja2", "rich.console", "pandas", "numpy")),
        ("md", ("matplotlib", "jinja2", "rich.console", "pandas", "numpy")),
        ("html", ("matplotlib.pyplot", "pandas", "scipy")),
    ],
)
def test_a_format_loads_only_what_it_needs(fmt: str, absent_modules: tuple[str, ...]) -> None:
    code = (
        "import sys; from abtest.report import render; from abtest.analysis.result import Result;"
        "made = Result.model_validate_json(sys.stdin.read()); render(made, sys.argv[1]);"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, fmt],
        input=rich_result().model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(absent_modules) & set(done.stdout.split())


def test_json_is_the_whole_result() -> None:
    made = rich_result()
    text = render(made, "json")
    data = json.loads(text)
    assert next(iter(data)) == "schema"
    assert data["schema"] == "abtest-result/v1"
    assert Result.from_dict(data) == made
    assert text.startswith('{\n  "schema"')


def test_json_keeps_names_and_writes_absent_as_null() -> None:
    text = render(result(results=[absent(variant=PERSIAN)]), "json")
    assert PERSIAN in text
    assert json.loads(text)["results"][0]["lift"] is None
    assert "NaN" not in text


def test_json_does_not_drive_a_terminal() -> None:
    names = [ANSI, "\x9b31m", "\x7f", "\u202e", "a\u2028b"]
    text = render(result(results=[record(variant=name) for name in names]), "json")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    assert [row["variant"] for row in json.loads(text)["results"]] == names


def test_json_has_no_word_for_not_a_number() -> None:
    broken = Check(key="k", status="pass", message="m", details={"p": float("nan")})
    assert json.loads(render(result(checks=[broken]), "json"))["checks"][0]["details"] == {
        "p": None
    }


def test_csv_has_one_row_per_record_and_the_record_s_columns() -> None:
    made = rich_result()
    text = render(made, "csv")
    assert text.splitlines()[0] == ",".join(Record.model_fields)
    assert len(rows(made)) == len(made.results)
    first = rows(made)[0]
    assert (first["lift"], first["pvalue"], first["n"]) == ("0.1074", "0.00041", "12345")
    assert first["coherent"] == "true"
    assert first["margin"] == ""


def test_csv_numbers_lose_nothing() -> None:
    value = 0.1 + 0.2
    (row,) = rows(result(results=[record(difference=value, lift=-1e-300)]))
    assert float(row["difference"]) == value
    assert row["lift"] == "-1e-300"


def test_csv_joins_notes() -> None:
    (row,) = rows(result(results=[record(notes=["first, with comma", "second"])]))
    assert row["notes"] == "first, with comma; second"


@pytest.mark.parametrize(
    "name",
    [FORMULA, "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", " =1+1", "  @x", "-coupon"],
)
def test_csv_text_never_starts_a_formula(name: str) -> None:
    (row,) = rows(result(results=[record(variant=name, notes=[name])]))
    assert row["variant"].startswith("'")
    assert row["notes"].startswith("'")
    assert not re.search("[\r\n\t]", row["variant"])


def test_csv_leaves_harmless_text_and_negative_numbers_alone() -> None:
    (row,) = rows(result(results=[record(variant=PERSIAN, difference=-0.5)]))
    assert row["variant"] == PERSIAN
    assert row["difference"] == "-0.5"


def test_csv_of_a_failed_result_says_invalid() -> None:
    assert {row["verdict"] for row in rows(failed_result())} == {"invalid"}


def test_markdown_shows_the_numbers_and_the_marks() -> None:
    text = render(rich_result(), "md")
    assert "| repeat_purchase_30d | coupon | 12.10% | 13.40% | +10.7% (+4.7% to +17.1%)" in text
    assert "coupon_freeship[^2]" in text
    assert "[^2]: There is no lift: control's mean is not positive." in text
    assert "- **WARN** Immature share" in text
    assert "  Hint: Wait until 2026-04-19" in text
    assert "readable on 2026-04-19" in text
    assert "24,680 (241 immature)" in text


def test_markdown_tables_are_whole() -> None:
    for made in (rich_result(), hostile_result(), descriptive_result()):
        table: list[str] = []
        for line in [*render(made, "md").splitlines(), ""]:
            if line.startswith("|"):
                table.append(line)
                continue
            widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table}
            assert len(widths) <= 1
            table = []


@pytest.mark.parametrize(
    ("make", "banner"),
    [
        (failed_result, "**A health check failed: do not use these numbers to decide.**"),
        (unreadable_result, "**Not readable yet: no primary metric is mature."),
    ],
)
def test_markdown_banners_are_loud(make: Callable[[], Result], banner: str) -> None:
    text = render(make(), "md")
    assert f"> [!CAUTION]\n> {banner}" in text
    assert text.index(banner) < text.index("## Health checks")


def test_markdown_describes_what_is_not_compared() -> None:
    text = render(descriptive_result(), "md")
    assert "| repeat_30d | all | 20.46% | 19.23% to 21.74% | 3,994 (197 immature) |" in text


def test_markdown_money_and_segments() -> None:
    decision = result().decision.model_copy(update={"value": 1234.0})
    text = render(result(decision=decision, results=[record(segment="tier=high")]), "md")
    assert "Expected value: EUR 1,234" in text
    assert "| coupon (tier=high) |" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SCRIPT, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a|b", r"a\|b"),
        ("`rm`", r"\`rm\`"),
        ("[x](http://evil.example)", r"\[x\](http://evil.example)"),
        ("_x_ *y* a_b", r"\_x\_ \*y\* a_b"),
        ("back\\slash", r"back\\slash"),
        ("~~gone~~ # $x$", r"\~\~gone\~\~ \# \$x\$"),
        ("a & b", "a &amp; b"),
    ],
)
def test_markdown_names_are_inert(name: str, shown: str) -> None:
    assert escape(name) == shown


def test_nothing_is_shown_as_nan_or_none() -> None:
    words: tuple[Any, ...] = ("nan", "none", "null", "inf")
    for made in (rich_result(), unreadable_result(), descriptive_result()):
        for fmt in ("table", "md", "html"):
            text = re.sub(
                r"<style>.*?</style>|<svg.*?</svg>", "", render(made, fmt), flags=re.DOTALL
            )
            text = re.sub(r"<[^>]*>", " ", text)
            assert not re.search(rf"(?i)\b({'|'.join(words)})\b", text), fmt


def test_a_result_without_checks_counts_and_records_can_be_shown() -> None:
    bare = result(checks=[], waterfall=[], results=[])
    for fmt in get_args(Format):
        assert "No health checks ran." in render(bare, fmt) or fmt in {"json", "csv"}
