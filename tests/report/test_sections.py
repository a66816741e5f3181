"""The sections that show what a result may hold besides its records."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate, stats

from abtest.report import render
from abtest.report.glossary import glossary_of
from abtest.report.html import method_letters
from abtest.report.html.looks import describe as describe_looks
from abtest.report.html.looks import draw_looks
from abtest.report.html.posterior import describe, draw_posterior
from abtest.report.posteriors import build_posteriors
from abtest.report.view import build_view
from report.full_result import LOOKS, full_result, look
from report.report_fixtures import (
    ARABIC,
    SCRIPT,
    absent,
    descriptive_result,
    record,
    result,
    rich_result,
)
from report.test_html import Page

if TYPE_CHECKING:
    from abtest.analysis.result import Result

PLAN_HEADING = "Planned and actual"


def headings(html: str) -> list[str]:
    return [re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<h2[^>]*>(.*?)</h2>", html)]


def test_every_section_is_shown_where_its_data_is() -> None:
    assert headings(render(full_result(), "html")) == [
        "Ship coupon", "Health checks", "Who was counted", "Primary metrics", "Secondary metrics",
        "Guardrail metrics", "Lift at a glance", "The effect over time", "The Bayesian reading",
        "Segments", PLAN_HEADING, "Notes", "Methods", "Words", "Computed from",
    ]  # fmt: skip
    plain = headings(render(rich_result(), "html"))
    for title in ("The effect over time", "Segments", PLAN_HEADING):
        assert title not in plain


def test_the_page_of_everything_is_well_formed_and_the_same_twice() -> None:
    html = render(full_result(), "html")
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        target = attributes.get("xlink:href") or attributes.get("href")
        assert target is None or target[1:] in ids
    assert html == render(full_result(), "html")
    assert "Expected value: EUR 18,400 (5,200 to 31,200)" in page.text


# The posterior


def test_the_posterior_has_the_records_median_and_interval() -> None:
    (curve,) = build_posteriors(result()).curves
    made = record()
    normal = stats.norm(curve.mean, curve.sd)
    ends = [math.expm1(end) for end in normal.interval(0.95)]
    assert math.expm1(normal.median()) == pytest.approx(made.posterior_lift)
    # The record's numbers are rounded, and an interval of a normal is symmetric on the log scale.
    assert ends == pytest.approx([made.posterior_lift_low, made.posterior_lift_high], abs=0.002)
    assert curve.is_exact


def test_the_density_is_that_of_a_log_normal() -> None:
    (curve,) = build_posteriors(result()).curves
    outside = stats.lognorm(s=curve.sd, scale=math.exp(curve.mean))
    lifts = np.linspace(-0.2, 0.4, 7)
    assert [curve.density(lift) for lift in lifts] == pytest.approx(outside.pdf(1 + lifts))
    assert integrate.quad(curve.density, -0.3, 0.6)[0] == pytest.approx(1, abs=1e-6)
    assert curve.density(-1) == 0
    assert curve.quantile(1.5) == pytest.approx(outside.ppf(stats.norm.cdf(1.5)) - 1)


def test_other_models_are_drawn_close_and_say_so() -> None:
    page = Page(render(result(results=[record(bayes_model="beta_binomial")]), "html")).text
    assert "close, not exact" in page
    assert "close, not exact" not in Page(render(result(), "html")).text


@pytest.mark.parametrize(
    "one",
    [
        absent(),
        record(posterior_lift_low=None),
        record(posterior_lift_low=0.08, posterior_lift=0.08, posterior_lift_high=0.08),
        record(role="secondary"),
        record(segment="tier=high"),
    ],
)
def test_what_cannot_or_need_not_be_drawn_is_not(one: object) -> None:
    assert build_posteriors(result(results=[one])).curves == ()


def test_the_posterior_names_its_numbers_and_the_rope() -> None:
    posteriors = build_view(full_result()).posteriors
    told = describe(posteriors)
    assert "repeat_purchase_30d, coupon: +8.0% (+3.1% to +13.1%)" in told
    assert told.endswith("Lifts within 1% of zero are practically nothing.")
    svg = str(draw_posterior(posteriors))
    assert f'aria-label="{told}"' in svg
    assert svg == str(draw_posterior(posteriors))
    no_rope = str(draw_posterior(build_view(rich_result()).posteriors))
    assert svg.count("<path") > no_rope.count("<path")


@pytest.mark.parametrize("name", [SCRIPT, ARABIC, "x" * 200, "$x$ $"])
def test_a_posterior_of_any_name_can_be_drawn(name: str) -> None:
    svg = str(draw_posterior(build_posteriors(result(results=[record(variant=name)]))))
    texts = "".join(Page(f"<p>{svg}</p>").texts)
    assert "".join(name.split()) in re.sub(r"[\s\u2068\u2069]", "", texts)


# Looks


def test_the_looks_hold_every_number() -> None:
    (looks,) = build_view(full_result()).looks
    assert (looks.metric, looks.name, looks.is_lift) == ("repeat_purchase_30d", "coupon", True)
    assert looks.has_boundary
    assert looks.looks[-1].cells == (
        "2026-02-12", "24,680 -> 12,345", "100%", "+10.1%", "+4.0% to +16.2%", "+3.293",
        "2.000, crossed",
    )  # fmt: skip
    assert [one.crossed for one in looks.looks].index(True) == 7


def test_the_looks_are_told_in_words_and_drawn_alike_twice() -> None:
    (looks,) = build_view(full_result()).looks
    told = describe_looks(looks)
    assert told.startswith("Cumulative effect over 12 looks")
    assert "2026-02-12: +10.1% (+4.0% to +16.2%). Crossed on 2026-02-08." in told
    svg = str(draw_looks(looks, 3))
    assert f'aria-label="{told}"' in svg
    assert svg == str(draw_looks(looks, 3))
    calm = [look(number, crossed=False) for number in range(1, 4)]
    (looks,) = build_view(result(looks=calm)).looks
    assert describe_looks(looks).endswith("The boundary was not crossed.")


def test_a_confidence_sequence_has_no_boundary_and_a_difference_may_be_all_there_is() -> None:
    bare = [
        look(n, boundary=None, statistic=None, lift=None, lift_ci_low=None, lift_ci_high=None)
        for n in (1, 2)
    ]
    (looks,) = build_view(result(looks=bare)).looks
    assert (looks.is_lift, looks.has_boundary) == (False, False)
    page = Page(render(result(looks=bare), "html")).text
    assert "The difference with all data up to each look" in page
    assert "a diamond marks" not in page


@pytest.mark.parametrize(
    "looks",
    [
        [{"metric": "m", "variant": "v"}],
        [{"metric": "m", "variant": "v", "lift": 0.1}],
        [{"metric": "m", "variant": SCRIPT, "difference": 0.0, "as_of": "2026-01-01"}],
        [look(1, ci_low=None, lift_ci_high=None), look(2, lift=None)],
        [look(n) for n in range(1, 90)],
    ],
)
def test_looks_with_holes_are_shown_as_far_as_they_go(looks: list[dict[str, object]]) -> None:
    Page(render(result(looks=looks), "html"))


def test_a_long_list_of_looks_is_cut_and_says_so() -> None:
    nights = [look(LOOKS, date=f"night {n}") for n in range(60)]
    text = Page(render(result(looks=nights), "html")).text
    assert "The last 12 of 60 looks" in text
    assert "night 59" in text


# Segments


def test_segments_have_their_own_section_with_the_interaction_test_first() -> None:
    text = Page(render(full_result(), "html")).text
    section = text[text.index("Segments The same") : text.index(PLAN_HEADING)]
    told = "coupon: does the effect differ by tier? p-value 0.0310, adjusted 0.0620"
    assert section.index(told) < section.index("tier=high")
    assert [row.name for row in build_view(full_result()).segment_forest][:2] == [
        "tier=high: coupon",
        "tier=high: coupon_freeship",
    ]
    assert all("tier" not in row.name for row in build_view(full_result()).forest)


# Planned and actual


def test_the_plan_is_held_against_what_happened() -> None:
    rows = {row.what: (row.planned, row.actual) for row in build_view(full_result()).planned}
    assert rows["Share of coupon_freeship"] == ("25.0%", "25.1%")
    assert rows["Units in coupon"] == ("12,500", "12,465")
    assert rows["repeat_purchase_30d in control"] == ("12.00%", "12.10%")
    assert rows["repeat_purchase_30d, coupon: smallest lift to find"] == (
        "+5.00%",
        "interval of 6.2% to either side",
    )
    assert rows["Enrolment"] == ("2026-01-05 to 2026-01-19", "on schedule")


def test_a_spec_without_a_plan_has_no_such_section() -> None:
    assert build_view(result()).planned == ()


# Footnotes and words


def test_every_row_points_to_how_its_numbers_were_made() -> None:
    page = Page(render(rich_result(), "html"))
    links = [str(one["href"]) for one in page.attributes("a")]
    targets = {link for link in links if link.startswith("#method-")}
    ids = {f"#{one['id']}" for one in page.attributes("dt") if one.get("id")}
    assert targets == ids
    assert len(ids) == len(build_view(rich_result()).methods)


def test_letters_go_on_after_z() -> None:
    methods = build_view(rich_result()).methods
    many = [type(methods[0])((), f"method {n}") for n in range(30)]
    assert list(method_letters(many).values())[24:28] == ["y", "z", "aa", "ab"]


def words_of(made: Result) -> set[str]:
    return {term for term, _ in glossary_of(build_view(made))}


def test_only_words_that_are_used_are_explained() -> None:
    assert words_of(descriptive_result()) == {"Variant", "Interval"}
    plain = words_of(result())
    assert "Hazard ratio" not in plain
    assert {"Control", "Lift", "p-value", "Adjusted p", "Expected loss"} <= plain
    assert "Hazard ratio" in words_of(result(results=[record(method="cox")]))
    assert {"Segment", "Boundary", "Smallest lift to find"} <= words_of(full_result())
    assert "No effect that matters" not in plain
    assert "Guardrail" not in plain
