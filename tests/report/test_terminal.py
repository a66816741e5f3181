"""The terminal: readable at every width, aligned in every script, inert and complete."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from abtest.analysis.result import WaterfallStep
from abtest.report import print_report, render
from report.report_fixtures import (
    ANSI,
    ARABIC,
    CHINESE,
    EMOJI,
    MARKUP,
    PERSIAN,
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

    from abtest.analysis.result import Result

RESULTS = (rich_result, failed_result, unreadable_result, descriptive_result, hostile_result)


def printed(made: Result, width: int) -> str:
    buffer = io.StringIO()
    print_report(made, Console(file=buffer, width=width, color_system=None))
    return buffer.getvalue()


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("make", RESULTS)
def test_no_line_is_wider_than_the_terminal(make: Callable[[], Result], width: int) -> None:
    assert max(cell_len(line) for line in printed(make(), width).splitlines()) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_name_and_no_number_is_cut(width: int) -> None:
    text = squeezed(printed(rich_result(), width))
    assert "…" not in text
    for piece in (
        "coupon_freeship",
        "repeat_purchase_30d",
        "+10.7%",
        "+4.7%to+17.1%",
        "from-1.36%,noupperbound",
        "24,680->12,345",
        "readableon2026-04-19",
        "<0.0001",
    ):
        assert piece in text, piece


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_name_longer_than_the_terminal_is_folded(width: int) -> None:
    name = "variant_" + "x" * 150 + "_end"
    assert name in squeezed(printed(result(results=[record(variant=name)]), width))


@pytest.mark.parametrize(("width", "is_table"), [(60, False), (80, True), (120, True)])
def test_a_table_that_does_not_fit_becomes_a_list(width: int, *, is_table: bool) -> None:
    text = printed(result(), width)
    assert ("control -> variant" in text) is is_table
    assert ("coupon against control" in text) is not is_table


def test_wide_scripts_keep_columns_straight() -> None:
    names = (PERSIAN, ARABIC, CHINESE, EMOJI, MARKUP, "plain")
    made = result(results=[record(variant=name, verdict=None) for name in names])
    lines = [line for line in printed(made, 120).splitlines() if "12.10% -> 13.40%" in line]
    assert len(lines) == len(names)
    assert len({cell_len(line.split("12.10%")[0]) for line in lines}) == 1
    for name, line in zip(names, lines, strict=True):
        assert line.strip().startswith(name)


def cells(text: str) -> int:
    """How wide a terminal shows a text, by Unicode's own tables."""
    widths = {"W": 2, "F": 2}
    return sum(
        0
        if unicodedata.category(letter) in {"Mn", "Me", "Cf"}
        else widths.get(unicodedata.east_asian_width(letter), 1)
        for letter in text
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_table_keeps_its_columns_straight_in_every_script(width: int) -> None:
    combined = "cafe\u0301 a\u0328\u0301"  # letters with marks that take no cell of their own
    vowels = "کُتُب"
    names = (PERSIAN, ARABIC, CHINESE, EMOJI, combined, vowels, "plain")
    steps = [
        WaterfallStep(metric=metric, step=step, variant=name, n=100)
        for metric, step in (
            (None, "assigned"),
            ("m", "eligible"),
            ("m", "mature"),
            ("m", "observed"),
        )
        for name in names
    ]
    rows = [record(variant=name, contrast=name, verdict=None, metric="m") for name in names]
    lines = printed(result(results=rows, waterfall=steps), width).splitlines()
    for piece in ("100 mature", "12.10% -> 13.40%"):
        found = [line.partition(piece)[0] for line in lines if piece in line]
        assert len(found) == len(names)
        assert len({cells(before) for before in found}) == 1, piece
    assert max(map(cells, lines)) <= width


def test_escape_sequences_and_markup_are_inert() -> None:
    text = printed(hostile_result(), 100)
    assert "\x1b" not in text
    assert MARKUP in text
    assert ANSI.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in text


def test_verdict_then_checks_then_results() -> None:
    text = printed(failed_result(), 80)
    order = ["INVALID: ", "!! A health check failed", "FAIL  Sample ratio", "Hint: ", "pass  Dup",
             "Primary metrics"]  # fmt: skip
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)


def test_a_pass_is_one_line_and_a_warning_has_its_hint() -> None:
    text = printed(rich_result(), 100)
    assert "  pass  Duplicate rows: No row occurs twice.\n" in text
    assert "  WARN  Immature share: 41% of units are too young for survey_90d.\n" in text
    assert "        Hint: Wait until 2026-04-19" in text


def test_footnotes_methods_and_money() -> None:
    text = printed(rich_result(), 120)
    assert "coupon_freeship [2]" in text
    assert "  [2]  There is no lift: control's mean is not positive.\n" in text
    assert "p-values adjusted by Benjamini-Hochberg over the family secondary" in squeezed_lines(
        text
    )
    decision = rich_result().decision.model_copy(update={"value": 1234.0})
    assert "Expected value: EUR 1,234\n" in printed(result(decision=decision), 80)


def squeezed_lines(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_segments_and_estimates_in_the_list() -> None:
    made = result(results=[record(segment="value_tier=high")])
    assert "segment           value_tier=high" in printed(made, 60)
    text = printed(descriptive_result(), 30)
    assert squeezed("20.46% (19.23% to 21.74%)") in squeezed(text)
    assert re.search(r"immature\s+197", text)


def test_no_trailing_spaces_and_one_final_line_break() -> None:
    for make in RESULTS:
        text = render(make(), "table")
        assert not re.search(r"[ \t]$", text, flags=re.MULTILINE)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_colour_marks_but_never_tells() -> None:
    buffer = io.StringIO()
    console = Console(file=buffer, width=80, force_terminal=True, color_system="standard")
    print_report(failed_result(), console)
    coloured = buffer.getvalue()
    assert "\x1b[1;31mINVALID\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == printed(failed_result(), 80)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    buffer = io.StringIO()
    print_report(failed_result(), Console(file=buffer, width=80, force_terminal=True))
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", buffer.getvalue())


def test_plain_text_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(rich_result(), "table")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert render(rich_result(), "table") == before
    assert "\x1b" not in before
