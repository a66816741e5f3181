"""Balance of a list beforehand, the best of several seeds, and the analysis that allows for it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from abtest.errors import AbtestError
from abtest.spec import load_spec
from abtest.spec.seed_text import with_seed
from abtest.spec.variants import Rerandomised
from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.health.balance import omnibus
from command_line import run

SPEC = """\
spec: abtest/v1
key: winback
kind: messaging
unit: customer_id
variants: [{key: control, control: true}, {key: coupon}]
schedule: {start: 2026-01-05, enrol_until: 2026-01-19}
ASSIGNMENT
data:
  as_of: 2026-03-01
  assignments: {path: assignments.csv}
  units: {path: customers.csv}
  events:
    orders: {path: orders.csv, at: ordered_at}
covariates:
  age: {kind: column, column: age}
  orders_before: {kind: count, events: orders, window: {start: -90d, end: 0d}}
metrics:
  - {key: bought, kind: conversion, events: orders, window: {end: 30d}, role: primary}
analysis: {covariates: [age, orders_before]}
"""
CHOSEN = Rerandomised.model_validate(
    {"from": "winback", "seeds": 5, "covariates": ("age",), "distance": 0.5}
)


def written(folder: Path, assignment: str = "") -> Path:
    path = folder / "experiment.yaml"
    path.write_text(SPEC.replace("ASSIGNMENT", assignment), encoding="utf-8")
    random = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(400)],
            "age": random.normal(40, 12, 400).round(1),
            "orders_before": random.poisson(2, 400),
        }
    )
    frame.to_csv(folder / "customers.csv", index=False)
    return path


def balance(spec: Path, *more: str) -> Any:
    customers = spec.parent / "customers.csv"
    found = run("plan", spec, "--customers", customers, "-f", "json", *more).worked()
    return json.loads(found.out)["balance"]


def test_balance_of_the_specs_own_seed(tmp_path: Path) -> None:
    """Differences by hand on the list that `abtest assign` writes; F by statsmodels."""
    spec = written(tmp_path)
    customers, out = tmp_path / "customers.csv", tmp_path / "list.csv"
    run("assign", spec, "--customers", customers, "--at", "2026-01-05", "-o", out).worked()
    frame = pd.read_csv(out)
    told = balance(spec)
    (variant,) = told["variants"]
    groups = frame.groupby("variant")
    age = next(one for one in variant["covariates"] if one["covariate"] == "age")
    assert age["mean"] == pytest.approx(groups["age"].mean()["coupon"])
    gap = groups["age"].mean()["coupon"] - groups["age"].mean()["control"]
    assert age["standardized_difference"] == pytest.approx(
        gap / math.sqrt(groups["age"].var().mean())
    )
    x = sm.add_constant(frame[["age", "orders_before"]])
    fitted = sm.OLS((frame["variant"] == "coupon").astype(float), x).fit()
    assert variant["pvalue"] == pytest.approx(fitted.f_pvalue)
    assert told["distance"] == pytest.approx((len(frame) - 1) * fitted.rsquared)


def test_the_best_of_several_seeds_goes_into_the_spec(tmp_path: Path) -> None:
    spec, out = written(tmp_path, "assignment: {seed: winback-1}  # ours"), tmp_path / "new.yaml"
    own = balance(spec)
    told = balance(spec, "--seeds", "8", "-o", str(out))
    assert told["seeds"] == 8
    assert told["own_distance"] == own["distance"]
    assert told["distance"] < own["distance"]
    text = out.read_text(encoding="utf-8")
    assert "# ours" in text
    loaded = load_spec(out).spec
    assert loaded.seed == told["seed"]
    assert loaded.seed.startswith("winback-1-r")
    chosen = loaded.assignment.rerandomised
    assert chosen is not None
    assert (chosen.from_, chosen.seeds) == ("winback-1", 8)
    assert chosen.covariates == ("age", "orders_before")
    assert balance(out)["distance"] == pytest.approx(told["distance"])
    again = run("plan", out, "--customers", tmp_path / "customers.csv", "--seeds", "3")
    assert "the spec's seed was chosen already" in again.failed()


@pytest.mark.parametrize(
    "assignment",
    [
        "",
        "assignment: {coverage: 1.0}",
        "assignment:\n  # which part\n  coverage: 1.0\n  seed: old  # the first",
        "assignment:\n  seed: 'old'",
    ],
)
def test_where_the_seed_is_put(assignment: str, tmp_path: Path) -> None:
    text = SPEC.replace("ASSIGNMENT", assignment)
    path = tmp_path / "new.yaml"
    path.write_text(with_seed(text, "new-r2", CHOSEN), encoding="utf-8")
    assert load_spec(path).spec.seed == "new-r2"
    assert "# which part" not in assignment or "# which part" in path.read_text(encoding="utf-8")


def test_an_alias_is_left_alone() -> None:
    text = SPEC.replace("ASSIGNMENT", "assignment: {}")
    with pytest.raises(AbtestError, match="the seed cannot be put in"):
        with_seed(text, "new", CHOSEN)


def test_what_was_balanced_must_be_adjusted_for(tmp_path: Path) -> None:
    block = (
        "assignment: {seed: a-r2, rerandomised: "
        "{from: a, seeds: 2, covariates: [tenure], distance: 0.1}}"
    )
    found = run("validate", written(tmp_path, block)).failed()
    assert "names 'tenure', which analysis.covariates does not" in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("covariates: [age, orders_before]", "covariates: []", "adjusts for no covariates"),
        ("column: age", "column: tenure", "has no column 'tenure' for covariate age"),
        ("unit: customer_id", "unit: customer_id\ncluster: home", "the spec splits clusters"),
    ],
)
def test_what_cannot_be_balanced(tmp_path: Path, old: str, new: str, message: str) -> None:
    spec = written(tmp_path)
    spec.write_text(spec.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    found = run("plan", spec, "--customers", tmp_path / "customers.csv")
    assert message in found.failed()


def test_seeds_need_a_list(tmp_path: Path) -> None:
    assert run("plan", written(tmp_path), "--seeds", "3").failed(2)


def error_rates(runs: int, seeds: int) -> tuple[float, float]:
    """How often an adjusted and a plain test reject where nothing differs, best of some splits."""
    random = np.random.default_rng(12)
    n, columns = 120, Columns(("y",), ("x",))
    x = random.normal(0, 1, n)
    rejected = np.zeros(2)
    for _ in range(runs):
        y = 2 * x + random.normal(0, 1, n)
        rows = np.column_stack([y, x])
        splits = [random.permutation(n) < n // 2 for _ in range(seeds)]
        sides = [
            {"a": from_rows(columns, rows[~one]), "b": from_rows(columns, rows[one])}
            for one in splits
        ]
        tests = [omnibus(side["a"], side["b"]) for side in sides]
        distances = [math.inf if test is None else test.chi_square for test in tests]
        best = int(np.argmin(distances))
        adjusted = adjust_means(sides[best]).compare("a", "b").comparison.pvalue
        treated, control = y[splits[best]], y[~splits[best]]
        se = math.sqrt(treated.var(ddof=1) * 2 / n + control.var(ddof=1) * 2 / n)
        plain = abs(treated.mean() - control.mean()) / se > 1.98
        rejected += [(adjusted or 1.0) < 0.05, plain]
    return float(rejected[0] / runs), float(rejected[1] / runs)


def test_the_adjusted_test_keeps_its_error_rate_and_the_plain_one_is_conservative() -> None:
    adjusted, plain = error_rates(150, 4)
    assert adjusted <= 0.05 + 3 * math.sqrt(0.0475 / 150)
    assert plain <= 0.05


@pytest.mark.slow
def test_the_adjusted_test_keeps_its_error_rate() -> None:
    adjusted, plain = error_rates(10_000, 10)
    assert adjusted == pytest.approx(0.05, abs=3 * math.sqrt(0.0475 / 10_000))
    assert plain < 0.01
