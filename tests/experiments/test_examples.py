"""The three examples: they validate, tell the story of their README, and contain the truth."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from abtest import analyze, assign
from abtest.spec.assignable import experiment_of
from experiments.examples_support import (
    EXAMPLES,
    EXPERIMENTS,
    Story,
    counting_everyone,
    percent,
    results_table,
    rows_of,
    story,
)

if TYPE_CHECKING:
    from pathlib import Path

WINBACK, PRICING, REMINDER = EXAMPLES
MAX_BYTES = 300_000


def run_abtest(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "abtest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(params=EXAMPLES)
def told(request: pytest.FixtureRequest) -> Story:
    return story(request.param)


def assignments(told: Story) -> list[dict[str, str]]:
    return rows_of((told.folder / "assignments.csv").read_text(encoding="utf-8"))


def test_all_examples_validate_without_a_warning() -> None:
    done = run_abtest("validate", EXPERIMENTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": ok\n") == len(EXAMPLES)


def test_the_index_names_every_example() -> None:
    text = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    folders = [path.parent.name for path in EXPERIMENTS.glob("*/experiment.yaml")]
    assert sorted(folders) == sorted(EXAMPLES)
    assert all(f"({folder}/README.md)" in text for folder in folders)


def test_the_files_are_small(told: Story) -> None:
    sizes = [path.stat().st_size for path in told.folder.iterdir() if path.suffix != ".html"]
    assert sum(sizes) < MAX_BYTES


@pytest.mark.parametrize(
    ("name", "verdict", "variant"),
    [
        (WINBACK, "ship", "coupon_freeship"),
        (PRICING, "rollback", "price_10"),
        (REMINDER, "inconclusive", "یادآوری"),
    ],
)
def test_the_verdict_is_the_one_told(name: str, verdict: str, variant: str) -> None:
    told = story(name)
    assert (told.result.decision.verdict, told.result.decision.variant) == (verdict, variant)
    assert told.result.exit_code == 0
    # The reminder only moves orders: that is what the check for novelty is there to find.
    warned = {check.key for check in told.result.checks if check.status != "pass"}
    assert warned == ({"novelty"} if name == REMINDER else set())
    assert told.result.decision.reason in told.readme.replace("> ", "")


def test_every_true_effect_is_inside_its_interval(told: Story) -> None:
    for record in told.result.results:
        control, treatment = told.truth(record)
        assert record.difference_ci_low is not None
        assert record.difference_ci_high is not None
        assert record.difference_ci_low < treatment - control < record.difference_ci_high


def test_the_table_of_the_readme_is_the_result(told: Story) -> None:
    start = told.lines.index(results_table(told)[0])
    shown = [line for line in told.lines[start:] if line.startswith("|")]
    assert shown == results_table(told)


def test_what_the_winback_readme_says_in_words() -> None:
    told = story(WINBACK)
    coupon, freeship = (
        told.record("repeat_purchase_30d", "coupon"),
        told.record("repeat_purchase_30d"),
    )
    refunds, revenue = told.record("refund_rate_30d"), told.record("revenue_30d")
    low, high = refunds.difference_ci_low or 0, refunds.difference_ci_high or 0
    reasons = Counter(row["reason"] for row in assignments(told))
    waterfall = {(s.metric, s.step, s.variant): s.n for s in told.result.waterfall}
    no_history = (
        waterfall[None, "assigned", "control"]
        - waterfall["repeat_purchase_30d", "eligible", "control"]
    )
    assert reasons.keys() == {"split", "override"}
    assert reasons["override"] == 2
    for phrase in (
        f"{reasons.total():,} customers were assigned",
        f"Its p-value is {freeship.pvalue:.4f}, and {freeship.pvalue_adjusted:.4f} after Dunnett's",
        f"a {freeship.prob_beats_control:.1%} chance to beat no mail",
        f"reaches from {percent(coupon.lift_ci_low)} to {percent(coupon.lift_ci_high)}",
        f"from {refunds.value_control:.2%} to {refunds.value:.2%}",
        f"{refunds.difference:+.2%}".rstrip("%") + " points",
        f"(interval {100 * low:+.2f} to {100 * high:+.2f})",
        f"by {(revenue.lift or 0):.1%}",
        f"(p = {revenue.pvalue_adjusted:.4f})",
        f"*{coupon.n_ineligible + freeship.n_ineligible} customers are not eligible*",
        f"and {no_history} in control",
    ):
        assert phrase in told.readme, phrase
    assert (coupon.pvalue_adjusted or 0) >= 0.05
    assert refunds.guardrail == "pass"
    assert told.record("refund_rate_30d", "coupon").guardrail == "pass"


def test_what_the_pricing_readme_says_in_words() -> None:
    told = story(PRICING)
    renewed, payments = told.record("renewed_30d"), told.record("payments_60d")
    not_enrolled = sum(row["reason"] == "not_enrolled" for row in assignments(told))
    for phrase in (
        f"those {not_enrolled} are in the file",
        f"from {renewed.value_control:.2%} to {renewed.value:.2%} (p = {renewed.pvalue:.4f})",
        f"there are {(payments.lift or 0):.1%} more",
        f"{1 - 10 / 12:.0%} lower needs {12 / 10 - 1:.0%} more payments",
    ):
        assert phrase in told.readme, phrase
    assert told.record("revenue_60d").guardrail == "breach"
    assert renewed.pvalue_adjusted is not None
    assert renewed.pvalue_adjusted < 0.05


def test_what_the_reminder_readme_says_in_words() -> None:
    told = story(REMINDER)
    lifts = [f"{row['lift']:+.1%}" for row in told.result.weekly if row["reading"] == "span"]
    assert f"{', '.join(lifts[:3])} and {lifts[3]}" in told.readme
    slope = told.result.weekly[-1]
    assert f"{slope['lift_first']:+.1%} to {slope['lift_last']:+.1%}" in told.readme
    first, quiet = told.record("reorder_28d"), told.record("quiet_6_weeks")
    week = told.record("active_week_1")
    early = counting_everyone(told, "2026-04-05")
    mature = analyze(told.folder / "experiment.yaml", as_of="2026-04-05").results[0]
    immature = first.n_immature + (first.n_immature_control or 0)
    for phrase in (
        f"newest {immature} of {len(assignments(told)):,} customers",
        f"{first.n_immature_control} and {first.n_immature} customers are immature",
        f"{quiet.n_immature_control} and {quiet.n_immature} for quiet_6_weeks",
        f"from {first.readable_on} and {quiet.readable_on} on",
        f"still allows {percent(first.lift_ci_high)}",
        f"({week.value:.2%} active instead of {week.value_control:.2%})",
        f"{early.value_control:.2%} against {early.value:.2%}, a lift of {percent(early.lift)}",
        f"a lift of {percent(early.lift)} with p = {early.pvalue:.5f}",
        f"counts the {mature.n + (mature.n_control or 0)} who",
        f"says {percent(mature.lift)} (interval {percent(mature.lift_ci_low)} to",
        f"to {percent(mature.lift_ci_high)}):",
    ):
        assert phrase in told.readme, phrase


def test_the_reminder_is_not_readable_before_anybody_had_28_days() -> None:
    result = analyze(EXPERIMENTS / REMINDER / "experiment.yaml", as_of="2026-03-20")
    assert result.exit_code == 4


def test_every_row_of_assignments_is_what_assign_says(told: Story) -> None:
    experiment = experiment_of(told.spec)
    for row in assignments(told):
        given = assign(
            experiment,
            row[told.spec.unit or ""],
            at=datetime.fromisoformat(row["assigned_at"]),
        )
        expected = (given.variant or "", given.reason, str(given.bucket))
        assert (row["variant"], row["reason"], row["bucket"]) == expected


def test_one_morning_is_what_the_command_line_writes(told: Story, tmp_path: Path) -> None:
    text = (told.folder / "assignments.csv").read_text(encoding="utf-8").splitlines()
    header, first = text[0], text[1]
    moment = first.rsplit(",", 1)[1]
    morning = [line for line in text[1:] if line.endswith(moment)]
    customers = tmp_path / "customers.csv"
    ids = [line.split(",", 1)[0] for line in morning]
    customers.write_text("\n".join([header.split(",", 1)[0], *ids]) + "\n", encoding="utf-8")
    spec = told.folder / "experiment.yaml"
    output = tmp_path / "assigned.csv"
    done = run_abtest("assign", spec, "--customers", customers, "--at", moment, "-o", output)
    assert done.returncode == 0, done.stderr
    with output.open(encoding="utf-8", newline="") as file:
        written = list(csv.reader(file))
    assert written == list(csv.reader([header, *morning]))


def test_the_main_job_of_the_demo(tmp_path: Path) -> None:
    shutil.copytree(EXPERIMENTS / WINBACK, tmp_path / WINBACK)
    done = run_abtest("analyze", tmp_path / WINBACK / "experiment.yaml")
    assert done.returncode == 0, done.stderr
    assert "coupon_freeship" in done.stdout
    assert (tmp_path / WINBACK / "experiment.report.html").is_file()
