"""Health checks on planted problems, and on clean data, where they must keep quiet."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from abtest import Result, analyze
from abtest.analysis.result import Check
from abtest.report import render

CONTROL, COUPON = "control", "coupon"
START = pd.Timestamp("2026-01-05 10:00")
KEYS = {
    "sample_ratio_parts",
    "late_sample_ratio",
    "balance",
    "pre_period",
    "simpson",
    "novelty",
    "outliers",
    "twyman",
}


def spec_of(**more: Any) -> dict[str, Any]:
    window = {"end": "28d"}
    return {
        "spec": "abtest/v1",
        "key": "health",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": CONTROL, "control": True}, {"key": COUPON}],
        "data": {
            "as_of": "2026-06-01",
            "assignments": {"path": "a.csv"},
            "units": {"path": "u.csv"},
            "events": {"orders": {"path": "o.csv", "at": "at", "value": "amount"}},
        },
        "covariates": {"age": {"kind": "column", "column": "age"}},
        "metrics": [
            {"key": "orders", "kind": "count", "events": "orders", "window": window,
             "role": "primary"},
            {"key": "revenue", "kind": "sum", "events": "orders", "window": window},
        ],
        "analysis": {"segments": ["country"], "covariates": ["age"]},
        **more,
    }  # fmt: skip


Tables = dict[str, pd.DataFrame]


def tables_of(seed: int = 1, n: int = 2000) -> Tables:
    """A fair split without any effect: about one order in four weeks, before and after."""
    rng = np.random.default_rng(seed)
    units = pd.DataFrame({"id": np.arange(n), "country": rng.choice(["DE", "FR"], n)})
    units["age"] = rng.normal(40, 10, n)
    units.loc[rng.random(n) < 0.1, "age"] = np.nan
    at = START + pd.to_timedelta(rng.integers(0, 21, n), unit="D")
    assignments = pd.DataFrame({"id": units.id, "variant": rng.choice([CONTROL, COUPON], n)})
    assignments["assigned_at"] = at
    return {"assignments": assignments, "units": units, "orders": orders_of(assignments, rng)}


def orders_of(
    assignments: pd.DataFrame, rng: np.random.Generator, start: float = -28, end: float = 28
) -> pd.DataFrame:
    """Orders at random times in a span of days around the assignment."""
    each = rng.poisson((end - start) / 28, len(assignments))
    rows = assignments.loc[assignments.index.repeat(each)]
    offset = pd.to_timedelta(rng.uniform(start + 0.01, end - 0.01, len(rows)), unit="D")
    amount = rng.gamma(2, 20, len(rows))
    return pd.DataFrame({"id": rows.id, "at": rows.assigned_at + offset, "amount": amount})


def run(tables: Tables, **more: Any) -> Result:
    return analyze(spec_of(**more), data=tables)


def check(result: Result, key: str) -> Check:
    return next(one for one in result.checks if one.key == key)


def test_clean_data_raise_hardly_any_alarm() -> None:
    alarms: Counter[str] = Counter()
    for seed in range(12):
        alarms.update(one.key for one in run(tables_of(seed, 1000)).checks if one.status != "pass")
    # Levels of 0.001, and of 0.01 for novelty: the chance of two alarms is below 0.01.
    assert sum(alarms[key] for key in KEYS) <= 1, alarms


def test_a_day_and_a_country_that_lost_customers_are_named() -> None:
    tables = tables_of(n=4000)
    joined = tables["assignments"].merge(tables["units"], on="id")
    lost = (joined.variant == COUPON) & (joined.country == "FR")
    day = joined.assigned_at.dt.day == 12
    gone = (lost & (joined.id % 2 == 0)) | (day & (joined.variant == CONTROL))
    tables["assignments"] = tables["assignments"][~gone]
    found = check(run(tables), "sample_ratio_parts")
    parts = {part["part"]: part for part in found.details["parts"]}
    assert set(parts) >= {"2026-01-12", "country=FR"}
    kept = joined[~gone]
    counts = kept[kept.country == "FR"].variant.value_counts()[[CONTROL, COUPON]].tolist()
    assert parts["country=FR"]["counts"] == counts
    assert parts["country=FR"]["pvalue"] == pytest.approx(
        stats.binomtest(counts[0], sum(counts)).pvalue
    )
    assert found.status == "warn"


def phased(seed: int, n: int = 3000) -> Tables:
    """Half and half for ten days, then one to three; France opens when the weights change."""
    rng = np.random.default_rng(seed)
    tables = tables_of(seed, n)
    late = (tables["assignments"].assigned_at >= pd.Timestamp(PHASE)).to_numpy()
    tables["units"]["country"] = np.where(late & (rng.random(n) < 0.8), "FR", "DE")
    chance = np.where(late, 0.75, 0.5)
    tables["assignments"]["variant"] = np.where(rng.random(n) < chance, COUPON, CONTROL)
    return tables


PHASE = "2026-01-15"
RAMP = {"phases": [{"from": PHASE, "weights": {CONTROL: 1, COUPON: 3}}]}


def test_a_country_that_opened_in_another_phase_is_no_fault() -> None:
    result = run(phased(1), assignment=RAMP)
    assert check(result, "sample_ratio").status == "pass"
    assert "sample_ratio_parts" not in {found.key for found in result.checks}
    # Without the phases in the spec everything is off.
    silent = run(phased(1))
    assert check(silent, "sample_ratio").status == "fail"
    assert "country=FR" in {p["part"] for p in check(silent, "sample_ratio_parts").details["parts"]}


def test_parts_are_held_against_the_weights_that_ran_when_each_unit_entered() -> None:
    tables = phased(2)
    joined = tables["assignments"].merge(tables["units"], on="id")
    late = joined.assigned_at >= pd.Timestamp(PHASE)
    lost = (joined.variant == COUPON) & (joined.country == "DE") & (joined.id % 3 == 0)
    day = (joined.assigned_at.dt.date.astype(str) == "2026-01-20") & (joined.variant == CONTROL)
    kept = joined[~(lost | day)]
    tables["assignments"] = tables["assignments"][~(lost | day)]
    parts = check(run(tables, assignment=RAMP), "sample_ratio_parts").details["parts"]
    found = {part["part"]: part["pvalue"] for part in parts}
    adjusted = {part["part"]: part["pvalue_adjusted"] for part in parts}
    # Holm over the two countries, and over all days but the one on which the weights changed.
    days = joined.assigned_at.dt.date.nunique() - 1
    assert adjusted["country=DE"] == pytest.approx(2 * found["country=DE"])
    assert adjusted["2026-01-20"] == pytest.approx(days * found["2026-01-20"])
    statistic = 0.0
    for chosen, share in ((kept[~late[kept.index]], 0.5), (kept[late[kept.index]], 0.25)):
        counts = chosen[chosen.country == "DE"].variant.value_counts()[[CONTROL, COUPON]]
        wanted = counts.sum() * np.array([share, 1 - share])
        statistic += stats.chisquare(counts.to_numpy(), wanted).statistic
    assert found["country=DE"] == pytest.approx(stats.chi2.sf(statistic, 2))
    only = kept[kept.assigned_at.dt.date.astype(str) == "2026-01-20"]
    exact = stats.binomtest(0, len(only), 0.25)  # too few units for the chi-square that far out
    assert found["2026-01-20"] == pytest.approx(exact.pvalue)


@pytest.mark.parametrize("step", ["exposed", "eligible", "mature"])
def test_units_that_one_variant_loses_on_the_way(step: str) -> None:
    """Seen the mail, bought before, the window over: a tenth less of the coupon's."""
    tables = tables_of(4, 3000)
    rng = np.random.default_rng(4)
    own = tables["assignments"]
    fewer = ((own.variant == COUPON) & (rng.random(len(own)) < 0.1)).to_numpy()
    spec = spec_of(covariates={}, analysis={})
    metric: dict[str, Any] = {
        "key": "bought", "kind": "conversion", "events": "orders", "window": {"end": "28d"},
        "role": "primary",
    }  # fmt: skip
    spec["metrics"] = [metric]
    if step == "exposed":
        metric["anchor"] = "mails"
        spec["data"]["events"]["mails"] = {"path": "m.csv", "at": "at"}
        seen = own[~fewer]
        tables["mails"] = pd.DataFrame({"id": seen.id, "at": seen.assigned_at})
    elif step == "eligible":
        metric["kind"] = "repeat_purchase"
        before = own[~fewer].assign(at=own.assigned_at - pd.Timedelta(days=3), amount=5.0)
        tables["orders"] = before[["id", "at", "amount"]]
    else:
        own.loc[fewer, "assigned_at"] = pd.Timestamp("2026-05-20")
    del tables["units"], spec["data"]["units"]
    found = check(analyze(spec, data=tables), "late_sample_ratio").details["steps"]
    (one,) = (row for row in found if row["step"] == step)
    table = [[*row] for row in pd.crosstab(own.variant, fewer).to_numpy()]
    witness = float(stats.chi2_contingency(table, correction=False).pvalue)
    assert one["pvalue_adjusted"] == pytest.approx(witness)  # at the other steps none is lost
    assert list(one["kept"]) == [CONTROL, COUPON]


def test_values_that_one_variant_loses_are_found_late() -> None:
    rng = np.random.default_rng(3)
    units = pd.DataFrame({"id": np.arange(2000), "variant": rng.choice([CONTROL, COUPON], 2000)})
    units["spend"] = rng.normal(10, 1, 2000)
    units.loc[(units.variant == COUPON) & (rng.random(2000) < 0.1), "spend"] = None
    spec = spec_of(data={"units": {"path": "u.csv", "variant": "variant"}}, covariates={})
    spec["metrics"] = [{"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}]
    spec["analysis"] = {}
    found = check(analyze(spec, data={"units": units}), "late_sample_ratio")
    step = found.details["steps"][0]
    table = [[*row] for row in pd.crosstab(units.variant, units.spend.isna()).to_numpy()]
    witness = stats.chi2_contingency(table, correction=False).pvalue
    assert (step["metric"], step["step"]) == ("spend", "observed")
    assert step["pvalue_adjusted"] == pytest.approx(witness)


def test_covariates_that_differ_are_told_and_kept_in_the_result() -> None:
    tables = tables_of(2)
    old = tables["assignments"].variant == COUPON
    tables["units"]["age"] += 3.0 * old.to_numpy()
    result = run(tables)
    found = check(result, "balance")
    age, whole = result.balance
    ages = tables["units"].age
    groups = [ages[(~old).to_numpy()].dropna(), ages[old.to_numpy()].dropna()]
    spread = np.sqrt((groups[0].var() + groups[1].var()) / 2)
    assert age["smd"] == pytest.approx((groups[1].mean() - groups[0].mean()) / spread)
    assert (age["n"], age["missing"]) == (len(groups[1]), int(old.sum()) - len(groups[1]))
    missing = ages.isna().astype(float)
    design = np.column_stack([np.ones(len(ages)), ages.fillna(0), missing])
    witness = OLS(old.astype(float).to_numpy(), design).fit()
    assert whole["statistic"] == pytest.approx(witness.fvalue)
    assert whole["pvalue"] == pytest.approx(witness.f_pvalue)
    assert "most in age" in found.message


def test_a_difference_before_the_treatment() -> None:
    tables = tables_of(4)
    rng = np.random.default_rng(9)
    own = tables["assignments"][tables["assignments"].variant == COUPON]
    earlier = orders_of(own, rng, start=-28, end=-14)
    tables["orders"] = pd.concat([tables["orders"], earlier])
    found = check(run(tables), "pre_period")
    one = found.details["differences"][0]
    assert one["metric"] == "orders"
    assert one["difference"] == pytest.approx(0.5, abs=0.1)


def test_a_split_that_hangs_on_the_country_is_simpsons_paradox() -> None:
    tables = tables_of(5, 4000)
    rng = np.random.default_rng(6)
    french = (tables["units"].country == "FR").to_numpy()
    share = np.where(french, 0.3, 0.7)
    tables["assignments"]["variant"] = np.where(rng.random(4000) < share, COUPON, CONTROL)
    own = tables["assignments"][french]
    tables["orders"] = pd.concat([orders_of(tables["assignments"], rng), orders_of(own, rng)])
    found = check(run(tables), "simpson")
    gap = next(one for one in found.details["gaps"] if one["by"] == "country")
    assert gap["crude"] == pytest.approx(-0.4, abs=0.1)
    assert gap["within"] == pytest.approx(0, abs=0.1)
    assert run(tables).decision.verdict != "ship"


def test_weeks_with_other_shares_are_simpsons_paradox() -> None:
    # The phases were never written down; who came in the first week buys twice as much.
    tables = tables_of(7, 4000)
    rng = np.random.default_rng(8)
    first = (tables["assignments"].assigned_at < START + pd.Timedelta(days=7)).to_numpy()
    share = np.where(first, 0.75, 0.4)
    tables["assignments"]["variant"] = np.where(rng.random(4000) < share, COUPON, CONTROL)
    own = tables["assignments"][first]
    tables["orders"] = pd.concat([orders_of(tables["assignments"], rng), orders_of(own, rng)])
    found = check(run(tables), "simpson")
    assert {gap["by"] for gap in found.details["gaps"]} == {"entry week"}


def test_an_effect_of_the_first_two_weeks_fades() -> None:
    tables = tables_of(8, 4000)
    rng = np.random.default_rng(10)
    own = tables["assignments"][tables["assignments"].variant == COUPON]
    tables["orders"] = pd.concat([tables["orders"], orders_of(own, rng, start=0, end=14)])
    result = run(tables)
    one = check(result, "novelty").details["slopes"][0]
    assert one["lift_first"] > 0.9
    assert one["lift_last"] < 0.2
    weeks = [row for row in result.weekly if row["reading"] == "span"]
    assert [row["days"] for row in weeks] == [[1, 7], [8, 14], [15, 21], [22, 28]]
    # The lift of each week by hand: orders of the week over units, variant by variant.
    rows = tables["orders"].merge(tables["assignments"], on="id")
    day = (pd.to_datetime(rows["at"]) - rows.assigned_at).dt.total_seconds() / 86_400
    sizes = tables["assignments"].variant.value_counts()
    for row in weeks:
        first, last = row["days"]
        counts = rows[(day >= first - 1) & (day < last)].variant.value_counts() / sizes
        assert row["lift"] == pytest.approx(counts[COUPON] / counts[CONTROL] - 1)
        assert row["lift_ci_low"] < row["lift"] < row["lift_ci_high"]
    told = render(result, "md")
    assert "The lift by weeks since the exposure" in told
    assert "15 to 21" in told
    # One that stays is no novelty.
    tables["orders"] = pd.concat([tables["orders"], orders_of(own, rng, start=14, end=28)])
    stays = run(tables)
    assert "novelty" not in {found.key for found in stays.checks}
    assert stays.weekly[-1]["pvalue"] > 0.01


def test_where_weights_changed_or_windows_are_short_there_are_no_weeks() -> None:
    tables = tables_of(8, 600)
    phases = [{"from": "2026-01-15", "weights": {CONTROL: 1, COUPON: 2}}]
    assert run(tables, assignment={"phases": phases}).weekly == ()
    short = spec_of()["metrics"]
    short[0]["window"] = {"end": "13d"}
    assert run(tables, metrics=short).weekly == ()


def test_a_result_that_one_customer_carries() -> None:
    tables = tables_of(11, 600)
    buyer = tables["assignments"][tables["assignments"].variant == COUPON].iloc[:2]
    large = pd.DataFrame(
        {"id": buyer.id, "at": buyer.assigned_at + pd.Timedelta(days=1), "amount": 9000.0}
    )
    tables["orders"] = pd.concat([tables["orders"], large])
    found = check(run(tables), "outliers")
    assert found.details["shares"][0]["metric"] == "revenue"
    counted = tables["orders"].merge(tables["assignments"], on="id")
    counted = counted[(counted.variant == COUPON) & (counted["at"] >= counted.assigned_at)]
    by_customer = counted.groupby("id").amount.sum()
    share = by_customer.max() / by_customer.sum()
    assert found.details["shares"][0]["share"] == pytest.approx(share)


def test_two_customers_that_make_the_difference_significant() -> None:
    rng = np.random.default_rng(12)
    units = pd.DataFrame({"id": np.arange(1000), "variant": [CONTROL, COUPON] * 500})
    units["spend"] = rng.normal(100, 10, 1000)
    top = units.index[units.variant == COUPON][:2]
    units.loc[top, "spend"] = 700.0, 650.0
    spec = spec_of(data={"units": {"path": "u.csv", "variant": "variant"}}, covariates={})
    spec["metrics"] = [{"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}]
    spec["analysis"] = {"alpha": 0.2}
    result = analyze(spec, data={"units": units})
    carried = check(result, "outliers").details["carried"][0]
    rest = units.drop(top[: carried["customers"]])
    groups = [rest[rest.variant == key].spend for key in (COUPON, CONTROL)]
    assert carried["pvalue_without"] == pytest.approx(
        stats.ttest_ind(*groups, equal_var=False).pvalue
    )
    assert carried["pvalue"] == pytest.approx(result.results[0].pvalue)


def test_a_lift_beyond_belief_asks_for_a_second_look() -> None:
    tables = tables_of(13)
    rng = np.random.default_rng(14)
    own = tables["assignments"][tables["assignments"].variant == COUPON]
    tables["orders"] = pd.concat([tables["orders"], orders_of(own, rng, start=0)])
    found = check(run(tables), "twyman")
    assert "coupon moves orders by +" in found.message
    assert "before you show a winner" in (found.hint or "")
    # A prior that expects such lifts is not surprised, but a small mde is.
    wide = {"prior": {"log_lift": {"mean": 0, "sd": 1.0}}}
    spec = spec_of()
    spec["analysis"]["bayes"] = wide
    quiet = analyze(spec, data=tables)
    assert "twyman" not in {one.key for one in quiet.checks}
    spec["metrics"][0]["mde"] = {"relative": 0.02}
    again = check(analyze(spec, data=tables), "twyman")
    assert "times as much as the smallest effect" in again.message


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_every_engine_finds_the_same(engine: str, tmp_path: Any) -> None:
    tables = tables_of(15, 500)
    own = tables["assignments"][tables["assignments"].variant == COUPON]
    tables["orders"] = pd.concat(
        [tables["orders"], orders_of(own, np.random.default_rng(1), 0, 14)]
    )
    paths = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    for name, path in paths.items():
        tables[name].reset_index(drop=True).to_parquet(path, index=False)
    one = analyze(spec_of(), data=paths)
    other = analyze(spec_of(), data=paths, engine=engine)
    assert [(c.key, c.status) for c in one.checks] == [(c.key, c.status) for c in other.checks]
    for mine, theirs in zip(one.checks, other.checks, strict=True):
        if mine.key in KEYS:
            assert str(mine.message) == str(theirs.message)
    assert "novelty" in {found.key for found in one.checks}
    assert "Novelty" in render(one, "md")
