"""Adjustment by clusters; whole matrices and Lin's regression on their means are the witnesses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from abtest.stats.adjustment.adjusted_means import AdjustedMeans
from abtest.stats.adjustment.co_moments import Columns
from abtest.stats.adjustment.lin_rows import lin_regression
from abtest.stats.clusters.adjustment import ClusterHistory, adjust_clusters
from abtest.stats.clusters.cr2 import cluster_robust
from abtest.stats.clusters.sums import Clusters

Floats = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)
counts = st.integers(6, 20)
TWO = Columns(("y",), ("a", "b"))


def drawn(
    rng: np.random.Generator,
    count: int,
    columns: Columns = TWO,
    size: int | None = None,
    *,
    ratio: bool = False,
) -> ClusterHistory:
    """Stores of unlike size whose customers are alike, and what was known of them."""
    sizes = rng.integers(1, 9, count) if size is None else np.full(count, size)
    store = np.repeat(np.arange(count), sizes)
    known = (
        rng.gamma(2, 3, (len(store), len(columns.covariates)))
        + rng.normal(0, 1, count)[store, None]
    )
    y = 20 + known.sum(axis=1) + rng.normal(0, 2, count)[store] + rng.normal(0, 3, len(store))
    x = rng.integers(0, 4, len(store)) + 0.5 if ratio else np.ones(len(store))
    history = [known[:, i] for i in range(known.shape[1])]
    for name in columns.missing:
        gone = rng.random(len(store)) < 0.3
        place = columns.covariates.index(name)
        history[place] = np.where(gone, 0.0, history[place])
        history.append(gone.astype(float))

    def sums(values: NDArray[Any]) -> tuple[float, ...]:
        return tuple(np.bincount(store, values, count).tolist())

    clusters = Clusters(tuple(sizes.tolist()), sums(y * x), sums(x))
    rows = np.column_stack([sums(values) for values in history])
    return ClusterHistory(columns, clusters, tuple(map(tuple, rows.tolist())))


def three(seed: int, count: int, columns: Columns = TWO) -> dict[str, ClusterHistory]:
    rng = np.random.default_rng(seed)
    return {key: drawn(rng, count, columns) for key in ("control", "coupon", "gift")}


def by_matrices(one: ClusterHistory, centre: Floats) -> tuple[float, float, float]:
    """The value, its CR2 variance and degrees of freedom, with clusters x clusters matrices."""
    sizes, y, x = (
        np.array(part, dtype=float) for part in (one.clusters.sizes, one.clusters.y, one.clusters.x)
    )
    sums = np.array(one.history)
    means = sums.sum(axis=0) / sizes.sum()
    y, x = y / x.sum(), x / x.sum()
    columns = (sums - np.outer(sizes, means)) / sizes.sum()
    count = len(y)
    share_out = np.outer(x, np.ones(count))  # every cluster gets its share of the value
    projection = columns @ np.linalg.pinv(columns)
    hat = share_out + projection @ (np.eye(count) - share_out)
    slopes_of = np.linalg.pinv(columns) @ (np.eye(count) - share_out)
    weights = np.ones(count) - (means - centre) @ slopes_of
    rest = np.eye(count) - hat
    working = rest @ np.diag(x) @ rest.T
    factor = x / np.diag(working)
    variance = float((weights**2 * factor * (rest @ y) ** 2).sum())
    root = weights * np.sqrt(factor)
    form = root[:, None] * working * root
    df = np.trace(form) ** 2 / (form**2).sum()
    return float(weights @ y), variance, float(df)


@given(seeds, counts, counts, st.booleans())
def test_the_matrices_agree(seed: int, n_c: int, n_t: int, ratio: bool) -> None:
    rng = np.random.default_rng(seed)
    units = {"control": drawn(rng, n_c, ratio=ratio), "gift": drawn(rng, n_t, ratio=ratio)}
    found = adjust_clusters(units)
    means = [np.array(one.history).sum(axis=0) / sum(one.clusters.sizes) for one in units.values()]
    centre = (n_c * means[0] + n_t * means[1]) / (n_c + n_t)
    for key, one in units.items():
        value, variance, df = by_matrices(one, centre)
        level = found.levels[found.variants.index(key)]
        assert level.value == pytest.approx(value, rel=1e-8)
        assert level.variance == pytest.approx(variance, rel=1e-6)
        assert level.df == pytest.approx(df, rel=1e-6)


@given(seeds, counts, counts, st.integers(1, 5))
def test_clusters_of_one_size_are_lins_regression_on_their_means(
    seed: int, n_c: int, n_t: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    control, gift = drawn(rng, n_c, size=size), drawn(rng, n_t, size=size)
    rows = [np.column_stack([one.clusters.y, one.history]) / size for one in (control, gift)]
    wanted = lin_regression(rows[0], rows[1], "hc2")
    found = adjust_clusters({"control": control, "gift": gift})
    pair = found.pair("control", "gift")
    assert not isinstance(pair, str)
    assert pair.difference == pytest.approx(wanted.difference, rel=1e-8, abs=1e-9)
    fixed = math.sqrt(sum(level.variance or 0.0 for level in found.levels))
    assert fixed == pytest.approx(wanted.se, rel=1e-6)
    # HC2 takes the covariates for fixed; ours lets their common mean vary too.
    assert pair.difference_variance >= fixed**2 * (1 - 1e-9)


def numbers(found: AdjustedMeans, control: str, treatment: str) -> list[float | None]:
    one = found.compare(control, treatment)
    comparison = one.comparison
    return [
        comparison.difference,
        comparison.se,
        comparison.df,
        comparison.pvalue,
        one.unadjusted_difference,
        one.unadjusted_se,
    ]


@given(seeds, counts)
def test_swapping_negates_and_contrasts_add_up(seed: int, count: int) -> None:
    found = adjust_clusters(three(seed, count))
    there, back = (
        found.compare(*pair).comparison for pair in (("control", "gift"), ("gift", "control"))
    )
    assert there.difference is not None
    assert back.difference == -there.difference
    assert back.pvalue == pytest.approx(there.pvalue, rel=1e-9)
    steps = [
        found.compare(*pair).comparison.difference or 0.0
        for pair in (("control", "coupon"), ("coupon", "gift"))
    ]
    assert sum(steps) == pytest.approx(there.difference, abs=1e-9)
    rejected = there.pvalue is not None and there.pvalue < 0.05
    assert there.difference_ci is not None
    assert rejected == (0 not in there.difference_ci)
    assert there.lift_ci is None or rejected == (0 not in there.lift_ci)


@given(seeds, st.integers(8, 20), st.floats(-1e3, 1e3))
def test_the_answer_does_not_depend_on_what_fills_a_gap(seed: int, count: int, fill: float) -> None:
    columns = Columns(("y",), ("a", "b"), ("a",))
    units = three(seed, count, columns)
    filled = {
        key: replace(one, history=tuple((a + fill * gone, b, gone) for a, b, gone in one.history))
        for key, one in units.items()
    }
    before, after = adjust_clusters(units), adjust_clusters(filled)
    assert before.notes == after.notes
    for got, wanted in zip(
        numbers(after, "control", "gift"), numbers(before, "control", "gift"), strict=True
    ):
        assert got == pytest.approx(wanted, rel=1e-5, abs=1e-7)


def _part(one: ClusterHistory, side: slice) -> ClusterHistory:
    whole = one.clusters
    clusters = Clusters(whole.sizes[side], whole.y[side], whole.x[side])
    return ClusterHistory(one.columns, clusters, one.history[side])


@given(seeds, counts)
def test_neither_order_nor_shards_nor_currency_matter(seed: int, count: int) -> None:
    units = three(seed, count)
    moved = {}
    for key, one in units.items():
        half = count // 2
        first, second = (_part(one, side) for side in (slice(half, None), slice(half)))
        moved[key] = first + second
    before = numbers(adjust_clusters(units), "control", "gift")
    after = numbers(adjust_clusters(moved), "control", "gift")
    assert after == [pytest.approx(value, rel=1e-8, abs=1e-10) for value in before]
    cents = {
        key: replace(one, clusters=replace(one.clusters, y=tuple(100 * y for y in one.clusters.y)))
        for key, one in units.items()
    }
    scaled = numbers(adjust_clusters(cents), "control", "gift")
    assert scaled[0] == pytest.approx(100 * (before[0] or 0.0), rel=1e-9)
    assert scaled[2:4] == [pytest.approx(value, rel=1e-8) for value in before[2:4]]


def test_a_large_offset_costs_few_digits() -> None:
    units = three(3, 12)
    far = {
        key: replace(
            one,
            history=tuple(
                (a + 1e7 * n, b) for (a, b), n in zip(one.history, one.clusters.sizes, strict=True)
            ),
        )
        for key, one in units.items()
    }
    before, after = (numbers(adjust_clusters(each), "control", "gift") for each in (units, far))
    assert after == [pytest.approx(value, rel=1e-6) for value in before]


def test_unadjusted_beside_it_is_cluster_robust() -> None:
    units = three(4, 15)
    found = adjust_clusters(units).compare("control", "gift")
    plain = cluster_robust(units["control"].clusters, units["gift"].clusters)
    assert found.unadjusted_difference == plain.difference
    assert found.unadjusted_se == plain.se
    assert found.variance_reduction == pytest.approx(
        1 - ((found.comparison.se or 0.0) / (plain.se or 1.0)) ** 2
    )


@pytest.mark.parametrize("count", [2, 3])
def test_too_few_clusters_are_not_adjusted(count: int) -> None:
    units = three(5, count)
    found = adjust_clusters(units)
    assert found.covariates == ()
    few = f"control has {count} clusters, too few for"  # of two clusters, one column follows
    assert any(note.startswith(few) and "not adjusted" in note for note in found.notes)
    assert f"gift has only {count} clusters: one unusual cluster can decide" in found.notes
    plain = cluster_robust(units["control"].clusters, units["gift"].clusters)
    assert found.compare("control", "gift").comparison.se == pytest.approx(plain.se)


def test_a_cluster_that_fixes_a_slope_alone() -> None:
    columns = Columns(("y",), ("flag",))
    sizes = (4,) * 6
    clusters = Clusters(sizes, (3.0, 5.0, 4.0, 6.0, 2.0, 9.0), (4.0,) * 6)
    alone = ClusterHistory(columns, clusters, ((4.0,), (0.0,), (0.0,), (0.0,), (0.0,), (0.0,)))
    rest = ClusterHistory(columns, clusters, ((2.0,), (1.0,), (0.0,), (3.0,), (1.0,), (4.0,)))
    found = adjust_clusters({"control": rest, "gift": alone})
    assert "gift has a cluster that alone fixes a slope: not adjusted" in found.notes
    plain = cluster_robust(clusters, clusters)
    assert found.compare("control", "gift").comparison.se == pytest.approx(plain.se)


def test_variants_without_clusters_or_variation_stay_out() -> None:
    units = three(6, 12)
    flat = replace(
        units["gift"],
        clusters=replace(
            units["gift"].clusters, y=tuple(7.0 * n for n in units["gift"].clusters.x)
        ),
    )
    nobody = ClusterHistory(TWO, Clusters((), (), ()), ())
    found = adjust_clusters({**units, "gift": flat, "late": nobody})
    assert found.compare("control", "late").comparison.pvalue is None
    assert found.levels[found.variants.index("gift")].value == pytest.approx(7.0)
    assert found.compare("control", "gift").comparison.pvalue is not None


def test_bad_input() -> None:
    one = drawn(np.random.default_rng(1), 5)
    with pytest.raises(ValueError, match="a row of 2 sums for each cluster"):
        ClusterHistory(TWO, one.clusters, one.history[1:])
    with pytest.raises(ValueError, match="a row of 1 sums for each cluster"):
        ClusterHistory(Columns(("y",), ("a",)), one.clusters, one.history)
    other = drawn(np.random.default_rng(1), 5, Columns(("y",), ("a",)))
    with pytest.raises(ValueError, match="different columns"):
        _ = one + other
    with pytest.raises(ValueError, match="one set of columns"):
        adjust_clusters({"control": one, "gift": other})


def trial(rng: np.random.Generator, count: int, icc: float, slope: float) -> ClusterHistory:
    """Stores of 5 to 35 customers; the slope between stores is twice that within."""
    sizes = rng.integers(5, 36, count)
    store = np.repeat(np.arange(count), sizes)
    common, own = rng.normal(size=count)[store], rng.normal(size=len(store))
    noise = math.sqrt(icc) * rng.normal(size=count)[store]
    noise += math.sqrt(1 - icc) * rng.normal(size=len(store))
    y = 10 + slope * (common + own / 2) + noise

    def sums(values: Floats) -> tuple[float, ...]:
        return tuple(np.bincount(store, values, count).tolist())

    clusters = Clusters(tuple(sizes.tolist()), sums(y), tuple(map(float, sizes)))
    before = sums(common / 2 + own)
    return ClusterHistory(Columns(("y",), ("x",)), clusters, tuple((one,) for one in before))


def check_size(count: int, icc: float, slope: float, repeats: int) -> None:
    rng = np.random.default_rng([7, count, round(100 * icc), round(slope)])
    rejected, kept = 0, []
    for _ in range(repeats):
        units = {key: trial(rng, count, icc, slope) for key in ("control", "gift")}
        found = adjust_clusters(units).compare("control", "gift")
        assert found.comparison.pvalue is not None
        rejected += found.comparison.pvalue < 0.05
        kept.append(1 - (found.variance_reduction or 0.0))
    # At most 6%, as for clusters without covariates, within three Monte Carlo errors.
    assert rejected / repeats <= 0.06 + 3 * math.sqrt(0.06 * 0.94 / repeats)
    if slope:
        assert np.median(kept) < 0.5


@pytest.mark.parametrize(("count", "icc", "slope"), [(6, 0.05, 1.0), (25, 0.05, 0.0), (12, 0.2, 1)])
def test_size_by_clusters(count: int, icc: float, slope: float) -> None:
    """A fast slice of suite S7 with a covariate."""
    check_size(count, icc, slope, repeats=300)


@pytest.mark.slow
@pytest.mark.parametrize("count", [6, 10, 25, 50])
@pytest.mark.parametrize("icc", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_size_by_clusters_in_full(count: int, icc: float, slope: float) -> None:
    check_size(count, icc, slope, repeats=4000)
