"""Whole households or stores in one variant: analysed by cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare
from statsmodels.regression.linear_model import OLS

from abtest import DataError, Result, SpecError, analyze
from abtest.spec.assignable import experiment_of
from abtest.spec.load import parse_spec
from abtest.stats.adjustment.co_moments import Columns
from abtest.stats.clusters.adjustment import ClusterHistory, adjust_clusters
from abtest.stats.clusters.cr2 import Clusters, cluster_robust
from analysis.by_hand import (
    CONVERSION,
    START,
    WON,
    assigned,
    check_of,
    run_log,
    run_units,
    spec_for,
)

if TYPE_CHECKING:
    from pathlib import Path

HOME = ("id", "variant", "assigned_at", "home")
SPEND: dict[str, Any] = {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
SHARE = {**WON, "role": "secondary"}
PER_ORDER: dict[str, Any] = {
    "key": "per_order",
    "kind": "ratio",
    "numerator": "spend",
    "denominator": "orders",
}


def households(seed: int = 5) -> pd.DataFrame:
    """Customers of 24 households of 1 to 6, with a share of their spend in common."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, 24)
    home = np.repeat(np.arange(24), sizes)
    common = rng.gamma(4, 10, 24)[home]
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(len(home))],
            "home": [f"h{i}" for i in home],
            "variant": np.where(home % 2, "coupon", "control"),
            "spend": common + rng.gamma(2, 5, len(home)),
            "orders": rng.integers(1, 5, len(home)).astype(float),
            "won": rng.integers(0, 2, len(home)),
        }
    )


def sums(frame: pd.DataFrame, variant: str, y: str, x: str | None = None) -> Clusters:
    """By pandas, from the same rows."""
    groups = frame[frame["variant"] == variant].groupby("home")
    sizes = groups.size()
    below = sizes if x is None else groups[x].sum()
    return Clusters(
        tuple(map(int, sizes)), tuple(map(float, groups[y].sum())), tuple(map(float, below))
    )


def by_store(golden_data: Path, metric: dict[str, Any], **more: Any) -> Result:
    data = {"units": {"path": str(golden_data / "clusters.csv"), "variant": "arm"}}
    variants = [{"key": "control", "control": True}, {"key": "treatment"}]
    keys = {"unit": None, "cluster": "store_id", "variants": variants, **more}
    return analyze(spec_for(data, [metric], **keys))


def test_the_stores_of_the_reference_data(golden_data: Path) -> None:
    """R's clubSandwich: se 2.5968, df 10.7, p 0.2838. statsmodels' CR1 has se 2.4805."""
    result = by_store(golden_data, SPEND)
    found = result.results[0]
    assert found.method == "cluster_robust"
    assert found.se == pytest.approx(2.5968, abs=5e-5)
    assert found.df == pytest.approx(10.7, abs=0.05)
    assert found.pvalue == pytest.approx(0.2838, abs=5e-5)
    frame = pd.read_csv(golden_data / "clusters.csv")
    treated = (frame["arm"] == "treatment").to_numpy(float)
    design = np.column_stack([np.ones(len(frame)), treated])
    groups = np.unique(frame["store_id"], return_inverse=True)[1]
    fit = OLS(frame["spend"].to_numpy(), design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    assert found.difference == pytest.approx(fit.params[1], rel=1e-10)
    assert fit.bse[1] == pytest.approx(2.4805, abs=5e-5)
    assert found.se > fit.bse[1]
    assert (found.n_control, found.n) == tuple(frame.groupby("arm").size())
    assert any("has only 7 clusters" in note for note in found.notes)


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
def test_means_shares_and_ratios_by_household(engine: str) -> None:
    """The engine's sums are those of pandas; the comparison of sums has witnesses of its own."""
    frame = households()
    metrics = [SPEND, SHARE, {"key": "orders", "kind": "mean", "column": "orders"}, PER_ORDER]
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    spec = spec_for(data, metrics, cluster="home")
    result = analyze(spec, data={"units": frame}, engine=engine)
    wanted = {
        "spend": ("spend", None),
        "won": ("won", None),
        "orders": ("orders", None),
        "per_order": ("spend", "orders"),
    }
    for record in result.results:
        y, x = wanted[record.metric]
        by_hand = cluster_robust(sums(frame, "control", y, x), sums(frame, "coupon", y, x))
        assert record.pvalue == pytest.approx(by_hand.pvalue, rel=1e-9), record.metric
        assert record.se == pytest.approx(by_hand.se, rel=1e-9), record.metric
        assert record.method == "cluster_robust"
        assert record.log_lift is not None
        assert record.bayes_model == "normal_log_lift"


def test_units_alone_are_analysed_as_before() -> None:
    """A cluster of each unit's own is the plain comparison but for how df are found."""
    frame = households().assign(home=lambda rows: rows["id"])
    plain = run_units(frame, metrics=[SPEND]).results[0]
    alone = run_units(frame, metrics=[SPEND], cluster="home").results[0]
    assert alone.difference == pytest.approx(plain.difference, rel=1e-12)
    assert alone.se == pytest.approx(plain.se, rel=1e-12)


def test_the_split_is_one_of_clusters() -> None:
    frame = households()
    result = run_units(frame, metrics=[SPEND], cluster="home")
    check = check_of(result, "sample_ratio")
    assert check.details["counts"] == [12, 12]
    assert check.message.startswith("The split of clusters is what was planned")
    frame = frame[(frame["variant"] == "control") | (frame["home"].isin(["h1", "h3"]))]
    check = check_of(run_units(frame, metrics=[SPEND], cluster="home"), "sample_ratio")
    assert check.details["pvalue"] == pytest.approx(chisquare([12, 2]).pvalue, rel=1e-9)


def test_a_cluster_in_two_variants_is_analysed_in_its_first() -> None:
    """h's second customer came later and was logged elsewhere: the household stays where it was."""
    rows = [
        ("a", "coupon", "2026-01-05", "h"),
        ("b", "control", "2026-01-06", "h"),
        ("c", "control", START, "i"),
        ("d", "coupon", START, "j"),
    ]
    result = run_log(rows, columns=HOME, cluster="home")
    assert assigned(result) == {"control": 1, "coupon": 3}
    check = check_of(result, "crossover")
    assert (check.status, check.details["clusters"], check.details["crossed"]) == ("fail", 3, 1)
    assert "1 of 3 clusters (33.33%) are in two variants; they are analysed in the first" in (
        check.message
    )
    assert check_of(result, "sample_ratio").details["counts"] == [1, 2]


def test_excluded_and_timeless_clusters_are_left_out() -> None:
    rows = [("a", "coupon", START, "h"), ("b", "control", START, "h")]
    rows += [("c", "control", START, "i"), ("d", "coupon", START, "j")]
    result = run_log(rows, columns=HOME, cluster="home", data={"crossover": "exclude"})
    assert assigned(result) == {"control": 1, "coupon": 1}
    assert "are in two variants; they are left out" in check_of(result, "crossover").message
    frame = pd.DataFrame(
        [
            *(("a", "coupon", "h", 1), ("b", "control", "h", 0)),
            *(("c", "control", "i", 1), ("d", "coupon", "j", 0)),
        ],
        columns=["id", "variant", "home", "won"],
    )
    result = run_units(frame, cluster="home")
    assert assigned(result) == {"control": 1, "coupon": 1}
    assert check_of(result, "crossover").details["crossed"] == 1


def test_the_hash_of_the_cluster_says_where_it_belongs() -> None:
    """The household's id is what was hashed; the wrong log came first."""
    split: dict[str, Any] = {"assignment": {"seed": "s"}, "cluster": "home"}
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    experiment = experiment_of(parse_spec(spec_for(data, [WON], **split)).spec)
    home = next(f"h{i}" for i in range(99) if experiment.variant(f"h{i}") == "control")
    rows = [("a", "coupon", "2026-01-05", home), ("b", "control", "2026-01-06", home)]
    rows += [("c", "control", START, "i"), ("d", "coupon", START, "j")]
    result = run_log(rows, columns=HOME, **split)
    assert assigned(result) == {"control": 3, "coupon": 1}
    message = check_of(result, "crossover").message
    assert "they are analysed in the variant of the hash" in message


def test_events_by_household() -> None:
    """Clusters from the assignments and from data.units give the same numbers."""
    rng = np.random.default_rng(8)
    frame = households(8)
    rows = [(i, v, START) for i, v in zip(frame["id"], frame["variant"], strict=True)]
    buyers = rng.choice(frame["id"], 30, replace=False)
    orders = [(unit, "2026-01-10", None, 10.0) for unit in buyers]
    longer = [(*row, home) for row, home in zip(rows, frame["home"], strict=True)]
    there = run_log(longer, orders, columns=HOME, cluster="home")
    units = frame[["id", "home"]]
    tables = {
        "as_of": "2026-03-01",
        "assignments": {"path": "assignments.csv"},
        "events": {"orders": {"path": "orders.csv", "at": "at"}},
        "units": {"path": "units.csv"},
    }
    frames = {
        "assignments": pd.DataFrame(rows, columns=["id", "variant", "assigned_at"]),
        "orders": pd.DataFrame(orders, columns=["id", "at", "order", "amount"]),
        "units": units,
    }
    joined = analyze(spec_for(tables, [CONVERSION], cluster="home"), data=frames)
    assert joined.results == there.results
    bought = frame.assign(won=frame["id"].isin(buyers).astype(int))
    by_hand = cluster_robust(sums(bought, "control", "won"), sums(bought, "coupon", "won"))
    assert there.results[0].pvalue == pytest.approx(by_hand.pvalue, rel=1e-9)
    assert there.results[0].n == (frame["variant"] == "coupon").sum()


def test_units_that_are_not_ripe_take_no_part_in_their_cluster() -> None:
    rows = [("a", "control", START, "h"), ("b", "control", "2026-02-20", "h")]
    rows += [("c", "control", START, "i"), ("d", "coupon", START, "j")]
    result = run_log(rows, columns=HOME, cluster="home").results[0]
    assert (result.n_control, result.n_immature_control) == (2, 1)


def test_clusters_that_cannot_be() -> None:
    rows = [("a", "control", START, "h"), ("b", "coupon", START, None)]
    with pytest.raises(DataError, match=r"1 rows have no home, the cluster\n.*own id"):
        run_log(rows, columns=HOME, cluster="home")
    rows = [("a", "control", START, "h"), ("a", "control", START, "i"), ("b", "coupon", START, "j")]
    with pytest.raises(DataError, match="1 units are in more than one cluster"):
        run_log(rows, columns=HOME, cluster="home")
    with pytest.raises(DataError, match=r"neither the assignments nor data.units have a column"):
        run_log([row[:3] for row in rows], cluster="home")
    with pytest.raises(SpecError, match="cluster: is 'house', which is no column"):
        run_units(households(), metrics=[SPEND], cluster="house")


def test_what_has_no_analysis_by_cluster_is_refused() -> None:
    median = {"key": "m", "kind": "quantile", "column": "spend", "role": "primary"}
    with pytest.raises(SpecError, match=r"metrics.0: is not analysed by cluster .*\n.*take it out"):
        run_units(households(), metrics=[median], cluster="home")


def with_history(frame: pd.DataFrame, variant: str, y: str, x: str | None) -> ClusterHistory:
    """By pandas: sums of what was known, with 0 and a mark where nothing was."""
    known = frame.assign(gone=frame["before"].isna().astype(float)).fillna({"before": 0.0})
    rows = known[known["variant"] == variant].groupby("home")[["before", "gone"]].sum()
    columns = Columns(("y",), ("before",), ("before",))
    history = tuple((float(before), float(gone)) for before, gone in rows.to_numpy())
    return ClusterHistory(columns, sums(frame, variant, y, x), history)


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
def test_households_are_adjusted_by_their_sums(engine: str) -> None:
    """The engine's sums are those of pandas; what is made of them has witnesses of its own."""
    frame = households()
    rng = np.random.default_rng(9)
    frame["before"] = frame["spend"] / 2 + rng.normal(0, 5, len(frame))
    frame.loc[rng.random(len(frame)) < 0.2, "before"] = None
    metrics = [SPEND, SHARE, {"key": "orders", "kind": "mean", "column": "orders"}, PER_ORDER]
    more = {
        "cluster": "home",
        "covariates": {"before": {"kind": "column", "column": "before"}},
        "analysis": {"covariates": ["before"]},
    }
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    result = analyze(spec_for(data, metrics, **more), data={"units": frame}, engine=engine)
    wanted = {
        "spend": ("spend", None),
        "won": ("won", None),
        "orders": ("orders", None),
        "per_order": ("spend", "orders"),
    }
    for record in result.results:
        y, x = wanted[record.metric]
        found = adjust_clusters(
            {key: with_history(frame, key, y, x) for key in ("control", "coupon")}
        ).compare("control", "coupon")
        assert record.method == "regression_adjustment"
        assert record.difference == pytest.approx(found.comparison.difference, rel=1e-9)
        assert record.se == pytest.approx(found.comparison.se, rel=1e-7)
        assert record.df == pytest.approx(found.comparison.df, rel=1e-7)
        assert record.variance_reduction == pytest.approx(found.variance_reduction, abs=1e-7)
        plain = cluster_robust(sums(frame, "control", y, x), sums(frame, "coupon", y, x))
        assert record.unadjusted_se == pytest.approx(plain.se, rel=1e-9)
        assert record.n == (frame["variant"] == "coupon").sum()
    gain = next(r for r in result.results if r.metric == "spend").variance_reduction
    assert gain is not None
    assert gain > 0.5


def test_what_a_household_ordered_before_is_a_covariate() -> None:
    rows, orders = [], []
    rng = np.random.default_rng(12)
    for home in range(20):
        variant = "coupon" if home % 2 else "control"
        for person in range(int(rng.integers(1, 5))):
            unit = f"c{home}-{person}"
            rows.append((unit, variant, START, f"h{home}"))
            earlier = int(rng.poisson(1 + home / 5))
            orders += [(unit, "2026-01-01", None, 1.0)] * earlier
            orders += [(unit, "2026-01-08", None, 1.0)] * int(rng.poisson(earlier + 1))
    count = {"key": "orders_30d", "kind": "count", "events": "orders", "window": {"end": "30d"}}
    found = run_log(
        rows,
        orders,
        columns=HOME,
        cluster="home",
        metrics=[{**count, "role": "primary"}],
        covariates={
            "before": {
                "kind": "count",
                "events": "orders",
                "window": {"start": "-30d", "end": "0d"},
            }
        },
        analysis={"covariates": ["before"]},
    ).results[0]
    assert found.method == "regression_adjustment"
    assert found.variance_reduction is not None
    assert found.variance_reduction > 0.3


def test_only_one_method_fits_clusters() -> None:
    with pytest.raises(SpecError, match=r"methods.spend: is welch, which does not fit a mean"):
        run_units(
            households(),
            metrics=[SPEND],
            cluster="home",
            analysis={"methods": {"spend": {"kind": "welch"}}},
        )
    named = {"methods": {"spend": {"kind": "cluster_robust"}}}
    found = run_units(households(), metrics=[SPEND], cluster="home", analysis=named)
    assert found.results[0].method == "cluster_robust"
    with pytest.raises(SpecError, match=r"methods.spend: is cluster_robust, which does not fit"):
        run_units(households(), metrics=[SPEND], analysis=named)
