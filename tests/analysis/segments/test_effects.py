"""Effects within segments: witnesses are scipy, statsmodels and the whole that the parts make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from abtest import analyze
from abtest.analysis.segments.slices import MOST_VALUES
from abtest.errors import DataError, SpecError
from abtest.report import render
from command_line import run

if TYPE_CHECKING:
    from pathlib import Path

    from abtest import Result
    from abtest.analysis.result import Record

CONTROL, COUPON = "control", "coupon"


def spec_of(**analysis: Any) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "parts",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": CONTROL, "control": True}, {"key": COUPON}],
        "data": {"units": {"path": "u.csv", "variant": "variant"}},
        "metrics": [
            {"key": "bought", "kind": "proportion", "column": "bought", "role": "primary"},
            {"key": "spend", "kind": "mean", "column": "spend"},
        ],
        "analysis": {"segments": ["tier", "country"], **analysis},
    }


def units_of(n: int = 3000, seed: int = 1, effect: float = 0.1) -> pd.DataFrame:
    """Only gold customers react; one in ten has no tier."""
    rng = np.random.default_rng(seed)
    units = pd.DataFrame(
        {
            "id": np.arange(n),
            "variant": rng.choice([CONTROL, COUPON], n),
            "tier": rng.choice(np.array(["gold", "silver", None]), n, p=[0.3, 0.6, 0.1]),
            "country": rng.choice(["DE", "FR"], n),
        }
    )
    gold = (units.variant == COUPON) & (units.tier == "gold")
    units["bought"] = (rng.random(n) < 0.2 + effect * gold).astype(int)
    units["spend"] = rng.gamma(2, 10, n)
    return units


def parts_of(result: Result, metric: str, column: str) -> dict[str, Record]:
    return {
        record.segment.partition("=")[2]: record
        for record in result.results
        if record.metric == metric and record.segment and record.segment.startswith(f"{column}=")
    }


def found_in(result: Result, reading: str = "segment_interaction") -> list[dict[str, Any]]:
    return [dict(found) for found in result.sensitivity if found["reading"] == reading]


UNITS = units_of()
RESULT = analyze(spec_of(), data={"units": UNITS})


def test_each_segment_is_an_analysis_of_its_own() -> None:
    tiers = parts_of(RESULT, "spend", "tier")
    assert sorted(tiers) == ["(missing)", "gold", "silver"]
    for value, record in tiers.items():
        own = UNITS[UNITS.tier.isna() if value == "(missing)" else UNITS.tier == value]
        spend = {key: rows.spend for key, rows in own.groupby("variant")}
        witness = stats.ttest_ind(spend[COUPON], spend[CONTROL], equal_var=False)
        assert record.pvalue == pytest.approx(witness.pvalue)
        assert (record.n, record.n_control) == (len(spend[COUPON]), len(spend[CONTROL]))
        assert record.n_assigned == record.n


def test_segments_add_up_to_the_whole() -> None:
    whole = next(r for r in RESULT.results if (r.metric, r.segment) == ("bought", None))
    for column in ("tier", "country"):
        parts = parts_of(RESULT, "bought", column).values()
        assert sum(part.n for part in parts) == whole.n
        bought = sum(part.n * (part.value or 0) for part in parts)
        assert bought / whole.n == pytest.approx(whole.value)


def test_joining_two_segments_gives_the_pooled_table() -> None:
    joined = UNITS.assign(tier=UNITS.tier.replace({"silver": "gold"}))
    found = parts_of(analyze(spec_of(), data={"units": joined}), "spend", "tier")["gold"]
    own = UNITS[UNITS.tier.notna()]
    alone = analyze(spec_of(segments=[]), data={"units": own})
    whole = next(record for record in alone.results if record.metric == "spend")
    assert (found.n, found.n_control) == (whole.n, whole.n_control)
    assert found.difference == pytest.approx(whole.difference)
    assert found.se == pytest.approx(whole.se)


def test_interaction_is_the_wald_test_of_a_saturated_regression() -> None:
    tier = UNITS.tier.fillna("(missing)")
    cells = pd.get_dummies(tier).to_numpy(float)
    treated = (UNITS.variant == COUPON).to_numpy(float)[:, None]
    fit = OLS(UNITS.bought, np.hstack([cells, cells * treated])).fit(cov_type="HC0")
    contrasts = np.zeros((2, 6))
    contrasts[0, 3], contrasts[0, 4], contrasts[1, 3], contrasts[1, 5] = 1, -1, 1, -1
    witness = fit.wald_test(contrasts, use_f=False, scalar=True)
    found = next(t for t in found_in(RESULT) if (t["metric"], t["segment"]) == ("bought", "tier"))
    assert found["statistic"] == pytest.approx(float(witness.statistic))
    assert found["pvalue"] == pytest.approx(float(witness.pvalue))
    assert found["df"] == 2
    assert found["pvalue_adjusted"] == pytest.approx(2 * found["pvalue"])
    assert found["pvalue"] < 0.01


def test_simultaneous_over_the_segments_of_a_metric() -> None:
    parts = [r for r in RESULT.results if r.segment and r.metric == "bought"]
    pvalues = sorted(part.pvalue or 0.0 for part in parts)
    smallest = min(parts, key=lambda part: part.pvalue or 0.0)
    assert len(parts) == 5
    witness = multipletests(pvalues, method="holm-sidak")[1]
    assert sorted(part.pvalue_adjusted or 0.0 for part in parts) == pytest.approx(sorted(witness))
    assert {(p.family, p.pvalue_adjustment, p.ci_adjustment) for p in parts} == {
        ("segments", "holm_sidak", "sidak")
    }
    # All five intervals hold together in 95 of 100, if they share nobody.
    wide = analyze(spec_of(alpha=1 - 0.95 ** (1 / 5)), data={"units": UNITS})
    same = next(r for r in wide.results if r.segment == smallest.segment and r.metric == "bought")
    assert smallest.difference_ci_low_adjusted == pytest.approx(same.difference_ci_low)


def test_shrunken_effects_lie_between_their_own_and_the_mean() -> None:
    found = [
        one
        for one in found_in(RESULT, "segment_shrunk")
        if one["metric"] == "bought" and one["segment"].startswith("tier")
    ]
    raw, drawn = ([one[key] for one in found] for key in ("difference", "shrunk_difference"))
    assert np.ptp(drawn) < np.ptp(raw)
    assert np.argsort(drawn).tolist() == np.argsort(raw).tolist()


def test_nothing_is_decided_on_a_segment() -> None:
    alone = analyze(spec_of(segments=[]), data={"units": UNITS})
    assert RESULT.decision == alone.decision
    assert RESULT.results[: len(alone.results)] == alone.results


def test_without_a_frozen_plan_segments_are_exploratory(tmp_path: Path) -> None:
    assert {r.label for r in RESULT.results if r.segment} == {"exploratory"}
    UNITS.to_csv(tmp_path / "u.csv", index=False)
    path = tmp_path / "experiment.yaml"
    spec = {**spec_of(segments=["tier"]), "schedule": {"start": "2026-01-05"}}
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    frozen = run("freeze", str(path), "--on", "2026-01-01")
    assert frozen.code == 0, frozen.err
    planned = analyze(path)
    assert {r.label for r in planned.results if r.segment} == {"confirmatory"}
    path.write_text(yaml.safe_dump({**spec, "analysis": spec_of()["analysis"]}), encoding="utf-8")
    more = analyze(path)
    labels = {r.segment.partition("=")[0]: r.label for r in more.results if r.segment}
    assert labels == {"tier": "confirmatory", "country": "exploratory"}


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas", "pyarrow"])
def test_every_engine_says_the_same(engine: str, tmp_path: Path) -> None:
    UNITS.to_csv(tmp_path / "u.csv", index=False)
    spec = spec_of()
    spec["data"]["units"]["path"] = str(tmp_path / "u.csv")
    found = analyze(spec, engine=engine)
    assert len(found.results) == len(RESULT.results)
    for one, other in zip(found.results, RESULT.results, strict=True):
        assert (one.metric, one.segment, one.n) == (other.metric, other.segment, other.n)
        assert one.pvalue == pytest.approx(other.pvalue, rel=1e-9)


def test_segments_of_event_logs_come_from_the_table_of_units() -> None:
    units = units_of(800)
    at = pd.Timestamp("2026-01-05") + pd.to_timedelta(units.id % 20, unit="D")
    assignments = pd.DataFrame({"id": units.id, "variant": units.variant, "assigned_at": at})
    orders = pd.DataFrame({"id": units.id, "at": at + pd.Timedelta(days=2)})[units.bought == 1]
    spec = spec_of(segments=["tier"])
    spec["data"] = {
        "as_of": "2026-04-01",
        "assignments": {"path": "a.csv"},
        "units": {"path": "u.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at"}},
    }
    spec["metrics"] = [
        {"key": "bought", "kind": "conversion", "events": "orders", "window": {"end": "30d"},
         "role": "primary"}
    ]  # fmt: skip
    known = units[units.id != 3][["id", "tier"]]  # one unit has no row of attributes
    data = {"assignments": assignments, "orders": orders, "units": known}
    result = analyze(spec, data=data)
    parts = parts_of(result, "bought", "tier")
    own = units.assign(tier=units.tier.where(units.id != 3).fillna("(missing)"))
    for value, record in parts.items():
        rows = own[(own.tier == value) & (own.variant == COUPON)]
        assert record.n == len(rows)
        assert record.value == pytest.approx(rows.bought.mean())
    frames = {name: pl.from_pandas(table) for name, table in data.items()}
    again = analyze(spec, data=frames)
    assert [r.pvalue for r in again.results] == pytest.approx([r.pvalue for r in result.results])


def test_an_attribute_with_many_values_is_no_segment() -> None:
    units = UNITS.assign(tier=[f"t{i % (MOST_VALUES + 1)}" for i in UNITS.id])
    with pytest.raises(DataError, match="segment tier has 21 different values; it must have at"):
        analyze(spec_of(), data={"units": units})
    fine = UNITS.assign(tier=[f"t{i % MOST_VALUES}" for i in UNITS.id])
    found = analyze(spec_of(segments=["tier"]), data={"units": fine})
    assert len(parts_of(found, "bought", "tier")) == MOST_VALUES


def test_segments_with_few_units_are_left_out_of_the_test() -> None:
    units = UNITS.assign(tier=["rare" if i < 6 else "usual" for i in UNITS.id])
    found = analyze(spec_of(segments=["tier"]), data={"units": units})
    test = found_in(found)[0]
    assert test["pvalue"] is None
    assert "1 segment has too few units" in test["notes"][0]
    assert "Fewer than 20 units" in " ".join(parts_of(found, "bought", "tier")["rare"].notes)


def test_segments_need_columns_of_the_table_of_units() -> None:
    with pytest.raises(SpecError, match="'tear', which is no column"):
        analyze(spec_of(segments=["tear"]), data={"units": UNITS})
    spec = spec_of()
    spec["data"] = {"totals": {"path": "t.csv", "variant": "variant"}}
    spec["metrics"] = [
        {"key": "b", "kind": "proportion", "successes": "b", "trials": "n", "role": "primary"}
    ]
    with pytest.raises(SpecError, match="which the spec does not"):
        analyze(spec, data={"totals": pd.DataFrame({"variant": ["control"], "b": [1], "n": [2]})})


def test_false_alarms_of_the_interaction_and_of_ten_segments() -> None:
    rng = np.random.default_rng(5)
    interactions = claims = 0
    runs = 24
    for seed in range(runs):
        units = units_of(1200, seed, effect=0.0)
        units["tier"] = rng.choice([f"t{i}" for i in range(10)], len(units))
        found = analyze(spec_of(segments=["tier"]), data={"units": units})
        interactions += found_in(found)[0]["pvalue"] < 0.05
        parts = parts_of(found, "bought", "tier").values()
        claims += any((part.pvalue_adjusted or 0.0) < 0.05 for part in parts)
    assert interactions <= 5  # binomial(24, 0.05): above 5 with a chance of 0.001
    assert claims <= 5


def test_reports_ask_before_they_show() -> None:
    for fmt in ("table", "md", "html"):
        text = render(RESULT, fmt)
        question = text.index("does the effect differ by tier?")
        assert question < text.index("tier=gold")
    assert "Drawn towards the mean of the segments" in render(RESULT, "table")
