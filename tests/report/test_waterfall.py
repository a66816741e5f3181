"""The drawn waterfall: its bars have the sizes of the counts, and its words their numbers."""

from __future__ import annotations

import re

import pytest

from abtest.report import render
from abtest.report.html.waterfall import describe, draw_waterfall
from abtest.report.view import build_view
from report.report_fixtures import ARABIC, CHINESE, SCRIPT, result, rich_result
from report.test_html import Page


def bars(svg: str) -> list[tuple[float, float]]:
    """Left end and width of each bar, in points."""
    found = re.findall(r'<path d="M ([\d.]+) [\d.]+ \nL ([\d.]+) ', svg)
    # The first path is the drawing's own ground.
    return [(float(left), float(right) - float(left)) for left, right in found[1:]]


def test_the_bars_are_as_long_as_the_counts_are_large() -> None:
    (counts,) = build_view(rich_result()).counts
    steps = [step for row in counts.rows for step in row.steps]
    drawn = bars(str(draw_waterfall(counts, 1)))
    assert len(drawn) == len(steps)
    scale = drawn[0][1] / (steps[0].end - steps[0].start)
    start = drawn[0][0]
    for (left, width), step in zip(drawn, steps, strict=True):
        assert left == pytest.approx(start + scale * step.start, abs=0.01)
        assert width == pytest.approx(max(scale * (step.end - step.start), 0.8), abs=0.01)


def test_the_words_have_every_number_and_the_bytes_are_the_same_twice() -> None:
    (counts,) = build_view(rich_result()).counts
    told = describe(counts)
    assert "coupon_freeship: assigned 12,502, immature -121, without a value -1, counted " in told
    assert f'aria-label="{told}"' in str(draw_waterfall(counts, 1))
    assert draw_waterfall(counts, 1) == draw_waterfall(counts, 1)


def test_it_is_on_the_page_only_where_somebody_is_left_out() -> None:
    assert "From the units assigned" in render(rich_result(), "html")
    assert "From the units assigned" not in render(result(), "html")


@pytest.mark.parametrize("name", [SCRIPT, ARABIC, CHINESE * 20, "$x$"])
def test_any_name_can_be_drawn(name: str) -> None:
    made = rich_result()
    steps = [
        step.model_copy(update={"variant": name if step.variant == "coupon" else step.variant})
        for step in made.waterfall
    ]
    (counts,) = build_view(made.model_copy(update={"waterfall": tuple(steps)})).counts
    texts = "".join(Page(f"<p>{draw_waterfall(counts, 1)}</p>").texts)
    assert "".join(name.split()) in re.sub(r"[\s\u2068\u2069]", "", texts)
