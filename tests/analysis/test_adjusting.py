"""Covariates through ``analyze``: statsmodels' regressions are the witness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.tools import add_constant

from abtest import DataError, SpecError, analyze

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from abtest import Result
    from abtest.analysis.result import Record

START = pd.Timestamp("2026-01-05 10:00")
DAY = pd.Timedelta(days=1)
KEYS = ["control", "coupon", "gift"]
COVARIATES: dict[str, Any] = {
    "orders": {"kind": "count", "events": "orders", "window": {"start": "-90d", "end": "0d"}},
    "spent_before": {"kind": "sum", "events": "orders", "window": {"start": "-90d", "end": "0d"}},
    "age": {"kind": "column", "column": "age"},
}
METRICS: list[dict[str, Any]] = [
    {"key": "bought", "kind": "conversion", "role": "primary"},
    {"key": "revenue", "kind": "sum"},
    # Like the covariate and like columns of the package: no name may be taken for another.
    {"key": "orders", "kind": "count"},
]
METRICS = [{**metric, "events": "orders", "window": {"end": "30d"}} for metric in METRICS]
RATIO = {"key": "order_value", "kind": "ratio", "numerator": "revenue", "denominator": "orders"}


@dataclass
class Trial:
    """The tables of an experiment, and its outcomes and covariates counted by hand."""

    assignments: pd.DataFrame
    units: pd.DataFrame
    orders: pd.DataFrame
    outcomes: pd.DataFrame

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        return {"assignments": self.assignments, "units": self.units, "orders": self.orders}


def a_trial(variants: Sequence[str], n: int = 240, seed: int = 3) -> Trial:
    """Orders before and after the assignment; ages that some units do not have."""
    rng = np.random.default_rng(seed)
    rows, orders, units = [], [], []
    for unit in range(n):
        place = int(rng.integers(len(variants)))
        habit = rng.gamma(2.0, 1.0)
        at = START + DAY * float(rng.uniform(0, 5))
        age = 20 + 10 * habit + rng.normal(0, 5)
        row: dict[str, Any] = {"id": unit, "variant": variants[place], "assigned_at": at}
        counted = {"bought": 0.0, "revenue": 0.0, "orders": 0.0, "orders_before": 0.0}
        counted |= {"spent_before": 0.0}
        for _ in range(rng.poisson(habit)):
            amount = round(float(rng.gamma(3, 10)), 2)
            orders.append((unit, at - DAY * float(rng.uniform(0.01, 89)), amount))
            counted["orders_before"] += 1
            counted["spent_before"] += amount
        orders.append((unit, at - 95 * DAY, 1_000.0))  # too long ago
        for _ in range(rng.poisson(habit * (0.4 + 0.2 * place))):
            amount = round(float(rng.gamma(3, 10 + place)), 2)
            orders.append((unit, at + DAY * float(rng.uniform(0, 29.9)), amount))
            counted["bought"] = 1.0
            counted["orders"] += 1
            counted["revenue"] += amount
        known = rng.random() > 0.15
        if unit % 20:  # some have no row in the table of units
            units.append((unit, age if known else None))
        rows.append({**row, **counted, "age": age if known and unit % 20 else math.nan})
    outcomes = pd.DataFrame(rows)
    return Trial(
        outcomes[["id", "variant", "assigned_at"]],
        pd.DataFrame(units, columns=["id", "age"]),
        pd.DataFrame(orders, columns=["id", "at", "amount"]),
        outcomes,
    )


def spec_of(variants: Sequence[str], adjust: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "adjusted",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": key, "control": key == "control"} for key in variants],
        "data": {
            "as_of": "2026-03-01",
            "assignments": {"path": "a.csv"},
            "units": {"path": "u.csv"},
            "events": {"orders": {"path": "o.csv", "at": "at", "value": "amount"}},
        },
        "covariates": COVARIATES,
        "metrics": [*METRICS, RATIO],
        "analysis": {"covariates": list(adjust)},
        **more,
    }


def record(result: Result, metric: str, variant: str) -> Record:
    return next(r for r in result.results if (r.metric, r.variant) == (metric, variant))


def history(outcomes: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """The columns to adjust for: a gap is the mean of what is known, with a mark beside it."""
    columns = {}
    for name in covariates:
        values = outcomes["orders_before" if name == "orders" else name]
        columns[name] = values.fillna(values.mean())
        if values.isna().any():
            columns[f"{name}:missing"] = values.isna().astype(float)
    return pd.DataFrame(columns)


def by_statsmodels(y: pd.Series, x: pd.DataFrame, variant: pd.Series) -> dict[str, Any]:
    """One regression per variant on centred covariates: intercepts, and their covariances.

    The interacted regression is the same in one piece; see ``interacted``.
    """
    centred = add_constant(x - x.mean())
    fits = {key: OLS(y[variant == key], centred[variant == key]).fit() for key in set(variant)}
    spread = x.cov().to_numpy() / len(x)
    slopes = {key: fit.params.to_numpy()[1:] for key, fit in fits.items()}
    found: dict[str, Any] = {}
    for key in fits:
        gap = slopes[key] - slopes["control"]
        own = sum(fits[one].scale / fits[one].nobs for one in (key, "control"))
        found[key] = {
            "value": fits[key].params.iloc[0],
            "difference": fits[key].params.iloc[0] - fits["control"].params.iloc[0],
            "se": math.sqrt(own + gap @ spread @ gap),
        }
    return found


def interacted(y: pd.Series, x: pd.DataFrame, variant: pd.Series, key: str) -> float:
    """Lin's (2013) regression of all units: the coefficient of the variant's indicator."""
    centred = x - x.mean()
    design = {"const": pd.Series(1.0, x.index), **dict(centred.items())}
    for other in sorted(set(variant) - {"control"}):
        indicator = (variant == other).astype(float)
        design[other] = indicator
        design |= {f"{other} {name}": column * indicator for name, column in centred.items()}
    return float(OLS(y, pd.DataFrame(design)).fit().params[key])


def values(outcomes: pd.DataFrame, metric: str) -> pd.Series:
    """What is regressed: the outcome, or a ratio's linearised values in each variant."""
    if metric != "order_value":
        return outcomes[metric]
    groups = outcomes.groupby("variant")
    mean_y, mean_x = (groups[name].transform("mean") for name in ("revenue", "orders"))
    return mean_y / mean_x + (outcomes.revenue - mean_y / mean_x * outcomes.orders) / mean_x


@pytest.mark.parametrize("variants", [KEYS[:2], KEYS])
@pytest.mark.parametrize(
    "covariates", [["orders"], ["age"], ["spent_before", "age"], ["orders", "spent_before", "age"]]
)
def test_adjusted_values_are_those_of_statsmodels(
    variants: list[str], covariates: list[str]
) -> None:
    trial = a_trial(variants)
    result = analyze(spec_of(variants, covariates), data=trial.frames)
    x = history(trial.outcomes, covariates)
    for metric in ("bought", "revenue", "orders", "order_value"):
        y = values(trial.outcomes, metric)
        wanted = by_statsmodels(y, x, trial.outcomes.variant)
        for variant in variants[1:]:
            found = record(result, metric, variant)
            assert found.method == "regression_adjustment"
            assert found.difference == pytest.approx(wanted[variant]["difference"], rel=1e-9)
            assert found.se == pytest.approx(wanted[variant]["se"], rel=1e-9)
            assert found.value == pytest.approx(wanted[variant]["value"], rel=1e-9)
            assert found.value_control == pytest.approx(wanted["control"]["value"], rel=1e-9)
            at_once = interacted(y, x, trial.outcomes.variant, variant)
            assert found.difference == pytest.approx(at_once, rel=1e-9)
            means = y.groupby(trial.outcomes.variant).mean()
            assert found.unadjusted_difference == pytest.approx(
                means[variant] - means["control"], rel=1e-9
            )
            assert found.variance_reduction == pytest.approx(
                1 - (wanted[variant]["se"] / (found.unadjusted_se or 0)) ** 2, rel=1e-9
            )


def test_the_reading_of_bayes_takes_the_adjusted_errors() -> None:
    """A flat prior gives back the estimate: posterior and test then say the same."""
    trial = a_trial(KEYS[:2], n=2_000)
    spec = spec_of(KEYS[:2], ["orders", "age"])
    spec["analysis"]["bayes"] = {"prior": {"log_lift": {"mean": 0, "sd": 50}}}
    found = record(analyze(spec, data=trial.frames), "revenue", "coupon")
    assert found.posterior_lift == pytest.approx(found.lift, rel=0.02)
    assert found.posterior_lift_low == pytest.approx(found.lift_ci_low, rel=0.05)
    assert found.posterior_lift_high == pytest.approx(found.lift_ci_high, rel=0.05)


def test_the_order_of_covariates_changes_no_digit() -> None:
    trial = a_trial(KEYS)
    names = ["orders", "age", "spent_before"]
    results = [
        analyze(spec_of(KEYS, order), data=trial.frames).results for order in (names, names[::-1])
    ]
    for one, other in zip(*results, strict=True):
        assert one.difference == pytest.approx(other.difference, rel=1e-12)
        assert one.se == pytest.approx(other.se, rel=1e-12)
        assert one.notes == other.notes


@pytest.mark.parametrize("engine", ["polars", "pandas"])
def test_files_and_engines_give_the_same(tmp_path: Path, engine: str) -> None:
    trial = a_trial(KEYS)
    spec = spec_of(KEYS, ["orders", "age"])
    paths = {name: str(tmp_path / f"{name}.csv") for name in trial.frames}
    for name, frame in trial.frames.items():
        frame.to_csv(paths[name], index=False)
    first = analyze(spec, data=trial.frames).results
    for other in (analyze(spec, data=paths), analyze(spec, data=paths, engine=engine)):
        for one, two in zip(first, other.results, strict=True):
            assert one.difference == pytest.approx(two.difference, rel=1e-9)
            assert one.se == pytest.approx(two.se, rel=1e-9)
            assert one.n == two.n


@pytest.mark.parametrize("name", ["variant", "unit", "late", "anchor", "stratum", "bought", "n"])
def test_a_covariate_may_be_called_like_anything(name: str) -> None:
    trial = a_trial(KEYS[:2])
    plain = analyze(spec_of(KEYS[:2], ["spent_before"]), data=trial.frames).results
    renamed = spec_of(KEYS[:2], [name], covariates={name: COVARIATES["spent_before"]})
    found = analyze(renamed, data=trial.frames).results
    assert [r.difference for r in found] == [r.difference for r in plain]
    column = spec_of(KEYS[:2], [name], covariates={name: COVARIATES["age"]})
    by_age = analyze(spec_of(KEYS[:2], ["age"]), data=trial.frames).results
    again = analyze(column, data=trial.frames).results
    assert [r.difference for r in again] == [r.difference for r in by_age]


def test_a_method_of_the_spec_is_not_replaced_by_an_adjustment() -> None:
    trial = a_trial(KEYS[:2])
    spec = spec_of(KEYS[:2], ["orders"])
    spec["analysis"]["methods"] = {"bought": {"kind": "newcombe"}}
    result = analyze(spec, data=trial.frames)
    bought, revenue = (record(result, metric, "coupon") for metric in ("bought", "revenue"))
    assert (bought.method, revenue.method) == ("newcombe", "regression_adjustment")
    assert "Not adjusted for covariates: newcombe does not." in bought.notes
    assert bought.unadjusted_difference is None
    assert not any("Not adjusted for covariates" in note for note in revenue.notes)


def test_one_variant_has_nothing_to_adjust() -> None:
    trial = a_trial(["everyone"])
    for assignments in ({"path": "a.csv"}, {"from_events": "orders"}):
        spec = spec_of(["everyone"], ["orders", "age"])
        spec["variants"] = [{"key": "everyone"}]
        spec["data"]["assignments"] = assignments
        frames = {
            k: v for k, v in trial.frames.items() if k != "assignments" or "path" in assignments
        }
        found = analyze(spec, data=frames).results[0]
        assert (found.n, found.variance_reduction) == (240, None)


def test_units_that_are_in_the_table_twice_are_refused() -> None:
    trial = a_trial(KEYS[:2])
    frames = {**trial.frames, "units": pd.concat([trial.units, trial.units.head(3)])}
    with pytest.raises(DataError, match="3 more rows than units"):
        analyze(spec_of(KEYS[:2], ["age"]), data=frames)


def test_a_covariate_is_named_once() -> None:
    with pytest.raises(SpecError, match=r"analysis\.covariates\.1: is 'age' once more"):
        analyze(spec_of(KEYS[:2], ["age", "age"]), data=a_trial(KEYS[:2]).frames)


def test_a_variant_without_mature_units_leaves_the_others_adjusted() -> None:
    trial = a_trial(KEYS)
    late = trial.assignments.copy()
    late.loc[late.variant == "gift", "assigned_at"] = pd.Timestamp("2026-02-20")
    result = analyze(spec_of(KEYS, ["age"]), data={**trial.frames, "assignments": late})
    two = trial.outcomes[trial.outcomes.variant != "gift"]
    wanted = by_statsmodels(two.revenue, history(two, ["age"]), two.variant)
    coupon, gift = (record(result, "revenue", variant) for variant in KEYS[1:])
    assert coupon.difference == pytest.approx(wanted["coupon"]["difference"], rel=1e-9)
    assert coupon.se == pytest.approx(wanted["coupon"]["se"], rel=1e-9)
    assert (gift.n, gift.difference, gift.pvalue) == (0, None, None)
    assert any("no observed units" in note for note in gift.notes)


def test_hillstrom_gains_next_to_nothing(shared_data: Path) -> None:
    """The numbers of the data's README unadjusted; history hardly correlates with spend."""
    spec = {
        "spec": "abtest/v1",
        "key": "hillstrom",
        "kind": "messaging",
        "unit": None,
        "variants": [
            {"key": "No E-Mail", "control": True},
            {"key": "Mens E-Mail"},
            {"key": "Womens E-Mail"},
        ],
        "data": {"units": {"path": str(shared_data / "hillstrom.csv"), "variant": "segment"}},
        "covariates": {name: {"kind": "column", "column": name} for name in ("recency", "history")},
        "metrics": [
            {"key": "visit", "kind": "proportion", "column": "visit", "role": "primary"},
            {"key": "spend", "kind": "mean", "column": "spend"},
        ],
        "analysis": {"covariates": ["recency", "history"]},
    }
    result = analyze(spec)
    data = pd.read_csv(shared_data / "hillstrom.csv")
    variant = data.segment.replace({"No E-Mail": "control"})
    readme = {
        ("visit", "Mens E-Mail"): 0.076589564,
        ("visit", "Womens E-Mail"): 0.045233107,
        ("spend", "Mens E-Mail"): 0.769827156,
        ("spend", "Womens E-Mail"): 0.424412216,
    }
    errors = {"Mens E-Mail": 0.145246560, "Womens E-Mail": 0.130332859}
    for (metric, key), difference in readme.items():
        found = record(result, metric, key)
        wanted = by_statsmodels(data[metric], data[["recency", "history"]], variant)[key]
        assert found.unadjusted_difference == pytest.approx(difference, abs=5e-10)
        assert found.difference == pytest.approx(wanted["difference"], rel=1e-9)
        assert found.se == pytest.approx(wanted["se"], rel=1e-9)
        if metric == "spend":
            assert found.unadjusted_se == pytest.approx(errors[key], abs=5e-10)
            assert found.variance_reduction is not None
            assert 0 < found.variance_reduction < 0.002
