"""What is fixed from history: the test of a skewed mean, and caps. NumPy is the witness."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from command_line import run

if TYPE_CHECKING:
    from pathlib import Path

START = pd.Timestamp("2026-01-05")
SPEC = """\
spec: abtest/v1
key: holdout
kind: messaging
unit: id
variants:
  - {key: control, control: true, weight: 5}
  - {key: coupon, weight: 95}
schedule: {start: 2026-01-05}
data:
  as_of: 2026-03-01
  assignments: {path: assignments.csv}
  events:
    orders: {path: orders.csv, at: at, value: amount, lag: 1d}
metrics:
  - {key: bought, kind: conversion, events: orders, window: {end: 30d}, role: primary}
  - {key: revenue, kind: sum, events: orders, window: {end: 30d}}
"""
CAPPED = ("{end: 30d}}", "{end: 30d}, winsorize: {upper: 0.99, from: history}}")
COLUMNS = """\
spec: abtest/v1
key: table
kind: messaging
unit: id
variants:
  - {key: control, control: true, weight: 5}
  - {key: coupon, weight: 95}
data:
  units: {path: units.csv, variant: variant}
metrics:
  - {key: spend, kind: mean, column: spend, role: primary, winsorize: {upper: 0.99, from: history}}
"""


def orders(spread: float, units: int = 800) -> pd.DataFrame:
    """Orders of three months before the start and two after it."""
    rng = np.random.default_rng(7)
    n = 6 * units
    days = rng.uniform(-90, 55, n)
    return pd.DataFrame(
        {
            "id": rng.integers(0, units, n),
            "at": [START + pd.Timedelta(days=round(day, 4)) for day in days],
            "amount": np.round(rng.lognormal(3, spread, n), 2),
        }
    )


@pytest.fixture
def make(tmp_path: Path) -> Any:
    def made(spread: float, *edits: tuple[str, str], units: int = 800) -> Path:
        frame = orders(spread, units)
        frame.to_csv(tmp_path / "orders.csv", index=False)
        rows = [
            (i, "control" if i % 20 == 0 else "coupon", "2026-01-05 10:00") for i in range(units)
        ]
        assigned = pd.DataFrame(rows, columns=["id", "variant", "assigned_at"])
        assigned.to_csv(tmp_path / "assignments.csv", index=False)
        text = SPEC
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return made


def earlier(frame: pd.DataFrame, until: str, days: int, lag: int = 1) -> pd.Series[float]:
    """Revenue in the window, of everybody who had bought before it: by hand in pandas."""
    anchor = pd.Timestamp(until) - pd.Timedelta(days=days + lag)
    known = sorted(frame.id[frame["at"] < anchor].unique())
    inside = (frame["at"] >= anchor) & (frame["at"] < anchor + pd.Timedelta(days=days))
    return frame[inside].groupby("id").amount.sum().reindex(known, fill_value=0.0)


def fixed_in(spec: Path) -> dict[str, Any]:
    data = json.loads(spec.with_name("experiment.lock.json").read_text(encoding="utf-8"))
    fixed: dict[str, Any] = data["fixed"]
    return fixed


def analyzed(spec: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run("analyze", spec, "-f", "json").worked().out)
    return data


def past(spec: Path, end: str, name: str = "orders.csv") -> tuple[str, ...]:
    return "--history", f"orders={spec.with_name(name)}", "--history-end", end


def freeze(spec: Path, *arguments: str) -> dict[str, Any]:
    run("freeze", spec, "--on", "2026-01-04", *arguments).worked()
    return fixed_in(spec)


def test_a_skewed_mean_gets_the_permutation_test(make: Any) -> None:
    spec = make(2.5)
    values = earlier(orders(2.5), "2026-01-04", 30)
    fixed = freeze(spec, *past(spec, "2026-01-04"))
    assert fixed["methods.revenue"] == "permutation"
    assert fixed["history.revenue.units"] == len(values)
    assert fixed["history.revenue.end"] == "2026-01-04T00:00:00+00:00"
    assert fixed["history.revenue.skewness"] == pytest.approx(stats.skew(values), rel=1e-9)
    result = analyzed(spec)
    records = {record["metric"]: record for record in result["results"]}
    assert records["revenue"]["method"] == "permutation"
    assert records["revenue"]["label"] == "confirmatory"
    assert result["lock"]["status"] == "as_frozen"
    assert result["lock"]["fixed"] == fixed
    assert result["spec"]["analysis"]["methods"]["revenue"]["kind"] == "permutation"


def test_without_a_lock_nothing_is_chosen_afterwards(make: Any) -> None:
    result = analyzed(make(2.5))
    records = {record["metric"]: record for record in result["results"]}
    assert records["revenue"]["method"] == "welch"
    assert "skew" in {check["key"] for check in result["checks"] if check["status"] == "warn"}
    assert result["lock"]["status"] == "not_frozen"


def test_the_choice_is_history_s_and_not_that_of_the_data(make: Any) -> None:
    """Tame before the start and wild after it: what was fixed decides."""
    spec = make(0.2, units=2400)
    assert freeze(spec, *past(spec, "2026-01-04"))["methods.revenue"] == "welch"
    frame = orders(0.2, units=2400)
    late = frame["at"] >= START
    frame.loc[late, "amount"] **= 3
    frame.to_csv(spec.with_name("orders.csv"), index=False)
    records = {record["metric"]: record for record in analyzed(spec)["results"]}
    assert records["revenue"]["method"] == "welch"


def test_without_history_nothing_speaks_for_welch(make: Any) -> None:
    assert freeze(make(0.2)) == {"methods.revenue": "permutation"}


def test_a_method_of_the_spec_stays(make: Any) -> None:
    spec = make(2.5, ("metrics:", "analysis: {methods: {revenue: {kind: welch}}}\nmetrics:"))
    assert freeze(spec, *past(spec, "2026-01-04")) == {}
    records = {record["metric"]: record for record in analyzed(spec)["results"]}
    assert records["revenue"]["method"] == "welch"


def test_an_even_split_needs_no_choice(make: Any) -> None:
    spec = make(2.5, ("weight: 5}", "weight: 50}"), ("weight: 95}", "weight: 50}"))
    assert freeze(spec, *past(spec, "2026-01-04")) == {}


def test_more_units_wear_skew_off(make: Any) -> None:
    spec = make(1.0)
    values = earlier(orders(1.0), "2026-01-04", 30)
    skewness = stats.skew(values)
    for units in (200, 100_000):
        n_c, n_t = 0.05 * units, 0.95 * units
        left = abs(skewness * (n_c - n_t) / np.sqrt(n_c * n_t * units))
        spec.with_name("experiment.lock.json").unlink(missing_ok=True)
        fixed = freeze(spec, *past(spec, "2026-01-04"), "--units", str(units))
        assert fixed["methods.revenue"] == ("permutation" if left > 0.12 else "welch")
        assert fixed["history.revenue.planned_units"] == units
    assert left < 0.12


def test_a_cap_from_history(make: Any) -> None:
    spec = make(1.5, CAPPED)
    values = earlier(orders(1.5), "2026-01-01", 30)
    fixed = freeze(spec, *past(spec, "2026-01-01"))
    assert fixed["caps.revenue"] == pytest.approx(np.quantile(values, 0.99), rel=1e-12)
    result = analyzed(spec)
    capped = [one for one in result["sensitivity"] if one["reading"] == "capped"]
    assert {one["cap"] for one in capped} == {fixed["caps.revenue"]}
    assert {one["variant"] for one in capped} == {"control", "coupon"}
    # The reading itself, by hand.
    frame = orders(1.5)
    at = START + pd.Timedelta(hours=10)
    inside = (frame["at"] >= at) & (frame["at"] < at + pd.Timedelta(days=30))
    sums = frame[inside].groupby("id").amount.sum().reindex(range(800), fill_value=0.0)
    control = sums[sums.index % 20 == 0].clip(upper=fixed["caps.revenue"]).mean()
    (found,) = [one["value"] for one in capped if one["variant"] == "control"]
    assert found == pytest.approx(control, rel=1e-9)


def test_calendar_days_and_another_file(make: Any) -> None:
    calendar = "{end: 14d, calendar: true}, winsorize: {upper: 0.9, from: history}}"
    spec = make(1.5, ("{end: 30d}}", calendar))
    frame = orders(1.5).assign(amount=lambda table: table.amount * 2)
    frame.to_csv(spec.with_name("old.csv"), index=False)
    fixed = freeze(spec, *past(spec, "2026-01-01", "old.csv"))
    # Midnight in UTC, so calendar days are elapsed ones; a day more is left for other zones.
    values = earlier(frame, "2026-01-01", 14, lag=2)
    assert fixed["caps.revenue"] == pytest.approx(np.quantile(values, 0.9), rel=1e-12)


def test_after_the_start_nobody_looks(make: Any) -> None:
    spec = make(1.5, CAPPED)
    message = run("freeze", spec, *past(spec, "2026-01-06")).failed(1)
    assert "reaches into the experiment, which starts on 2026-01-05" in message


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([CAPPED], "takes its cap from history, and there is none"),
        ([CAPPED, ("schedule: {start: 2026-01-05}\n", "")], "--history orders=FILE"),
    ],
)
def test_a_cap_needs_history(make: Any, edits: list[tuple[str, str]], message: str) -> None:
    spec = make(1.5, *edits)
    assert message in run("freeze", spec).failed(1)
    assert not spec.with_name("experiment.lock.json").exists()
    assert "abtest freeze" in run("analyze", spec).failed(1)


def test_history_needs_a_start(make: Any) -> None:
    spec = make(1.5, CAPPED, ("schedule: {start: 2026-01-05}\n", ""))
    message = run("freeze", spec, *past(spec, "2026-01-01")).failed(1)
    assert "schedule.start: is missing" in message


def test_history_that_is_none(make: Any) -> None:
    spec = make(1.5, CAPPED)
    message = run("freeze", spec, *past(spec, "2020-01-01")).failed(1)
    assert "the history has no orders before 2019-12-01" in message
    assert "it must be a date" in run("freeze", spec, *past(spec, "soon")).failed(2)


def test_history_ends_at_the_start(make: Any) -> None:
    spec = make(1.5, CAPPED)
    values = earlier(orders(1.5), "2026-01-05", 30)
    fixed = freeze(spec, "--history", f"orders={spec.with_name('orders.csv')}")
    assert fixed["caps.revenue"] == pytest.approx(np.quantile(values, 0.99), rel=1e-12)


def test_a_cap_that_caps_nothing(make: Any) -> None:
    spec = make(1.5, ("{end: 30d}}", "{end: 1d}, winsorize: {upper: 0.6, from: history}}"))
    message = run("freeze", spec, *past(spec, "2026-01-01")).failed(1)
    assert "the cap of metric revenue would be 0.0" in message


def test_caps_are_not_amended(make: Any) -> None:
    spec = make(1.5, CAPPED)
    freeze(spec, *past(spec, "2026-01-01"))
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("upper: 0.99", "upper: 0.95"), encoding="utf-8")
    assert "caps from history are computed when a plan is frozen" in run(
        "amend", spec, "--why", "lower", "--on", "2026-01-06"
    ).failed(1)
    found = run("analyze", spec, "-f", "json")
    assert found.code == 5
    assert json.loads(found.out)["lock"]["changes"][0]["path"] == "metrics.revenue.winsorize.upper"
    cap = text.replace("upper: 0.99, from: history", "cap: 100")
    spec.write_text(cap, encoding="utf-8")
    run("amend", spec, "--why", "round", "--on", "2026-01-06").worked()
    capped = [one for one in analyzed(spec)["sensitivity"] if one["reading"] == "capped"]
    assert {one["cap"] for one in capped} == {100.0}


def units_table(path: Path, rows: int = 1000, *, flags: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    spend = np.round(rng.lognormal(3, 2, rows), 2)
    spend = (spend > 20).astype(float) if flags else spend
    variant = np.where(np.arange(rows) % 20 == 0, "control", "coupon")
    frame = pd.DataFrame({"id": range(rows), "variant": variant, "spend": spend})
    frame.to_csv(path, index=False)
    return frame


def test_a_column_takes_its_history_from_another_table(tmp_path: Path) -> None:
    spec = tmp_path / "experiment.yaml"
    spec.write_text(COLUMNS, encoding="utf-8")
    units_table(tmp_path / "units.csv", 500)
    assert "--history units=FILE" in run("freeze", spec).failed(1)
    old = units_table(tmp_path / "old.csv").drop(columns="variant")
    old.to_csv(tmp_path / "old.csv", index=False)
    fixed = freeze(spec, "--history", f"units={tmp_path / 'old.csv'}")
    assert fixed["caps.spend"] == pytest.approx(np.quantile(old.spend, 0.99), rel=1e-12)
    assert fixed["methods.spend"] == "permutation"
    assert fixed["history.spend.units"] == 1000
    assert {one["cap"] for one in analyzed(spec)["sensitivity"]} == {fixed["caps.spend"]}


def test_a_share_has_nothing_to_cap(tmp_path: Path) -> None:
    spec = tmp_path / "experiment.yaml"
    spec.write_text(COLUMNS, encoding="utf-8")
    units_table(tmp_path / "old.csv", flags=True)
    message = run("freeze", spec, "--history", f"units={tmp_path / 'old.csv'}").failed(1)
    assert "spend has a cap, but no values other than 0 and 1" in message


def test_a_table_that_the_spec_does_not_have(make: Any) -> None:
    message = run("freeze", make(1.5), "--history", "order=x.csv").failed(2)
    assert "'order' is no table of the spec" in message
