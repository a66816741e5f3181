"""The page: well-formed, self-contained, escaped, and complete."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest

from abtest.report import render
from abtest.report.html.forest import describe, draw_forest
from abtest.report.view import ForestRow, build_view
from report.report_fixtures import (
    ANSI,
    ARABIC,
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

    from abtest.analysis.result import Result

RESULTS = (rich_result, failed_result, unreadable_result, descriptive_result, hostile_result)
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Every element and text of a page; fails on a tag that is not closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("make", RESULTS)
def test_the_page_is_well_formed_and_self_contained(make: Callable[[], Result]) -> None:
    html = render(make(), "html")
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert page.attributes("html") == [{"lang": "en", "dir": "ltr"}]
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")
    style = re.findall(r"<style.*?</style>", html, flags=re.DOTALL)
    assert not any(re.search(r"@import|https?:", block) for block in style)
    assert not re.search(r"url\((?!#)", html)


@pytest.mark.parametrize("make", RESULTS)
def test_ids_are_unique_and_links_arrive(make: Callable[[], Result]) -> None:
    page = Page(render(make(), "html"))
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        target = attributes.get("href") or attributes.get("xlink:href")
        if target:
            assert target[1:] in ids
        if attributes.get("aria-labelledby"):
            assert attributes["aria-labelledby"] in ids


@pytest.mark.parametrize("make", RESULTS)
def test_tables_are_real_tables(make: Callable[[], Result]) -> None:
    page = Page(render(make(), "html"))
    assert len(page.attributes("caption")) == len(page.attributes("table")) > 0
    scopes = {attributes.get("scope") for attributes in page.attributes("th")}
    assert scopes <= {"col", "row", "rowgroup"}


def test_the_verdict_comes_first_then_checks_counts_and_results() -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", render(rich_result(), "html"))
    assert [re.sub(r"<[^>]*>", "", heading) for heading in headings] == [
        "Ship coupon",
        "Health checks",
        "Who was counted",
        "Primary metrics",
        "Secondary metrics",
        "Guardrail metrics",
        "Lift at a glance",
        "The Bayesian reading",
        "Notes",
        "Methods",
        "Words",
        "Computed from",
    ]


def test_a_section_without_data_is_not_there() -> None:
    text = Page(render(descriptive_result(), "html")).text
    assert "Values of each variant" in text
    assert "20.46%" in text
    assert "19.23% to 21.74%" in text
    for title in ("Primary metrics", "Lift at a glance", "The Bayesian reading", "Notes Read"):
        assert title not in text
    bare = Page(render(result(results=[absent()], waterfall=[], checks=[]), "html")).text
    assert "Who was counted" not in bare
    assert "No health checks ran." in bare
    assert "Lift at a glance" not in bare


def test_every_number_is_on_the_page_with_its_method_on_hover() -> None:
    page = Page(render(rich_result(), "html"))
    for piece in (
        "12.10% n 24,680 241 immature",
        "13.40% n 12,345 120 immature",
        "+10.7% +4.7% to +17.1%",
        "+1.30 pp +0.58 to +2.03 pp",
        "0.0004 adjusted 0.0008",
        "from -1.36%, no upper bound",
        "readable on 2026-04-19",
        "margin not shown",
        "normal, with mean 0 and standard deviation 0.05",
    ):
        assert piece in page.text, piece
    titles = [attributes.get("title") or "" for attributes in page.attributes("td")]
    assert any("adjusted by Holm over the family primary" in title for title in titles)


def test_rope_has_its_column_only_where_it_was_asked_for() -> None:
    assert "P(no effect that matters)" not in render(rich_result(), "html")
    html = render(result(results=[record(prob_in_rope=0.25), record(metric="m")]), "html")
    assert Page(html).text.count("P(no effect that matters)") == 1
    assert "25.0%" in html


@pytest.mark.parametrize(
    ("make", "banner"),
    [
        (failed_result, "A health check failed: do not use these numbers to decide."),
        (unreadable_result, "Not readable yet: no primary metric is mature."),
    ],
)
def test_banners_are_loud_and_before_the_checks(make: Callable[[], Result], banner: str) -> None:
    html = render(make(), "html")
    assert '<p class="banner" role="alert">' in html
    assert html.index(banner) < html.index('id="checks"')


def test_money_and_adjusted_intervals() -> None:
    decision = result().decision.model_copy(update={"value": 1234.0})
    adjusted = record(
        difference_ci_low_adjusted=0.0047, difference_ci_high_adjusted=0.0213, segment="tier=high"
    )
    text = Page(render(result(decision=decision, results=[adjusted]), "html")).text
    assert "Expected value: EUR 1,234" in text
    assert "adjusted: +0.47 to +2.13 pp" in text
    assert "tier=high" in text


def test_hostile_names_are_shown_and_do_nothing() -> None:
    html = render(hostile_result(), "html")
    page = Page(html)
    assert "<script" not in html
    assert "\x1b" not in html
    for name in (
        SCRIPT,
        FORMULA,
        PERSIAN,
        ARABIC,
        ANSI.replace("\x1b", "\N{REPLACEMENT CHARACTER}"),
    ):
        assert page.text.count(name) > 2, name


def test_light_and_dark_print_and_phone() -> None:
    html = render(result(), "html")
    for piece in (
        "prefers-color-scheme: dark",
        "@media print",
        "@media screen and (max-width",
        "viewport",
    ):
        assert piece in html


def test_the_page_forbids_itself_to_fetch_or_run_anything() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in render(result(), "html").replace(
        "&#39;", "'"
    )


def row(lift: float, low: float | None, high: float | None, name: str = "coupon") -> ForestRow:
    return ForestRow(metric="m", name=name, lift=lift, low=low, high=high, text="numbers")


def test_the_forest_has_the_numbers_as_alternative_text() -> None:
    rows = build_view(rich_result()).forest
    assert describe(rows).startswith(
        "Lift over control with its interval. repeat_purchase_30d, coupon: +10.7% (+4.7% to"
    )
    svg = str(draw_forest(rows))
    assert 'role="img" aria-label="Lift over control with its interval.' in svg
    assert "no upper bound" in svg


def test_the_forest_is_the_same_twice_and_leaves_settings_alone() -> None:
    rows = build_view(rich_result()).forest
    before = dict(mpl.rcParams)
    assert draw_forest(rows) == draw_forest(rows)
    assert dict(mpl.rcParams) == before


def test_the_forest_uses_the_page_s_colours_and_keeps_text_as_text() -> None:
    svg = str(draw_forest(build_view(rich_result()).forest))
    assert "var(--accent)" in svg
    assert not re.search("#0[123]0[123]0[123]", svg)
    assert ">coupon_freeship</text>" in svg
    assert "xmlns" not in svg
    assert "<metadata" not in svg


@pytest.mark.parametrize("name", ["$x^2$ $", PERSIAN, "优惠", "🎁", "x" * 200, '"><b>'])
def test_the_forest_draws_any_name(name: str) -> None:
    svg = str(draw_forest([row(0.1, 0.05, 0.2, name)]))
    texts = "".join(Page(f"<p>{svg}</p>").texts)
    assert name.replace(" ", "") in "".join(texts.split())


def arrows(*rows: ForestRow) -> int:
    """Markers that are neither a dot nor a tick: every drawing has its ticks and one dot a row."""
    svg = str(draw_forest(rows))
    ticks = len(re.findall(r'id="forest-xtick_\d+"', svg))
    return svg.count("<use ") - ticks - len(rows)


def test_unbounded_and_far_ends_become_arrows() -> None:
    assert arrows(row(0.1, 0.05, 0.2)) == 0
    assert arrows(row(0.1, None, 0.2)) == 1
    assert arrows(row(0.1, None, None)) == 2
    usual = [row(0.01, -0.01, 0.03)] * 3
    assert arrows(*usual) == 0
    assert arrows(*usual, row(0.01, -50.0, 90.0)) == 2


def test_a_single_point_can_be_drawn() -> None:
    assert "<svg" in str(draw_forest([row(0.0, 0.0, 0.0)]))
