"""The page in a real browser: silent, alone, readable, reachable, and whole on paper."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from abtest.analysis.result import Check, Decision
from abtest.report import render
from browser import axe_source, opened, running_browser
from experiments.examples_support import EXAMPLES, story
from report.full_result import full_result
from report.report_fixtures import (
    CHINESE,
    PERSIAN,
    descriptive_result,
    failed_result,
    hostile_result,
    record,
    result,
    unreadable_result,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from abtest.analysis.result import Result
    from browser import Scheme

pytestmark = pytest.mark.integration

WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def long_names_result() -> Result:
    """Names that are too long for any column, with and without places to break them."""
    names = ("x" * 240, "a rather long name " * 12, CHINESE * 40, f"{PERSIAN} " * 20)
    return result(
        results=[record(variant=name, contrast=name, metric=name[:90]) for name in names],
        checks=[Check(key="sample_ratio", status="warn", message="m" * 400)],
        spec={"title": "t" * 300, "hypothesis": "h" * 500},
    )


def empty_result() -> Result:
    """Nothing at all."""
    return result(results=[], checks=[], waterfall=[], decision=Decision(reason="Nothing yet."))


MADE = {
    "long": long_names_result,
    "empty": empty_result,
    "full": full_result,
    "failed": failed_result,
    "unreadable": unreadable_result,
    "descriptive": descriptive_result,
    "hostile": hostile_result,
}
REPORTS = [*EXAMPLES, *MADE]

# The lowest contrast of any text with what is behind it, as (ratio, needed, text).
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, told = node.textContent.trim();
    if (!told || element.tagName.toLowerCase() === 'style') continue;
    const style = getComputedStyle(element);
    const inDrawing = element instanceof SVGElement;
    const front = light(parse(inDrawing ? style.fill : style.color)), back = light(behind(element));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if (ratio < needed) found.push([ratio.toFixed(2), needed, told.slice(0, 60)]);
  }
  return found;
}"""

# What people who do not see the page, or have no mouse, would stumble over.
STUMBLES = """() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const told = [];
  for (const table of all('table')) {
    if (!table.caption || !table.caption.textContent.trim()) told.push('table without a caption');
    for (const th of table.querySelectorAll('th')) if (!th.scope) told.push('th without scope');
    if (!table.querySelector('th[scope=col]')) told.push('table without column headers');
    for (const row of table.tBodies) for (const tr of row.rows)
      if (!tr.querySelector('th') && !tr.matches('.aside')) told.push('row without header');
  }
  for (const image of all('svg, img'))
    if (!(image.getAttribute('aria-label') || image.alt)) told.push('drawing without a name');
  const levels = all('h1, h2, h3, h4').map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) told.push('not one h1');
  levels.forEach((level, n) => {
    if (n && level > levels[n - 1] + 1) told.push('heading skipped');
  });
  for (const landmark of ['header', 'main', 'footer'])
    if (all(landmark).length !== 1) told.push('no ' + landmark);
  if (!document.title.trim() || !document.documentElement.lang) told.push('no title or language');
  return told;
}"""

# Wider than their box and not scrollable: cut.
CUT = """() => [...document.querySelectorAll('table, svg.chart')].filter((one) => {
  const box = one.parentElement.getBoundingClientRect(), own = one.getBoundingClientRect();
  return own.width > box.width + 1 || own.right > document.documentElement.clientWidth + 1;
}).map((one) => one.getAttribute('aria-label') || one.caption?.textContent)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="module", params=REPORTS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name = request.param
    made = MADE[name]() if name in MADE else story(name).result
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(made, "html"), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_silent_alone_and_fits(
    browser: Browser, report: Path, width: int, scheme: Scheme
) -> None:
    with opened(browser, report, width, scheme) as found:
        assert found.complaints == []
        assert found.requests == [report.as_uri()]
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
        assert found.page.evaluate(CONTRAST) == []
        assert found.page.evaluate(STUMBLES) == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1280, "dark")])
def test_axe_finds_nothing(
    browser: Browser, report: Path, axe: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    try:
        page = context.new_page()
        page.goto(report.as_uri())
        page.evaluate(axe)
        found: dict[str, Any] = page.evaluate("axe.run()")
    finally:
        context.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("width", [360, 1280])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Browser, report: Path, width: int
) -> None:
    with opened(browser, report, width, "light") as found:
        wanted = found.page.locator("a[href], [tabindex='0']").count()
        stops = _tab_through(found.page, wanted)
        assert len({stop["place"] for stop in stops}) == wanted
        assert stops[0]["text"] == "Skip to the report"
        assert [stop["text"] for stop in stops if not stop["visible"]] == []
        # In the order of the page, as it is read.
        assert [stop["place"] for stop in stops] == sorted(stop["place"] for stop in stops)


def _tab_through(page: Page, count: int) -> list[dict[str, Any]]:
    stops = []
    for _ in range(count):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                """() => {
                  const one = document.activeElement, style = getComputedStyle(one);
                  const place = [...document.querySelectorAll('*')].indexOf(one);
                  const visible = style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
                  return {text: one.textContent.trim(), place, visible};
                }"""
            )
        )
    return stops


def test_the_skip_link_goes_to_the_report(browser: Browser, report: Path) -> None:
    with opened(browser, report, 1280, "light") as found:
        found.page.keyboard.press("Tab")
        found.page.keyboard.press("Enter")
        assert found.page.evaluate("document.activeElement.id") == "report"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_prints_whole_and_on_white(browser: Browser, report: Path, scheme: Scheme) -> None:
    # The width of A4 between the margins of the style sheet, at 96 pixels an inch.
    with opened(browser, report, round(178 / 25.4 * 96), scheme) as found:
        found.page.emulate_media(media="print", color_scheme=scheme)
        assert found.page.evaluate(CUT) == []
        ground = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        assert found.page.evaluate(CONTRAST) == []
        paper = found.page.pdf(prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert paper.startswith(b"%PDF-")
    assert 1 <= pages <= 12


def test_a_name_that_is_a_script_runs_nowhere(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render(hostile_result(), "html"), encoding="utf-8")
    with opened(browser, path, 1280, "light") as found:
        asked: list[str] = []
        found.page.on("dialog", lambda dialog: asked.append(json.dumps(dialog.message)))
        found.page.reload()
        assert asked == []
        assert found.page.locator("script, iframe, object, embed").count() == 0
        assert found.page.get_by_text("<script>alert(1)</script>").count() > 3
