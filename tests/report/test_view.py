"""The view: what is shown, without drawing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abtest.analysis.result import Check, Decision, Record, Result, Verdict, WaterfallStep
from abtest.report import words
from abtest.report.view import build_view
from report.report_fixtures import (
    ANSI,
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
    from abtest.report.groups import Group
    from abtest.report.rows import Row


def only_row(made: Record, **changes: Any) -> Row:
    view = build_view(result(results=[made], **changes))
    (group,) = [*view.comparisons, *([view.estimates] if view.estimates else [])]
    (row,) = group.rows
    return row


def groups(made: Result) -> dict[str, Group]:
    return {group.title: group for group in build_view(made).comparisons}


def test_a_row_holds_every_number_as_text() -> None:
    row = only_row(record(prob_in_rope=0.03))
    shown = (row.value_control, row.value, row.lift, row.lift_ci, row.difference)
    assert shown == ("12.10%", "13.40%", "+10.7%", "+4.7% to +17.1%", "+1.30 pp")
    assert row.difference_ci == "+0.58 to +2.03 pp"
    assert (row.pvalue, row.pvalue_adjusted) == ("0.0004", "0.0008")
    assert (row.prob_beats_control, row.prob_best) == (">99.9%", "41.2%")
    assert (row.expected_loss, row.prob_in_rope) == ("<0.01%", "3.0%")
    assert (row.posterior_lift, row.posterior_lift_ci) == ("+8.0%", "+3.1% to +13.1%")
    assert (row.n_control, row.n, row.immature_both) == ("24,680", "12,345", "241 -> 120")


def test_what_is_absent_is_a_dash_and_what_does_not_belong_is_none() -> None:
    row = only_row(absent(notes=["No unit is mature."]))
    numbers = (row.value, row.value_control, row.lift, row.difference, row.pvalue)
    assert {*numbers, row.prob_beats_control, row.expected_loss} == {"—"}
    assert (row.pvalue_adjusted, row.difference_ci_adjusted, row.prob_in_rope) == (None,) * 3
    assert row.notes == (1,)
    assert not row.has_posterior


def test_without_a_bounded_lift_the_difference_stands_in() -> None:
    gone = {"lift": None, "lift_ci_low": None, "lift_ci_high": None}
    assert only_row(record(**gone)).effect == ("difference", "+1.30 pp", "+0.58 to +2.03 pp")
    unbounded = {"lift_ci_low": None, "lift_ci_high": None}
    assert only_row(record(**unbounded)).effect[0] == "difference"
    assert only_row(record()).effect == ("lift", "+10.7%", "+4.7% to +17.1%")


def test_an_infinite_upper_end_is_said() -> None:
    row = only_row(record(lift_ci_high=None))
    assert row.lift_ci == "from +4.7%, no upper bound"
    assert row.sentence.endswith("The data supports a lift from +4.7%, no upper bound.")


def test_the_sentence_tells_the_numbers() -> None:
    assert only_row(record()).sentence == (
        "repeat_purchase_30d was 12.10% with control and 13.40% with coupon: a lift of +10.7%. "
        "The data supports a lift from +4.7% to +17.1%."
    )
    assert only_row(absent()).sentence == "repeat_purchase_30d, coupon: no number yet."
    bare = absent(value=0.2, value_control=0.1, difference=0.1, lift=1.0)
    assert only_row(bare).sentence.endswith("a lift of +100.0%.")


def test_a_metric_that_is_not_mature_says_when() -> None:
    waiting = {"n": 0, "n_control": 0, "n_immature": 9}
    assert only_row(absent(**waiting, readable_on="2026-04-19")).pending == "readable on 2026-04-19"
    assert only_row(absent(**waiting)).pending == "not readable yet"
    assert only_row(absent(n=0, n_immature=0)).pending is None
    assert only_row(record(readable_on="2026-04-19")).pending is None


def test_tags() -> None:
    assert only_row(record(verdict=None)).tags == ()
    tagged = record(
        label="amended", verdict="invalid", guardrail="breach", harm=True, equivalent=True
    )
    assert only_row(tagged).tags == (
        "amended",
        "invalid",
        "margin breached",
        "harm shown",
        "equivalent to control",
    )
    assert only_row(record(verdict="rollback")).tags == ()  # the headline says it
    assert only_row(record(label="descriptive", verdict=None)).tags == ("descriptive",)
    assert only_row(record(label="exploratory", role="exploratory", verdict=None)).tags == ()


def test_a_contrast_that_is_no_variant_shows_its_own_name() -> None:
    assert only_row(record(contrast="variant")).name == "coupon"
    assert only_row(record(contrast="main:discount")).name == "main:discount"


def test_adjusted_intervals_are_shown_where_there_are_any() -> None:
    adjusted = record(
        difference_ci_low_adjusted=0.0047, difference_ci_high_adjusted=0.0213, ci_adjustment="fcr"
    )
    row = only_row(adjusted)
    assert row.difference_ci_adjusted == "+0.47 to +2.13 pp"
    assert "adjusted intervals by false coverage rate" in row.method


def test_groups_follow_the_roles_and_segments_come_last() -> None:
    made = result(
        results=[
            record(segment="value_tier=high"),
            record(role="health", metric="bounces"),
            record(role="guardrail", metric="refunds"),
            record(),
            record(role="secondary", metric="orders"),
        ]
    )
    assert list(groups(made)) == [
        "Primary metrics",
        "Secondary metrics",
        "Guardrail metrics",
        "Health metrics",
        "Segments",
    ]
    assert groups(made)["Segments"].rows[0].segment == "value_tier=high"


def test_levels_that_differ_are_both_named() -> None:
    made = result(results=[record(), record(metric="other", ci_level=0.9)])
    assert groups(made)["Primary metrics"].level == "95% and 90%"


def test_a_metric_is_described_by_its_title_or_its_kind() -> None:
    blocks = {
        block.metric: block.about
        for group in groups(rich_result()).values()
        for block in group.blocks
    }
    assert blocks["revenue_60d"] == "Revenue in 60 days, in EUR"
    assert blocks["repeat_purchase_30d"] == "repeat purchase"


def test_the_same_note_gets_one_mark() -> None:
    made = result(results=[record(notes=["a", "b"]), record(metric="m", notes=["b", "c", "b"])])
    view = build_view(made)
    assert view.notes == ((1, "a"), (2, "b"), (3, "c"))
    assert [row.notes for row in view.comparisons[0].rows] == [(1, 2), (2, 3)]


def test_every_number_has_its_method_and_adjustment() -> None:
    notes = {note.metrics: note.text for note in build_view(rich_result()).methods}
    assert notes["repeat_purchase_30d",] == (
        "95% intervals: Miettinen-Nurminen score test; p-values adjusted by Holm over the family "
        "primary; Bayesian reading: normal likelihood on the log lift; the prior of the log lift "
        "is normal, with mean 0 and standard deviation 0.05"
    )
    assert "p-values not adjusted" in notes["refund_rate_30d",]
    assert notes["survey_90d",] == "no numbers, see the notes"


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        ({"correction": "bh"}, "p-values adjusted by Benjamini-Hochberg over the family primary"),
        ({"correction": {"primary": "none"}}, "p-values not adjusted"),
        ({"correction": {"primary": "something_new"}}, "p-values adjusted by something new over"),
        ({}, "p-values adjusted over the family primary"),
        (None, "p-values adjusted over the family primary"),
    ],
)
def test_the_adjustment_is_read_from_the_spec(analysis: object, told: str) -> None:
    assert told in only_row(record(), spec={"analysis": analysis}).method


def test_a_method_without_one_pivot_says_so() -> None:
    row = only_row(record(coherent=False, prior_mean=None, bayes_model="beta_binomial"))
    assert "p-value and interval come from different statistics" in row.method
    assert row.method.endswith("Bayesian reading: Beta-Binomial with independent uniform priors")


@pytest.mark.parametrize(
    ("verdict", "word", "variant"),
    [
        ("ship", "Ship", "coupon"),
        ("rollback", "Roll back", "coupon"),
        ("neutral", "No difference that matters", None),
        ("inconclusive", "Inconclusive", None),
        ("invalid", "Invalid", None),
    ],
)
def test_headline(verdict: Verdict, word: str, variant: str | None) -> None:
    made = result(decision=Decision(verdict=verdict, variant="coupon", reason="Because."))
    headline = build_view(made).headline
    assert (headline.tone, headline.word, headline.variant) == (verdict, word, variant)
    assert headline.reason == "Because."


def test_the_verdict_is_not_said_twice() -> None:
    made = result(
        decision=Decision(verdict="ship", variant="coupon", reason="Ship coupon: it sells.")
    )
    assert build_view(made).headline.reason == "it sells."


def test_without_a_verdict_the_reason_is_the_headline() -> None:
    headline = build_view(descriptive_result()).headline
    assert (headline.word, headline.tone) == (None, "none")
    assert headline.reason.startswith("There is one variant")


def test_money() -> None:
    decision = Decision(
        verdict="ship", reason="x", value=12300.4, value_ci_low=-900.0, value_ci_high=25000.0
    )
    assert build_view(result(decision=decision)).headline.value == "EUR 12,300 (-900 to 25,000)"
    bare = Decision(verdict="ship", reason="x", value=12.5)
    assert build_view(result(spec={}, decision=bare)).headline.value == "12.50"


def test_a_failed_check_forbids_using_the_numbers() -> None:
    view = build_view(failed_result())
    assert view.banners == (words.FAILED_BANNER,)
    assert view.checks_summary == "2 health checks: 1 failed, 1 passed."
    assert [check.status for check in view.checks] == ["fail", "pass"]
    assert view.checks[0].name == "Sample ratio"


def test_a_result_that_is_not_readable_says_from_when() -> None:
    (banner,) = build_view(unreadable_result()).banners
    assert banner == f"{words.UNREADABLE_BANNER} The first is readable on 2026-04-19."
    undated = result(results=[absent(n=0, n_immature=5)])
    assert build_view(undated).banners == (words.UNREADABLE_BANNER,)


def test_all_causes_are_shown_when_several_hold() -> None:
    class Drifted(Result):
        @property
        def exit_code(self) -> int:
            return 5

    made = unreadable_result()
    failed = [Check(key="crossover", status="fail", message="2% of units changed variants.")]
    drifted = Drifted(**{**dict(made), "checks": failed})
    banners = build_view(drifted).banners
    assert banners[:2] == (words.DRIFTED_BANNER, words.FAILED_BANNER)
    assert banners[2].startswith(words.UNREADABLE_BANNER)


def test_a_sound_result_has_no_banner() -> None:
    assert build_view(rich_result()).banners == ()


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([], "No health checks ran."),
        (["pass"], "The health check passed."),
        (["pass", "pass"], "All 2 health checks passed."),
        (["warn"], "1 health check: 1 warned."),
        (["pass", "fail", "warn", "fail"], "4 health checks: 2 failed, 1 warned, 1 passed."),
    ],
)
def test_checks_are_summed_up(statuses: list[str], told: str) -> None:
    checks = [{"key": "k", "status": status, "message": "m"} for status in statuses]
    assert build_view(result(checks=checks)).checks_summary == told


def test_the_counts_say_who_was_left_out() -> None:
    (counts,) = build_view(rich_result()).counts
    assert (counts.metrics, counts.readable) == (("repeat_purchase_30d",), None)
    assert [row.sentence for row in counts.rows] == [
        "24,680 mature, 241 immature, 0 ineligible; 24,921 assigned",
        "12,345 mature, 120 immature, 0 ineligible; 12,465 assigned",
        "12,381 mature, 121 immature, 0 ineligible, 1 without a value; 12,502 assigned",
    ]
    assert counts.rows[2].n == "12,380"


def test_metrics_with_the_same_counts_and_date_are_told_together() -> None:
    steps = [
        WaterfallStep(metric=metric, step="mature", variant="control", n=n)
        for metric, n in (("a", 5), ("b", 5), ("c", 4), ("d", 5))
    ]
    dates = {"a": "2026-03-01", "b": "2026-03-01", "c": "2026-03-01", "d": "2026-03-02"}
    records = [record(metric=metric, readable_on=date) for metric, date in dates.items()]
    found = build_view(result(waterfall=steps, results=records)).counts
    assert [(counts.metrics, counts.readable) for counts in found] == [
        (("a", "b"), "since 2026-03-01"),
        (("c",), "since 2026-03-01"),
        (("d",), "on 2026-03-02"),
    ]


def test_the_waterfall_goes_from_all_units_down_to_those_that_count() -> None:
    (counts,) = build_view(rich_result()).counts
    assert counts.has_losses
    steps = [(step.label, step.start, step.end, step.text) for step in counts.rows[2].steps]
    assert steps == [
        ("assigned", 0, 12502, "12,502"),
        ("immature", 12381, 12502, "-121"),
        ("without a value", 12380, 12381, "-1"),
        ("counted", 0, 12380, "12,380"),
    ]
    assert [row.steps for row in build_view(result()).counts[0].rows] == [(), ()]


def test_a_step_that_one_variant_lacks_is_a_dash() -> None:
    steps = [
        WaterfallStep(step="assigned", variant="a", n=2),
        WaterfallStep(step="assigned", variant="b", n=2),
        WaterfallStep(metric="m", step="mature", variant="a", n=1),
    ]
    (counts,) = build_view(result(waterfall=steps)).counts
    assert [(row.mature, row.immature, row.assigned) for row in counts.rows] == [
        ("1", "—", "2"),
        ("—", "—", "2"),
    ]
    assert build_view(result(waterfall=[])).counts == ()


def test_descriptive_rows_show_the_variants_own_interval() -> None:
    view = build_view(descriptive_result())
    assert view.comparisons == ()
    assert view.forest == ()
    assert view.estimates is not None
    assert [(row.value, row.value_ci) for row in view.estimates.rows] == [
        ("20.46%", "19.23% to 21.74%"),
        ("29.51%", "28.11% to 30.95%"),
    ]


def test_a_descriptive_row_without_an_estimate_has_no_interval() -> None:
    assert only_row(absent(control=None, value=0.2, label="descriptive")).value_ci == "—"


def test_the_forest_holds_every_lift_with_an_end() -> None:
    rows = build_view(rich_result()).forest
    assert [(row.metric, row.name, row.high) for row in rows] == [
        ("repeat_purchase_30d", "coupon", 0.1705),
        ("repeat_purchase_30d", "coupon_freeship", 0.2061),
        ("revenue_60d", "coupon", None),
        ("refund_rate_30d", "coupon", 0.1799),
    ]
    assert rows[2].text == "+2.48% (from -1.36%, no upper bound)"
    bare = record(lift_ci_low=None, lift_ci_high=None)
    assert build_view(result(results=[bare, record(segment="x")])).forest == ()


def test_names_are_made_safe_and_stay_distinct() -> None:
    view = build_view(hostile_result())
    assert view.title == SCRIPT
    assert view.hypothesis == ANSI.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    names = [row.name for row in view.comparisons[0].blocks[0].rows]
    assert len(set(names)) == len(names)
    assert not any("\x1b" in name for name in names)


def test_facts_name_what_the_result_was_computed_from() -> None:
    facts = dict(build_view(result()).facts)
    assert facts["Data complete up to"] == "2026-03-01T00:00:00+01:00"
    assert facts["Spec fingerprint"].startswith("sha256:")
    assert facts["abtest"] == "0.1.0"
    assert "Data complete up to" not in dict(build_view(result(as_of=None)).facts)


def test_the_title_falls_back_to_the_key() -> None:
    assert build_view(result(spec={"title": None})).title == "winback"
