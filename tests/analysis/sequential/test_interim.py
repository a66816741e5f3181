"""Several looks within analyze: who may spend what, and what is said while a plan runs."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from abtest import analyze
from abtest.analysis.sequential.looks import Look, LookLog, LookRow
from abtest.analysis.sequential.monitoring import monitor
from abtest.errors import SpecError
from abtest.stats.sequential.binary_sequences import difference_interval
from abtest.stats.sequential.boundaries import spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_rho, multiplier
from abtest.stats.sequential.spending import Spending
from abtest.stats.sequential.stagewise import stagewise
from nights import make_nights, night

PLAN = {"engine": "lan_demets", "max_units": 4_000}


def totals(counts: dict[str, tuple[int, int]], **sequential: Any) -> tuple[dict[str, Any], Any]:
    """A spec on totals of each variant, and the table."""
    spec = {
        "spec": "abtest/v1",
        "key": "looks",
        "kind": "messaging",
        "unit": None,
        "variants": [{"key": key, "control": key == "control"} for key in counts],
        "data": {"totals": {"path": "totals.csv", "variant": "variant"}},
        "metrics": [
            {
                "key": "bought",
                "kind": "proportion",
                "successes": "bought",
                "trials": "units",
                "role": "primary",
            }
        ],
        "analysis": {"sequential": sequential or PLAN},
    }
    import polars as pl  # noqa: PLC0415 - a table of two rows

    rows = [{"variant": k, "bought": x, "units": n} for k, (x, n) in counts.items()]
    return spec, pl.DataFrame(rows)


def look(counts: dict[str, tuple[int, int]], day: str, log: tuple[Look, ...], **plan: Any) -> Any:
    spec, table = totals(counts, **plan)
    return analyze(spec, data={"totals": table}, as_of=day, log=LookLog(log, afresh=True))


def logged(result: Any) -> Look:
    return Look(
        type="look",
        experiment="looks",
        as_of=result.as_of,
        plan={},
        rows=tuple(LookRow.model_validate(r) for r in result.looks if r["as_of"] == result.as_of),
        spec_fingerprint="",
        abtest_version="",
    )


def test_a_look_by_hand() -> None:
    first = look({"control": (100, 1000), "treatment": (120, 1000)}, "2026-01-02", ())
    (row,) = first.looks
    # The N-1 chi-square of the score method; 1000 + 1000 units are half of the plan.
    pooled = 220 / 2000
    z = 0.02 / math.sqrt(pooled * (1 - pooled) * (2 / 1000) * 2000 / 1999)
    assert row["statistic"] == pytest.approx(z, rel=1e-9)
    assert row["information_fraction"] == 0.5
    boundary = spending_plan([0.5], Spending(), 0.05).boundaries[0]
    assert row["boundary"] == pytest.approx(boundary)
    record = first.results[0]
    assert record.pvalue is None
    assert record.pvalue_adjusted is None
    assert record.boundary == row["boundary"]
    assert record.information_fraction == 0.5
    assert record.ci_adjustment == "repeated"
    # The repeated interval is the score interval at the boundary's own level.
    spec, table = totals({"control": (100, 1000), "treatment": (120, 1000)})
    del spec["analysis"]
    spec["analysis"] = {"alpha": 2 * float(norm.sf(boundary))}
    fixed = analyze(spec, data={"totals": table}).results[0]
    assert record.difference_ci_low == pytest.approx(fixed.difference_ci_low, rel=1e-6)
    assert record.lift_ci_high == pytest.approx(fixed.lift_ci_high, rel=1e-6)
    assert first.decision.verdict == "inconclusive"
    assert first.decision.rule_line == "sequential"
    assert "Keep running" in first.decision.reason


def test_the_end_is_stage_wise() -> None:
    first = look({"control": (100, 1000), "treatment": (120, 1000)}, "2026-01-02", ())
    counts = {"control": (200, 2000), "treatment": (245, 2000)}
    last = look(counts, "2026-01-03", (logged(first),))
    row = last.looks[-1]
    plan = spending_plan([0.5, 1.0], Spending(), 0.05)
    assert row["boundary"] == pytest.approx(plan.boundaries[1])
    assert last.looks[0] == first.looks[0]
    found = stagewise(plan.information, plan.bounds, row["statistic"], 0.95)
    record = last.results[0]
    assert row["state"] == "crossed"
    assert record.pvalue == pytest.approx(found.pvalue)
    assert record.ci_adjustment == "stagewise"
    # On the scale of the difference, a drift of 1 is one standard error at the end.
    se = record.se
    assert record.difference == pytest.approx(found.estimate * se, rel=0.02)
    assert record.difference_ci_low == pytest.approx(found.interval.low * se, rel=0.05, abs=1e-3)
    assert record.difference < row["difference"]
    assert last.decision.verdict == "ship"
    # Today's values are not those of the stop: the sentence names the lift at the stop alone.
    assert f"changed by {record.lift:+.1%} at the stop" in last.decision.reason
    assert "goes from" not in last.decision.reason


def test_looks_that_were_logged_stay_as_they_are() -> None:
    """14 nights with unequal news: each keeps the looks, boundaries and intervals before it."""
    rng = np.random.default_rng(2)
    log: tuple[Look, ...] = ()
    n, x, y = 0, 0, 0
    before: tuple[dict[str, Any], ...] = ()
    for day in range(2, 16):
        new = int(rng.integers(20, 200))
        n, x, y = n + new, x + int(rng.binomial(new, 0.1)), y + int(rng.binomial(new, 0.1))
        result = look({"control": (x, n), "treatment": (y, n)}, f"2026-01-{day:02}", log)
        assert result.looks[:-1] == before
        log, before = (*log, logged(result)), result.looks
    rows = [row for row in before if row["is_look"]]
    plan = spending_plan([row["information_fraction"] for row in rows], Spending(), 0.05)
    shown = [math.inf if row["boundary"] is None else row["boundary"] for row in rows]
    assert shown == list(plan.boundaries)


def test_alpha_is_split_over_variants() -> None:
    counts = {"control": (150, 1000), "a": (150, 1000), "b": (170, 1000)}
    result = look(counts, "2026-01-02", (), engine="lan_demets", max_units=3000)
    boundary = spending_plan([1.0], Spending(), 0.025).boundaries[0]
    assert [row["boundary"] for row in result.looks] == [pytest.approx(boundary)] * 2
    assert [record.ci_level for record in result.results] == [0.975] * 2
    for record in result.results:
        assert record.pvalue_adjusted == pytest.approx(min(1, 2 * record.pvalue))
        assert record.pvalue_adjustment == "bonferroni"


def test_other_spending() -> None:
    counts = {"control": (100, 1000), "treatment": (120, 1000)}
    plan = {"engine": "lan_demets", "max_units": 4000, "spending": "power", "parameter": 2.0}
    (row,) = look(counts, "2026-01-02", (), **plan).looks
    expected = spending_plan([0.5], Spending("power", 2), 0.05)
    assert row["boundary"] == pytest.approx(expected.boundaries[0])
    assert row["spent"] == pytest.approx(0.05 / 4)


def test_a_number_of_looks() -> None:
    plan = {"engine": "lan_demets", "max_units": 4000, "looks": 2}
    early = look({"control": (80, 900), "treatment": (120, 900)}, "2026-01-02", (), **plan)
    assert early.looks[0]["is_look"] is False
    assert early.looks[0]["boundary"] is None
    assert early.results[0].difference_ci_low is None
    assert any("too early" in note for note in early.results[0].notes)
    half = look(
        {"control": (100, 1000), "treatment": (120, 1000)}, "2026-01-03", (logged(early),), **plan
    )
    boundary = spending_plan([0.5], Spending(), 0.05).boundaries[0]
    assert half.looks[-1]["boundary"] == pytest.approx(boundary)


def test_a_confidence_sequence() -> None:
    counts = {"control": (100, 1000), "treatment": (120, 1000)}
    result = look(counts, "2026-01-02", (), engine="confidence_sequence", max_units=4000)
    (row,) = result.looks
    record = result.results[0]
    width = multiplier(2000 * asymptotic_rho(4000, 0.05) ** 2, 0.05)
    assert (row["ci_high"] - row["ci_low"]) / 2 == pytest.approx(width * record.se, rel=0.02)
    assert row["boundary"] is None
    assert record.ci_adjustment == "confidence_sequence"
    assert record.pvalue is None
    assert not row["crossed"]


def test_a_confidence_sequence_of_few_events_is_exact() -> None:
    counts = {"control": (3, 60), "treatment": (9, 60)}
    (row,) = look(counts, "2026-01-02", (), engine="confidence_sequence").looks
    exact = difference_interval((3, 60), (9, 60), 0.05)
    assert (row["ci_low"], row["ci_high"]) == (exact.low, exact.high)
    assert row["lift_ci_low"] is None


def test_the_sequence_only_narrows_and_stops_when_it_leaves_out_zero() -> None:
    plan = {"engine": "confidence_sequence", "max_units": 8000}
    log: tuple[Look, ...] = ()
    ends = []
    for day, n in enumerate((1000, 1500, 2000, 4000), start=2):
        counts = {"control": (n // 10, n), "treatment": (n * 14 // 100, n)}
        result = look(counts, f"2026-01-0{day}", log, **plan)
        log = (*log, logged(result))
        ends.append((result.looks[-1]["ci_low"], result.looks[-1]["ci_high"]))
    lows, highs = zip(*ends, strict=True)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs, reverse=True)
    record = result.results[0]
    assert lows[-1] > 0
    assert record.pvalue is not None
    assert record.pvalue < 0.05
    assert record.difference_ci_low == lows[-1]


def test_a_guardrail_that_gets_worse_raises_the_alarm(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "harm")
    returns = spec.parent / "returns.csv"
    with (spec.parent / "assignments.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["variant"] == "coupon"]
    added = [f"{row['customer_id']},{row['assigned_at']},1" for row in rows[::4]]
    returns.write_text(returns.read_text(encoding="utf-8") + "\n".join(added), encoding="utf-8")
    found = monitor(spec, as_of=night(30))
    (row,) = [row for row in found.rows if row.metric == "returned_7d"]
    assert row.crossed
    assert row.state == "running"
    assert found.exit_code == 10
    record = next(r for r in found.result.results if r.metric == "returned_7d")
    assert record.harm
    assert found.result.decision.verdict == "rollback"


def test_what_is_not_in_the_plan_has_no_interval_for_one_look(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "parts")
    text = spec.read_text(encoding="utf-8")
    both = "role: primary, maturity: [complete, censored]}"
    spec.write_text(text.replace("role: primary}", both), encoding="utf-8")
    result = analyze(spec, as_of=night(20))
    (reading,) = [
        row
        for row in result.sensitivity
        if row["variant"] == "coupon" and row["reading"] == "censored"
    ]
    assert reading["pvalue"] is None
    assert reading["difference_ci_low"] is None
    assert reading["difference"] is not None


def test_the_end_without_news_is_the_last_look() -> None:
    counts = {"control": (100, 1000), "treatment": (120, 1000)}
    first = look(counts, "2026-01-02", ())
    spec, table = totals(counts)
    log = LookLog((logged(first),), final=True)
    last = analyze(spec, data={"totals": table}, as_of="2026-01-03", log=log)
    assert last.looks[-1]["state"] == "ended"
    record = last.results[0]
    assert record.pvalue == pytest.approx(2 * norm.sf(first.looks[0]["statistic"]), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analysis": {"sequential": {"engine": "lan_demets"}}}, "max_units: is missing"),
        ({"variants": [{"key": "treatment"}]}, "needs a control"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str) -> None:
    spec, table = totals({"control": (1, 10), "treatment": (2, 10)})
    with pytest.raises(SpecError, match=message):
        analyze({**spec, **change}, data={"totals": table}, as_of="2026-01-02")


@pytest.mark.parametrize(("nights", "engine"), [(14, "lan_demets"), (28, "confidence_sequence")])
def test_type_one_error_over_all_looks(nights: int, engine: str) -> None:
    """40,000 drawn experiments without an effect, by the boundaries that a night asks for."""
    per_night, runs = 200, 40_000
    rng = np.random.default_rng(20260105)
    steps = rng.normal(size=(runs, nights)) * math.sqrt(per_night)
    z = np.cumsum(steps, axis=1) / np.sqrt(per_night * np.arange(1, nights + 1))
    log: tuple[Look, ...] = ()
    bounds = []
    for number in range(1, nights + 1):
        n = number * per_night // 2
        counts = {"control": (n // 5, n), "treatment": (n // 5, n)}
        plan = {"engine": engine, "max_units": per_night * nights}
        day = f"2026-01-{number + 1:02}" if number < 30 else "2026-02-01"
        result = look(counts, day, log, **plan)
        log = (*log, logged(result))
        row = result.looks[-1]
        width = (row["ci_high"] or math.inf) / result.results[0].se
        bounds.append(row["boundary"] if engine == "lan_demets" else width)
    crossed = (np.abs(z) >= np.array([b if b is not None else np.inf for b in bounds])).any(axis=1)
    band = 3 * math.sqrt(0.05 * 0.95 / runs)
    if engine == "lan_demets":
        assert crossed.mean() == pytest.approx(0.05, abs=band)
    else:
        assert crossed.mean() < 0.05 + band
