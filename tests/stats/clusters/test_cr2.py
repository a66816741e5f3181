from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t as student
from scipy.stats import ttest_ind
from statsmodels.regression.linear_model import OLS

from abtest.stats.clusters.cr2 import Clusters, cluster_estimate, cluster_level, cluster_robust

if TYPE_CHECKING:
    from pathlib import Path

Floats = NDArray[np.float64]
clusters = st.lists(
    st.tuples(st.integers(1, 9), st.floats(0, 500).map(lambda v: round(v, 2))),
    min_size=2,
    max_size=12,
).map(
    lambda rows: Clusters(
        tuple(size for size, _ in rows),
        tuple(total for _, total in rows),
        tuple(float(size) for size, _ in rows),
    )
)
pytestmark = pytest.mark.filterwarnings("error")


def summarise(values: Floats, cluster: NDArray[Any], weights: Floats | None = None) -> Clusters:
    weights = np.ones(len(values)) if weights is None else weights
    keys, places, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    totals = np.bincount(places, values, len(keys))
    return Clusters(
        tuple(sizes.tolist()),
        tuple(totals.tolist()),
        tuple(np.bincount(places, weights, len(keys)).tolist()),
    )


def textbook(values: Floats, treated: Floats, cluster: NDArray[Any]) -> dict[str, float]:
    """CR2 and its degrees of freedom by the matrices of Imbens & Kolesar (2016), section 4."""
    design = np.column_stack([np.ones(len(values)), treated])
    bread = np.linalg.inv(design.T @ design)
    slope = bread @ design.T @ values
    hat = design @ bread @ design.T
    maker = np.eye(len(values)) - hat
    meat, columns = np.zeros((2, 2)), []
    for key in np.unique(cluster):
        own = cluster == key
        roots, vectors = np.linalg.eigh(maker[np.ix_(own, own)])
        inverse = np.where(roots > 1e-10, 1 / np.sqrt(np.maximum(roots, 1e-10)), 0.0)
        root = vectors @ np.diag(inverse) @ vectors.T
        score = design[own].T @ root @ (values - design @ slope)[own]
        meat += np.outer(score, score)
        columns.append(maker[:, own] @ root @ design[own] @ bread[:, 1])
    variance = (bread @ meat @ bread)[1, 1]
    products = np.column_stack(columns).T @ np.column_stack(columns)
    df = np.trace(products) ** 2 / (products**2).sum()
    pvalue = 2 * student.sf(abs(slope[1]) / math.sqrt(variance), df)
    return {"difference": slope[1], "se": math.sqrt(variance), "df": df, "pvalue": pvalue}


def stores(path: Path) -> tuple[Floats, Floats, NDArray[Any]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return (
        np.array([float(row["spend"]) for row in rows]),
        np.array([float(row["arm"] == "treatment") for row in rows]),
        np.array([row["store_id"] for row in rows]),
    )


def test_the_stores_of_the_reference_data(golden_data: Path) -> None:
    """R's clubSandwich: se 2.5968, df 10.7, p 0.2838; statsmodels' CR1 is smaller, 2.4805."""
    values, treated, store = stores(golden_data / "clusters.csv")
    control, treatment = (
        summarise(values[treated == side], store[treated == side]) for side in (0.0, 1.0)
    )
    result = cluster_robust(control, treatment)
    assert result.se == pytest.approx(2.5968, abs=5e-5)
    assert result.df == pytest.approx(10.7, abs=0.05)
    assert result.pvalue == pytest.approx(0.2838, abs=5e-5)
    wanted = textbook(values, treated, store)
    for name, value in wanted.items():
        assert getattr(result, name) == pytest.approx(value, rel=1e-10), name
    design = np.column_stack([np.ones(len(values)), treated])
    keys = np.unique(store, return_inverse=True)[1]
    fit = OLS(values, design).fit(cov_type="cluster", cov_kwds={"groups": keys})
    assert result.difference == pytest.approx(fit.params[1], rel=1e-10)
    assert fit.bse[1] == pytest.approx(2.4805, abs=5e-5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 9))
@settings(max_examples=60)
def test_the_textbook_agrees_on_any_clusters(seed: int, control: int, treatment: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, control + treatment)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    treated = (cluster >= control).astype(float)
    values = rng.normal(size=len(sizes))[cluster] + rng.normal(10, 2, len(cluster))
    one, other = (
        summarise(values[treated == side], cluster[treated == side]) for side in (0.0, 1.0)
    )
    result, wanted = cluster_robust(one, other), textbook(values, treated, cluster)
    for name, value in wanted.items():
        assert getattr(result, name) == pytest.approx(value, rel=1e-8), name


def test_orders_in_households_are_a_ratio_of_sums() -> None:
    """Revenue per order with x = orders is the mean of the orders, clustered by household."""
    rng = np.random.default_rng(11)
    sizes = rng.integers(1, 6, 24)
    cluster = np.repeat(np.arange(24), sizes)
    treated = (cluster >= 10).astype(float)
    values = rng.gamma(3, 20, len(cluster))
    sides = []
    for side in (0.0, 1.0):
        orders = summarise(values[treated == side], cluster[treated == side])
        # The household has two customers, whoever ordered.
        sides.append(Clusters((2,) * len(orders.sizes), orders.y, orders.x))
    result, wanted = cluster_robust(sides[0], sides[1]), textbook(values, treated, cluster)
    for name, value in wanted.items():
        assert getattr(result, name) == pytest.approx(value, rel=1e-10), name


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30), st.integers(1, 5))
@settings(max_examples=60)
def test_equal_clusters_of_one_size_are_compared_by_their_means(
    seed: int, control: int, treatment: int, size: int
) -> None:
    """With clusters of one size CR2 is Welch's variance of the clusters' means."""
    rng = np.random.default_rng(seed)
    means = [rng.normal(5, 1, count) for count in (control, treatment)]
    sides = [
        Clusters((size,) * len(m), tuple((size * m).tolist()), (float(size),) * len(m))
        for m in means
    ]
    result = cluster_robust(sides[0], sides[1])
    witness = ttest_ind(means[1], means[0], equal_var=False)
    assert result.statistic == pytest.approx(witness.statistic, rel=1e-8)
    assert cluster_level(sides[0]).level.df == pytest.approx(control - 1, rel=1e-12)


@given(clusters, clusters, st.floats(0.5, 0.999))
def test_pvalue_and_intervals_never_contradict_each_other(
    control: Clusters, treatment: Clusters, ci_level: float
) -> None:
    result = cluster_robust(control, treatment, ci_level)
    if result.pvalue is None:
        assert "nothing to test against" in result.notes[0]
        return
    assert result.difference is not None
    assert result.difference_ci is not None
    assert result.difference in result.difference_ci
    assume(abs(result.pvalue - (1 - ci_level)) > 1e-9)
    rejected = result.pvalue < 1 - ci_level
    assert rejected == (0 not in result.difference_ci)
    if result.lift_ci is not None:
        assert rejected == (0 not in result.lift_ci)


@given(clusters, clusters, st.integers(0, 12), st.floats(0.01, 100))
def test_swaps_scales_and_shards(
    control: Clusters, treatment: Clusters, cut: int, scale: float
) -> None:
    result, back = cluster_robust(control, treatment), cluster_robust(treatment, control)
    assume(result.pvalue is not None)
    assert result.difference == pytest.approx(-(back.difference or 0.0), rel=1e-12)
    assert result.pvalue == pytest.approx(back.pvalue, rel=1e-12)
    shards = [
        Clusters(control.sizes[part], control.y[part], control.x[part])
        for part in (slice(cut, None), slice(None, cut))
    ]
    merged = cluster_robust(shards[0] + shards[1], treatment)
    assert merged.pvalue == pytest.approx(result.pvalue, rel=1e-9)
    dear = [
        Clusters(one.sizes, tuple(scale * total for total in one.y), one.x)
        for one in (control, treatment)
    ]
    scaled = cluster_robust(dear[0], dear[1])
    assert scaled.difference == pytest.approx(scale * (result.difference or 0), rel=1e-9, abs=1e-9)
    assert scaled.pvalue == pytest.approx(result.pvalue, rel=1e-6)


def test_coming_back_and_not_coming_back_mirror_each_other() -> None:
    stay = Clusters((5, 3, 9), (2.0, 3.0, 4.0), (5.0, 3.0, 9.0))
    other = Clusters((4, 4, 6), (4.0, 1.0, 5.0), (4.0, 4.0, 6.0))
    gone = [
        Clusters(one.sizes, tuple(n - y for n, y in zip(one.sizes, one.y, strict=True)), one.x)
        for one in (stay, other)
    ]
    first, second = cluster_robust(stay, other), cluster_robust(gone[0], gone[1])
    assert first.difference == pytest.approx(-(second.difference or 0))
    assert first.pvalue == pytest.approx(second.pvalue, rel=1e-10)


@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_a_large_offset_loses_no_digits(offset: float) -> None:
    near, far = (
        cluster_robust(
            Clusters((2, 2, 4), (3 + 2 * o, 4 + 2 * o, 9 + 4 * o), (2.0, 2.0, 4.0)),
            Clusters((2, 2, 4), (7 + 2 * o, 6 + 2 * o, 11 + 4 * o), (2.0, 2.0, 4.0)),
        )
        for o in (0.0, offset)
    )
    assert far.difference == near.difference == 1.0
    assert far.pvalue == pytest.approx(near.pvalue, rel=1e-12)


ONE = Clusters((3,), (6.0,), (3.0,))
TWO = Clusters((3, 2), (6.0, 3.0), (3.0, 2.0))


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (Clusters((), (), ()), TWO, "control has no observed units"),
        (ONE, TWO, "control has one cluster, which shows no variation"),
        (TWO, ONE, "treatment has one cluster, which shows no variation"),
        (TWO, Clusters((3, 2), (6.0, 3.0), (3.0, 0.0)), "one cluster that holds the whole"),
        (TWO, Clusters((3, 2), (6.0, 3.0), (0.0, 0.0)), "treatment has a denominator that does"),
        (TWO, Clusters((3, 2), (6.0, 3.0), (3.0, -1.0)), "a cluster with a negative denominator"),
        (TWO, Clusters((3, 2), (math.inf, 3.0), (3.0, 1.0)), "treatment has values too large"),
        (TWO, Clusters((3, 2), (math.nan, 3.0), (3.0, 1.0)), "treatment has values too large"),
        (
            Clusters((3, 2), (0.3, 0.2), (3.0, 2.0)),
            Clusters((3, 7), (0.9, 2.1), (3.0, 7.0)),
            "neither variant varies",
        ),
    ],
)
def test_no_inference_says_why(control: Clusters, treatment: Clusters, note: str) -> None:
    result = cluster_robust(control, treatment)
    assert result.pvalue is None
    assert result.difference_ci is None
    assert note in result.notes[0]


def test_few_clusters_are_said_to_be_few() -> None:
    result = cluster_robust(TWO, Clusters((1,) * 10, tuple(map(float, range(10))), (1.0,) * 10))
    assert result.notes[-2] == "control has only 2 clusters: one unusual cluster can decide"
    assert result.notes[-1].endswith("degrees of freedom are too few to trust the p-value")
    many = Clusters((1,) * 12, tuple(map(float, range(1, 13))), (1.0,) * 12)
    assert cluster_robust(many, many).notes == ()


def test_an_estimate_with_its_interval() -> None:
    estimate = cluster_estimate(Clusters((2, 2, 2), (2.0, 4.0, 6.0), (2.0, 2.0, 2.0)))
    assert estimate.value == 2.0
    assert estimate.ci is not None
    # Three means 1, 2 and 3: the t interval with two degrees of freedom.
    assert estimate.ci.high == pytest.approx(2 + 4.302653 / math.sqrt(3), rel=1e-6)
    assert cluster_estimate(ONE).ci is None


def test_shapes_and_levels_must_make_sense() -> None:
    with pytest.raises(ValueError, match="one entry for each cluster"):
        Clusters((1, 2), (3.0,), (1.0, 2.0))
    with pytest.raises(ValueError, match="a cluster has 0 units; it must have at least 1"):
        Clusters((1, 0), (3.0, 1.0), (1.0, 2.0))
    with pytest.raises(ValueError, match=r"ci_level is 0\.0; it must lie strictly"):
        cluster_robust(TWO, TWO, 0.0)
    assert TWO.n == 5
