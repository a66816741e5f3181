"""The generator: same bytes, true values that are true, and intervals that cover them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from scipy.stats import binom

import make_data
from abtest import analyze
from abtest.methods.miettinen_nurminen import MiettinenNurminen
from abtest.stats.summaries import Proportion
from experiments.examples_support import EXAMPLES, EXPERIMENTS, rows_of, story

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abtest.spec import Spec
    from invented.people import Planted

DRAWS = 100

Counts = dict[str, Proportion]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_committed_files_come_out_again_byte_for_byte(name: str) -> None:
    files = make_data.make(EXAMPLES[name])
    committed = {path.name: path.read_bytes() for path in (EXPERIMENTS / name).glob("*.csv")}
    assert {file: text.encode("utf-8") for file, text in files.items()} == committed


def test_another_seed_makes_other_customers() -> None:
    first, second = (make_data.make(make_data.WINBACK, seed=seed, n=50) for seed in (1, 2))
    assert first["orders.csv"] != second["orders.csv"]


def test_ids_keep_their_zeros_and_times_come_in_both_forms() -> None:
    winback, reminder = (
        rows_of((EXPERIMENTS / name / "orders.csv").read_text(encoding="utf-8"))
        for name in (make_data.WINBACK.folder, make_data.REMINDER.folder)
    )
    assert any(row["customer_id"].startswith("00") for row in winback)
    assert all(datetime.fromisoformat(row["ordered_at"]).utcoffset() is not None for row in winback)
    assert all(datetime.fromisoformat(row["ordered_at"]).utcoffset() is None for row in reminder)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_planted_is_what_many_customers_do(name: str, tmp_path: Path) -> None:
    """The closed forms against one large draw, in every metric and variant."""
    files = make_data.make(EXAMPLES[name], seed=7, n=30_000)
    result = analyze(EXPERIMENTS / name / "experiment.yaml", data=_written(files, tmp_path))
    planted = make_data.planted(EXAMPLES[name])
    names = [variant.key for variant in make_data.spec_of(EXAMPLES[name]).variants or ()]
    for estimate in result.estimates:
        truth = planted[estimate.metric][names.index(estimate.variant)]
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        # 4 standard errors: one draw in 16,000 is further off.
        room = 4 / 1.96 * (estimate.ci_high - estimate.ci_low) / 2
        assert abs((estimate.value or 0) - truth) < room, (estimate, truth)


def _written(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name.removesuffix(".csv"): str(folder / name) for name in files}


def primary_by_hand(spec: Spec, files: Mapping[str, str]) -> Counts:
    """The primary metric of each variant, in plain Python: no engine, no windows of abtest."""
    metric = spec.metrics[0]
    kind = "again" if metric.kind == "repeat_purchase" else "any"
    stream = next(iter(spec.data.events))
    times: dict[str, list[datetime]] = {}
    for row in rows_of(files[f"{stream}.csv"]):
        at = row[spec.data.events[stream].at]
        times.setdefault(row[spec.unit or ""], []).append(_moment(at, spec))
    outcomes: dict[str, list[bool]] = {variant.key: [] for variant in spec.variants or ()}
    days = {"again": 28 if spec.kind == "messaging" else 30, "any": 30}[kind]
    lag = {"incentive_mix": 2, "pricing": 1, "messaging": 1}[spec.kind]
    complete = _moment(spec.data.as_of or "", spec) - timedelta(days=days + lag)
    for row in rows_of(files["assignments.csv"]):
        anchor = _moment(row["assigned_at"], spec)
        mine = times.get(row[spec.unit or ""], [])
        if row["reason"] != "split" or anchor > complete:
            continue
        if kind == "any":  # days, not times: day 0 is the anchor's own
            end = (anchor + timedelta(days=days)).date()
            outcomes[row["variant"]].append(any(anchor.date() <= at.date() < end for at in mine))
        elif any(at <= anchor for at in mine):
            end = anchor + timedelta(days=days)
            outcomes[row["variant"]].append(any(anchor < at < end for at in mine))
    return {variant: Proportion(len(found), sum(found)) for variant, found in outcomes.items()}


def _moment(text: str, spec: Spec) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(spec.schedule.timezone))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_primary_metric_counted_by_hand(name: str) -> None:
    told = story(name)
    files = {path.name: path.read_text(encoding="utf-8") for path in told.folder.glob("*.csv")}
    counted = primary_by_hand(told.spec, files)
    control = counted.pop((told.spec.variants or ())[0].key)
    for variant, proportion in counted.items():
        record = told.record(told.spec.metrics[0].key, variant)
        assert (record.n_control, record.n) == (control.n, proportion.n)
        assert record.value_control == pytest.approx(control.successes / control.n, rel=1e-15)
        assert record.value == pytest.approx(proportion.successes / proportion.n, rel=1e-15)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_interval_of_the_primary_metric_covers_the_truth_as_often_as_it_says(name: str) -> None:
    """A hundred smaller draws; fewer hits than this happen once in a thousand at 95%."""
    example = EXAMPLES[name]
    spec, planted = make_data.spec_of(example), make_data.planted(example)
    hits: dict[str, int] = {}
    for seed in range(1, DRAWS + 1):
        counts = primary_by_hand(spec, make_data.make(example, seed=seed, n=600))
        for variant, hit in _covered(spec, counts, planted).items():
            hits[variant] = hits.get(variant, 0) + hit
    fewest = binom.ppf(0.001, DRAWS, 0.95)
    assert all(hit >= fewest for hit in hits.values()), hits


def _covered(spec: Spec, counts: Counts, planted: Planted) -> dict[str, bool]:
    control, *treatments = [variant.key for variant in spec.variants or ()]
    truths = planted[spec.metrics[0].key]
    method = MiettinenNurminen(kind="miettinen_nurminen")
    covered = {}
    for variant, truth in zip(treatments, truths[1:], strict=True):
        interval = method.compare(counts[control], counts[variant], 0.95).difference_ci
        assert interval is not None
        covered[variant] = interval.low <= truth - truths[0] <= interval.high
    return covered
