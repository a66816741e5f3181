"""What `analyze` finds, as the reports show it: counts, second readings, curves and other scales.

The numbers on the pages are compared with those of the result, which other tests hold against
outside witnesses.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from abtest import analyze
from abtest.report import print_report, render
from abtest.report.curves import CurveLine, Curves
from abtest.report.html.curves import describe, draw_curves
from abtest.report.text import isolate
from abtest.report.view import build_view
from abtest.stats.bayes import baseline_lift
from report.report_fixtures import ARABIC, CHINESE, PERSIAN, record, result
from report.test_html import Page

if TYPE_CHECKING:
    from abtest import Result
    from abtest.analysis.result import Record
    from abtest.report.rows import Row

CONTROL, COUPON = "control", "coupon"
FIRST_DAY = datetime(2026, 1, 5)  # noqa: DTZ001 - the spec names the zone
SURVIVAL = {"kind": "survival", "duration": "week", "event": "ended"}
SHOWN = ("table", "md", "html")


def log(**more: Any) -> Result:
    """200 units that enter over 30 days, and their orders of the next 60; data for 40 days."""
    rng = np.random.default_rng(7)
    assigned, orders = [], []
    for i in range(200):
        at = FIRST_DAY + timedelta(days=int(rng.integers(0, 30)))
        assigned.append((f"u{i}", (CONTROL, COUPON)[i % 2], at))
        wait = float(rng.exponential((60, 40)[i % 2]))
        orders.append((f"u{i}", at + timedelta(days=wait), f"o{i}", 10.0 + i))
    window = {"end": "30d"}
    spec = {
        "spec": "abtest/v1",
        "key": "winback",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": CONTROL, "control": True}, {"key": COUPON}],
        "data": {
            "as_of": "2026-02-15",
            "currency": "EUR",
            "assignments": {"path": "a.csv", "at": "at"},
            "events": {
                "orders": {"path": "o.csv", "at": "at", "id": "order", "value": "amount"},
            },
        },
        "metrics": [
            {
                "key": "again", "kind": "conversion", "events": "orders", "window": window,
                "role": "primary", "maturity": ["complete", "censored"],
            },
            {"key": "next", "kind": "time_to_event", "events": "orders", "window": window},
            {
                "key": "second", "kind": "sum", "events": "orders", "window": window,
                "anchor": "first_event",
            },
        ],
        **more,
    }  # fmt: skip
    frames = {
        "assignments": pd.DataFrame(assigned, columns=["id", "variant", "at"]),
        "orders": pd.DataFrame(orders, columns=["id", "at", "order", "amount"]),
    }
    return analyze(spec, data=frames)


def units(metrics: list[dict[str, Any]], **more: Any) -> Result:
    """400 units with spending that follows earlier spending, and weeks until they ended."""
    rng = np.random.default_rng(5)
    before = rng.gamma(2, 20, 400)
    treated = np.repeat([0, 1], 200)
    week = np.ceil(rng.exponential(45 - 15 * treated))
    frame = pd.DataFrame(
        {
            "id": np.arange(400),
            "variant": np.repeat([CONTROL, COUPON], 200),
            "before": before,
            "spend": 0.8 * before + rng.gamma(2, 10, 400) + 4 * treated,
            "week": np.minimum(week, 52).astype(int),
            "ended": week < 52,
        }
    )
    spec = {
        "spec": "abtest/v1",
        "key": "units",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": CONTROL, "control": True}, {"key": COUPON}],
        "data": {"currency": "EUR", "units": {"path": "u.csv", "variant": "variant"}},
        "metrics": metrics,
        **more,
    }
    return analyze(spec, data={"units": frame})


@pytest.fixture(scope="module")
def logged() -> Result:
    return log()


@pytest.fixture(scope="module")
def survival() -> Result:
    keys = ("log_rank", "cox", "rmst", "kaplan_meier")
    return units(
        [{"key": f"by_{key}", **SURVIVAL, "role": "primary"} for key in keys],
        analysis={"methods": {f"by_{key}": {"kind": key} for key in keys}},
    )


@pytest.fixture(scope="module")
def adjusted() -> Result:
    return units(
        [{"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}],
        covariates={"before": {"kind": "column", "column": "before"}},
        analysis={"covariates": ["before"]},
    )


def printed(made: Result, width: int) -> str:
    buffer = io.StringIO()
    print_report(made, Console(file=buffer, width=width, color_system=None))
    return buffer.getvalue()


def words_of(made: Result, fmt: str) -> str:
    """The report without line breaks and tags."""
    text = render(made, fmt)  # type: ignore[arg-type]
    return Page(text).text if fmt == "html" else re.sub(r"\s+", " ", text)


def record_of(made: Result, metric: str) -> Record:
    (found,) = [one for one in made.results if one.metric == metric]
    return found


def row_of(made: Result, metric: str) -> Row:
    (found,) = [
        row for group in build_view(made).comparisons for row in group.rows if row.metric == metric
    ]
    return found


def waterfall(made: Result, metric: str | None, step: str, variant: str) -> int:
    (n,) = [s.n for s in made.waterfall if (s.metric, s.step, s.variant) == (metric, step, variant)]
    return n


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("variant", [CONTROL, COUPON])
def test_the_terminal_counts_every_variant(logged: Result, variant: str, width: int) -> None:
    assigned = waterfall(logged, None, "assigned", variant)
    eligible = waterfall(logged, "second", "eligible", variant)
    mature = waterfall(logged, "second", "mature", variant)
    assert 0 < mature < eligible < assigned == 100
    text = printed(logged, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    told = f"{mature} mature, {eligible - mature} immature, {assigned - eligible} ineligible; 100"
    assert told.replace(" ", "") in "".join(text.split())


def test_markdown_and_html_count_every_variant(logged: Result) -> None:
    mature = waterfall(logged, "again", "mature", COUPON)
    date = record_of(logged, "again").readable_on
    row = f"| again | coupon | on {date} | 100 | 0 | {100 - mature} | {mature} | 0 | {mature} |"
    assert row in render(logged, "md")
    page = words_of(logged, "html")
    assert f"again readable on {date} control 100" in page
    assert f"coupon 100 0 {100 - mature} {mature} {mature}" in page


def test_csv_and_json_count_every_variant(logged: Result) -> None:
    (row,) = [
        one
        for one in csv.DictReader(io.StringIO(render(logged, "csv")))
        if one["metric"] == "second"
    ]
    (kept,) = [
        one for one in json.loads(render(logged, "json"))["results"] if one["metric"] == "second"
    ]
    for variant, suffix in ((COUPON, ""), (CONTROL, "_control")):
        eligible = waterfall(logged, "second", "eligible", variant)
        mature = waterfall(logged, "second", "mature", variant)
        assert 0 < mature < eligible < 100
        found = {
            f"n{suffix}": mature,
            f"n_immature{suffix}": eligible - mature,
            f"n_ineligible{suffix}": 100 - eligible,
        }
        assert {name: kept[name] for name in found} == found
        assert {name: int(row[name]) for name in found} == found


@pytest.mark.parametrize("fmt", [*SHOWN, "json", "csv"])
def test_every_report_says_when_each_metric_is_readable(logged: Result, fmt: str) -> None:
    dates = {one.metric: one.readable_on for one in logged.results}
    assert len(set(dates.values())) > 1
    text = words_of(logged, fmt)
    assert all(date is not None and date in text for date in dates.values())


def test_a_date_that_the_data_have_reached_is_since_then() -> None:
    made = log(schedule={"start": "2026-01-05", "enrol_until": "2026-02-05", "timezone": "UTC"})
    short = log(metrics=[{"key": "week", "kind": "count", "events": "orders",
                          "window": {"end": "7d"}, "role": "primary"}])  # fmt: skip
    assert "readable on 2026-03-" in render(made, "table")
    assert "readable since 2026-02-10" in render(short, "table")


def test_a_censored_reading_does_not_call_its_units_mature(logged: Result) -> None:
    (counts,) = [found for found in build_view(logged).counts if found.metrics == ("next",)]
    assert {row.sentence for row in counts.rows} == {
        "100 counted, window over or not, 0 ineligible; 100 assigned"
    }
    assert {(row.mature, row.immature, row.n) for row in counts.rows} == {("—", "—", "100")}


def test_both_readings_stand_side_by_side(logged: Result) -> None:
    base, found = (row for row in logged.sensitivity if row["reading"] == "censored")
    main = record_of(logged, "again")
    assert main.value is not None
    told = (
        f"{base['value']:.2%} -> {found['value']:.2%}, n 100 -> 100, "
        f"lift {found['lift']:+.2%}, difference {100 * found['difference']:+.2f} pp "
        f"({100 * found['difference_ci_low']:+.2f} to {100 * found['difference_ci_high']:+.2f} pp)"
        f", p-value {found['pvalue']:.4f}"
    )
    assert row_of(logged, "again").asides == (("All units, off the survival curve", told),)
    for fmt in SHOWN:
        text = words_of(logged, fmt).replace("&gt;", ">")
        assert text.index(f"{main.value:.2%}") < text.index(told), fmt
    assert told.replace(" ", "") in "".join(printed(logged, 60).split())
    assert json.loads(render(logged, "json"))["sensitivity"] == list(logged.sensitivity)


def test_a_single_variant_has_its_second_reading_too() -> None:
    alone = log(variants=[{"key": CONTROL}])
    (found,) = [one for one in alone.sensitivity if one["variant"] == CONTROL]
    assert f"All units, off the survival curve: {found['value']:.2%}, n 100" in words_of(
        alone, "table"
    )


def test_a_time_to_an_event_is_a_share_by_its_last_day(logged: Result) -> None:
    found = record_of(logged, "next")
    assert found.value is not None
    assert found.difference is not None
    row = row_of(logged, "next")
    assert (row.value, row.difference) == (
        f"{found.value:.2%}",
        f"{100 * found.difference:+.2f} pp",
    )


def test_the_curves_are_a_small_table(logged: Result) -> None:
    (curve,) = [one for one in logged.curves if (one["metric"], one["variant"]) == ("next", COUPON)]
    at = dict(zip(curve["time"], curve["share"], strict=True))
    want = [max(share for time, share in at.items() if time <= day) for day in (6, 12, 18, 24, 30)]
    cells = [f"{100 * share:.1f}%" for share in want]
    (curves,) = [found for found in build_view(logged).curves if found.metric == "next"]
    assert (curves.time, curves.moments) == ("day", ("6", "12", "18", "24", "30"))
    assert dict(curves.rows)[COUPON] == tuple(cells)
    assert f"| next | coupon | {' | '.join(cells)} |" in render(logged, "md")
    assert f"coupon {' '.join(cells)}" in words_of(logged, "table")
    lows, highs = (dict(zip(curve["time"], curve[end], strict=True)) for end in ("low", "high"))
    last = max(at)
    band = f"{100 * lows[last]:.1f}% to {100 * highs[last]:.1f}%"
    assert f"{cells[-1]} {band}" in words_of(logged, "html")
    narrow = re.sub(r"\s+", " ", printed(logged, 30))
    assert f"coupon day 6 {cells[0]} day 12 {cells[1]}" in narrow


def line(name: str, share: float, *, control: bool = False, followed: float = 30.0) -> CurveLine:
    return CurveLine(name, control, (10.0, 20.0), (share / 2, share), followed)


def chart(*lines: CurveLine) -> Curves:
    return Curves("m", "about", "day", lines, (), ())


def test_a_curve_is_known_as_far_as_somebody_was_followed() -> None:
    one = line("a", 0.4, followed=25.0)
    assert [one.share_at(day) for day in (0, 9.9, 10, 20, 25)] == [0.0, 0.0, 0.2, 0.4, 0.4]
    assert one.share_at(25.1) is None
    found = [{"metric": "m", "variant": "a", "time": [1.0], "share": [0.5], "followed_to": end}
             for end in (2.0, 0.0)]  # fmt: skip
    (curves,) = build_view(result(curves=found)).curves
    assert len(curves.lines) == 1
    assert curves.moments == ("0.4", "0.8", "1.2", "1.6", "2")
    assert curves.rows == (("a", ("0.0%", "0.0%", "50.0%", "50.0%", "50.0%")),)


def test_the_band_is_known_where_the_curve_is() -> None:
    found = {"metric": "m", "variant": "a", "time": [1.0, 2.0], "share": [0.5, 0.6],
             "low": [0.4, None], "high": [0.7, None], "followed_to": 3.0}  # fmt: skip
    (curves,) = build_view(result(curves=[found])).curves
    band = [curves.lines[0].band_at(time) for time in (0.5, 1, 1.9, 2, 4)]
    assert band == [None, (0.4, 0.7), (0.4, 0.7), None, None]
    assert curves.bands == (("—", "40.0% to 70.0%", "40.0% to 70.0%", "—", "—"),)
    html = render(result(curves=[found]), "html")
    assert "curves1-FillBetween" in html
    del found["low"], found["high"]  # as results of earlier versions are
    assert "curves1-FillBetween" not in render(result(curves=[found]), "html")


def test_the_chart_names_every_line_at_its_end_and_in_words() -> None:
    curves = chart(line(CONTROL, 0.3, control=True), line(COUPON, 0.4), line("gift", 0.35))
    svg = str(draw_curves(curves, 2))
    for name in (CONTROL, COUPON, "gift"):
        assert f">{name}</text>" in svg
    assert describe(curves) in svg
    assert describe(curves).endswith("control: 30.0% by day 30; coupon: 40.0% by day 30; gift: "
                                     "35.0% by day 30.")  # fmt: skip
    assert svg == str(draw_curves(curves, 2))
    assert "var(--accent)" in svg
    assert not re.search("#0[123]0[123]0[123]", svg)
    assert all(found.startswith("curves2-") for found in re.findall(r'\bid="([^"]*)"', svg))


def heights(svg: str, names: list[str]) -> list[float]:
    """How far from above each name stands."""
    found = dict(re.findall(r'y="([\d.]+)"[^>]*>([^<]*)</text>', svg)[::-1])
    places = {name: float(y) for y, name in found.items()}
    return [places[name] for name in names]


@pytest.mark.parametrize("high", [0.5, 0.001])
def test_names_stay_apart_in_the_order_of_the_curves_and_in_the_drawing(high: float) -> None:
    near = {"a": high, "b": high * 0.998, "c": high * 0.996, "d": high * 0.994}
    shares = {"top": 0.51, **near, "e": 0.0002, "f": 0.0001, "g": 0.0}
    svg = str(draw_curves(chart(*(line(name, share) for name, share in shares.items())), 1))
    places = heights(svg, list(shares))
    gaps = [below - above for above, below in itertools.pairwise(places)]
    assert min(gaps) >= 15
    (height,) = re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)
    assert places[0] > 10
    assert places[-1] < float(height) - 20


@pytest.mark.parametrize(
    "name", [PERSIAN, f"{ARABIC} 20%", CHINESE * 8, "x" * 60, '"><b>$x$', "a b"]
)
def test_the_chart_draws_any_name(name: str) -> None:
    svg = str(draw_curves(chart(line(name, 0.4)), 1))
    texts = "".join(Page(f"<p>{svg}</p>").texts)
    shown = re.sub(r"[\s\u2068\u2069]", "", texts)
    assert name.replace(" ", "") in shown


def test_a_chart_without_any_event_can_be_drawn() -> None:
    assert "<svg" in str(draw_curves(chart(CurveLine("a", False, (), (), 5.0)), 1))  # noqa: FBT003


def test_a_name_from_right_to_left_is_kept_apart_from_the_numbers_beside_it() -> None:
    name = f"{ARABIC} 20%"
    assert isolate(name) == f"\u2068{name}\u2069"
    made = result(results=[record(variant=name, control=PERSIAN)])
    (sentence,) = re.findall(r"<li><bdi>(repeat_purchase.*?)</bdi>", render(made, "html"))
    assert f"with \u2068{PERSIAN}\u2069 and" in sentence
    assert f"with \u2068{name}\u2069: a lift" in sentence
    assert f">\u2068{name}\u2069</text>" in render(made, "html")
    assert f">\u2068{ARABIC}\u2069</text>" in str(draw_curves(chart(line(ARABIC, 0.4)), 1))
    assert "\u2068" not in render(made, "table") + render(made, "md")


@pytest.mark.parametrize("fmt", SHOWN)
def test_the_unadjusted_difference_is_beside_the_adjusted_one(adjusted: Result, fmt: str) -> None:
    found = record_of(adjusted, "spend")
    assert found.unadjusted_difference is not None
    assert found.variance_reduction is not None
    assert found.variance_reduction > 0.3
    told = (
        f"Without adjustment: a difference of {found.unadjusted_difference:+.2f} "
        f"(standard error {found.unadjusted_se:.2f}). The result above is adjusted for what was "
        f"known before the assignment (before), which made its variance "
        f"{100 * found.variance_reduction:.1f}% smaller."
    )
    assert told in words_of(adjusted, fmt)
    assert "regression adjustment for what was known before the assignment" in words_of(
        adjusted, fmt
    )
    assert told.replace(" ", "") in "".join(printed(adjusted, 60).split())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"method": "post_stratification", "variance_reduction": -0.031},
            (
                "a difference of +2.50 pp (standard error 0.37 pp). The result above compares "
                "units within the strata of the split, which made its variance 3.1% larger."
            ),
        ),
        (
            {"unadjusted_se": None, "variance_reduction": None},
            (
                "a difference of +2.50 pp. The result above is adjusted for what was known before "
                "the assignment."
            ),
        ),
    ],
)
def test_an_adjustment_that_lost_precision_says_so(changes: dict[str, Any], told: str) -> None:
    fields = {"unadjusted_difference": 0.025, "unadjusted_se": 0.0037, **changes}
    made = result(results=[record(**fields)])
    assert row_of(made, "repeat_purchase_30d").asides == (("Without adjustment", told),)


@pytest.mark.parametrize("metric", ["by_log_rank", "by_cox"])
def test_a_hazard_ratio_is_no_difference_in_points(survival: Result, metric: str) -> None:
    found, row = record_of(survival, metric), row_of(survival, metric)
    assert found.lift is not None
    assert found.lift_ci_low is not None
    assert found.lift_ci_high is not None
    assert found.difference == pytest.approx(np.log1p(found.lift), rel=1e-12)
    ratio = f"{1 + found.lift:.2f}"
    between = f"{1 + found.lift_ci_low:.2f} to {1 + found.lift_ci_high:.2f}"
    assert row.effect == ("hazard ratio", ratio, between)
    assert (row.value, row.difference, row.difference_ci) == ("—", "—", "—")
    assert row.sentence == (
        f"{metric}, coupon against control: a hazard ratio of {ratio}. "
        f"The data supports a hazard ratio from {between}."
    )
    low, high = found.difference_ci_low_adjusted, found.difference_ci_high_adjusted
    assert low is not None
    assert high is not None
    assert row.difference_ci_adjusted == f"hazard ratio {np.exp(low):.2f} to {np.exp(high):.2f}"
    for fmt in SHOWN:
        assert f"hazard ratio {ratio}" in words_of(survival, fmt), fmt
    assert not any(one.metric == metric for one in build_view(survival).forest)


def test_a_mean_time_is_in_the_unit_of_its_column(survival: Result) -> None:
    found, row = record_of(survival, "by_rmst"), row_of(survival, "by_rmst")
    assert found.value is not None
    assert found.value > 1
    assert row.value == f"{found.value:.2f}"
    assert row.difference == f"{found.difference:+.2f}"
    for fmt in SHOWN:
        assert "mean time without the event, in the unit of week" in words_of(survival, fmt)
    days = record(kind="time_to_event", method="rmst", difference=1.5, difference_ci_low=None)
    assert row_of(result(results=[days]), days.metric).difference == "+1.50 days"


def test_a_survival_metric_is_a_share_and_its_table_is_in_weeks(survival: Result) -> None:
    found = record_of(survival, "by_kaplan_meier")
    assert found.value is not None
    assert row_of(survival, "by_kaplan_meier").value == f"{found.value:.2%}"
    assert "| metric | variant | week 10 | week 20 | week 31 | week 41 | week 52 |" in render(
        survival, "md"
    )


def test_a_quantile_is_in_the_unit_of_its_column() -> None:
    metrics: list[dict[str, Any]] = [
        {"key": "half", "kind": "quantile", "column": "spend", "role": "primary"},
        {"key": "most", "kind": "quantile", "column": "spend", "q": 0.9},
    ]
    made = units(metrics)
    for key, about in (("half", "median of spend"), ("most", "90% quantile of spend")):
        found = record_of(made, key)
        assert row_of(made, key).value == f"{found.value:.2f}"
        assert f"{key} {about}" in words_of(made, "table")
        assert f"{key} {about}" in words_of(made, "html")


@pytest.mark.parametrize(
    ("kind", "metric", "shown"),
    [
        ("survey", {"scale": "nps"}, ("12.00", "+2.00 points")),
        ("survey", {"scale": "csat", "score": "mean"}, ("12.00", "+2.00")),
        ("survey", {"scale": "csat", "score": "top_box"}, ("1,200.00%", "+200.00 pp")),
        ("inactivity", {}, ("1,200.00%", "+200.00 pp")),
        ("crr", {}, ("1,200.00%", "+200.00 pp")),
        ("sum", {}, ("12.00", "+2.00 EUR")),
        ("count", {}, ("12.00", "+2.00")),
        ("mean", {}, ("12.00", "+2.00")),
        ("ratio", {"numerator": "revenue", "denominator": "orders"}, ("12.00", "+2.00 EUR")),
        ("ratio", {"numerator": "orders", "denominator": "revenue"}, ("12.00", "+2.00")),
    ],
)
def test_every_kind_has_its_unit(kind: str, metric: dict[str, Any], shown: tuple[str, str]) -> None:
    parts = [{"key": "revenue", "kind": "sum"}, {"key": "orders", "kind": "count"}]
    spec = {"data": {"currency": "EUR"}, "metrics": [{"key": "m", "kind": kind, **metric}, *parts]}
    ends = {"difference_ci_low": 1.0, "difference_ci_high": 3.0}
    made = result(
        spec=spec,
        results=[record(metric="m", kind=kind, value=12.0, value_control=10, difference=2, **ends)],
    )
    row = row_of(made, "m")
    assert (row.value, row.difference) == shown


@pytest.mark.parametrize("fmt", SHOWN)
def test_a_descriptive_metric_says_so_everywhere(logged: Result, fmt: str) -> None:
    assert record_of(logged, "second").label == "descriptive"
    text = words_of(logged, fmt)
    shown = {"table": "descriptive n ", "md": "coupon (descriptive)", "html": "descriptive"}[fmt]
    assert shown in text
    assert "descriptive, not a randomised comparison" in text
    assert "descriptive" in re.sub(r"\s+", " ", printed(logged, 60))


def test_a_descriptive_metric_says_so_in_the_chart_and_in_its_sentence(logged: Result) -> None:
    (drawn,) = [one for one in build_view(logged).forest if one.metric == "second"]
    assert drawn.text.endswith("), descriptive")
    assert "(descriptive, not a randomised comparison) was" in row_of(logged, "second").sentence
    labels = {
        one["metric"]: one["label"] for one in csv.DictReader(io.StringIO(render(logged, "csv")))
    }
    assert labels == {"again": "confirmatory", "next": "confirmatory", "second": "descriptive"}


def test_the_footnote_shows_the_priors() -> None:
    row = row_of(result(results=[record(bayes_model="baseline_lift")]), "repeat_purchase_30d")
    mean, sd = baseline_lift.BASELINE_MEAN, baseline_lift.BASELINE_SD
    assert f"with mean {mean:g} and standard deviation {sd:g}" in row.method
    assert row.method.endswith(
        "the prior of the log lift is normal, with mean 0 and standard deviation 0.05"
    )


def test_the_page_with_curves_is_well_formed(logged: Result) -> None:
    page = Page(render(logged, "html"))
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        target = attributes.get("xlink:href") or attributes.get("href")
        assert target is None or target[1:] in ids
    assert len(page.attributes("caption")) == len(page.attributes("table"))
    drawings = [str(one["aria-label"]) for one in page.attributes("svg") if one["role"] == "img"]
    assert [told.split()[0] for told in drawings] == [
        "From", "From", "Lift", "Share", "Share", "Posterior",
    ]  # fmt: skip
