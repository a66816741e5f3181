"""The view: a result as text, ready to be drawn.

Pure: no drawing, no files, no clock. The terminal, Markdown and HTML show a view and format
nothing themselves, so that all of them say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers, words
from abtest.report.balance import build_balance
from abtest.report.checks import CheckRow, build_checks, summarise
from abtest.report.counts import Counts, build_counts
from abtest.report.curves import Curves, build_curves
from abtest.report.footnotes import MethodNote, describe_methods
from abtest.report.groups import Group, GroupBuilder
from abtest.report.headline import Headline, build_banners, build_headline
from abtest.report.languages import _, date, named
from abtest.report.lock import LockView, build_lock, lock_fact
from abtest.report.looks import Looks, build_looks
from abtest.report.money import MoneyView, build_money
from abtest.report.planned import Planned, build_planned
from abtest.report.posteriors import Posteriors, build_posteriors
from abtest.report.priors import build_pooled, build_priors
from abtest.report.rows import contrast_name
from abtest.report.segments import build_interactions
from abtest.report.text import clean
from abtest.report.units import unit_of
from abtest.report.weekly import build_weekly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Record, Result
    from abtest.report.sheets import Sheet


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One interval to draw, with the numbers it is drawn from."""

    metric: str
    name: str
    lift: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """A whole report.

    Attributes:
        title: The experiment's title, or its key.
        experiment: The experiment's key.
        hypothesis: What was expected; None where the spec does not say.
        headline: The verdict.
        banners: What forbids using the numbers; empty for a sound and readable result.
        checks: The health checks, failures first.
        checks_summary: How many passed, in words.
        counts: Who was counted, metric by metric.
        comparisons: Results with a control, by role.
        estimates: Results without a comparison; None where there are none.
        forest: The lift intervals.
        balance: How alike the variants were before; None without covariates.
        weekly: The lift by weeks since the exposure; None where the window has no weeks.
        priors: How much the Bayesian reading depends on the prior; None where it has none.
        pooled: Several variants' lifts drawn to each other; None with fewer than three.
        money: The decision in money; None where it is not asked for.
        segment_forest: The lift intervals within segments.
        interactions: Whether segments differ, in words.
        curves: The share with the event over time, for metrics read off a survival curve.
        posteriors: The posteriors of the primary lifts.
        looks: The effect over the looks of a plan that has several.
        planned: What was planned against what happened.
        notes: Footnotes as (mark, text).
        methods: How the numbers were made.
        lock: What changed since the plan was frozen; None where it was not.
        facts: What the result was computed from, as (name, value).
    """

    title: str
    experiment: str
    hypothesis: str | None
    headline: Headline
    banners: tuple[str, ...]
    checks: tuple[CheckRow, ...]
    checks_summary: str
    counts: tuple[Counts, ...]
    comparisons: tuple[Group, ...]
    estimates: Group | None
    forest: tuple[ForestRow, ...]
    segment_forest: tuple[ForestRow, ...]
    interactions: tuple[str, ...]
    curves: tuple[Curves, ...]
    posteriors: Posteriors
    looks: tuple[Looks, ...]
    planned: tuple[Planned, ...]
    notes: tuple[tuple[int, str], ...]
    methods: tuple[MethodNote, ...]
    facts: tuple[tuple[str, str], ...]
    money: MoneyView | None = None
    lock: LockView | None = None
    priors: Sheet | None = None
    pooled: Sheet | None = None
    balance: Sheet | None = None
    weekly: Sheet | None = None


def build_view(result: Result) -> View:
    """Turn a result into what is shown.

    Args:
        result: The result of an analysis.

    Returns:
        The view. The same result always gives the same view.
    """
    builder = GroupBuilder(result)
    comparisons, estimates = builder.comparisons(), builder.estimates()
    hypothesis = result.spec.get("hypothesis")
    return View(
        title=clean(result.spec.get("title") or result.experiment),
        experiment=clean(result.experiment),
        hypothesis=clean(hypothesis) if hypothesis else None,
        headline=build_headline(result),
        banners=build_banners(result),
        checks=build_checks(result.checks),
        checks_summary=summarise(result.checks),
        counts=build_counts(result),
        comparisons=comparisons,
        estimates=estimates,
        forest=_forest([one for one in result.results if one.segment is None], result.spec),
        segment_forest=_forest([one for one in result.results if one.segment], result.spec),
        interactions=build_interactions(result),
        curves=build_curves(result),
        posteriors=build_posteriors(result),
        looks=build_looks(result),
        planned=build_planned(result),
        notes=builder.notes(),
        methods=describe_methods(result.results, result.spec),
        facts=_facts(result),
        money=build_money(result),
        lock=build_lock(result.lock),
        priors=build_priors(result),
        pooled=build_pooled(result),
        balance=build_balance(result),
        weekly=build_weekly(result),
    )


def _forest(records: Sequence[Record], spec: dict[str, Any]) -> tuple[ForestRow, ...]:
    rows = []
    for record in records:
        if unit_of(record, spec).is_ratio:
            continue  # a hazard ratio is no lift of a value: it does not belong on this axis
        if record.lift is None or record.control is None:
            continue
        low, high = record.lift_ci_low, record.lift_ci_high
        if low is None and high is None:
            continue
        number, interval = numbers.lift_with_interval(record.lift, low, high)
        is_described = record.label == words.DESCRIPTIVE
        described = _(", ") + _(words.DESCRIPTIVE) if is_described else ""
        rows.append(
            ForestRow(
                metric=clean(record.metric),
                name=_forest_name(record),
                lift=record.lift,
                low=low,
                high=high,
                text=f"{number} ({interval}){described}",
            )
        )
    return tuple(rows)


def _forest_name(record: Record) -> str:
    name = contrast_name(record)
    return name if record.segment is None else f"{named(record.segment)}: {name}"


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    facts = [
        (_("Experiment"), clean(result.experiment)),
        (_("Data complete up to"), date(result.as_of) if result.as_of else None),
        (_("Time zone"), clean(result.timezone)),
        (_("Assignment seed"), clean(result.seed)),
        (_("Frozen plan"), lock_fact(result.lock)),
        (_("Spec fingerprint"), clean(result.spec_fingerprint)),
        *(
            (_("Data fingerprint, {table}", table=named(table)), clean(fingerprint))
            for table, fingerprint in result.data_fingerprints.items()
        ),
        (_("Result schema"), clean(result.schema_)),
        ("abtest", clean(result.abtest_version)),
    ]
    return tuple((name, value) for name, value in facts if value is not None)
