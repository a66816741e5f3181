"""Sufficient statistics out of the engine, against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from abtest.analysis.readings import IMMATURE, INELIGIBLE, MISSING, OBSERVED, Reading
from abtest.analysis.summaries import MetricCounts, Wish, summarize
from abtest.metrics.mean import MeanMetric
from abtest.metrics.proportion import ProportionMetric
from abtest.metrics.ratio import RatioMetric
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.stats.summaries import Moments, PairMoments, Proportion
from support import ROOT

if TYPE_CHECKING:
    from abtest.metrics.base import Metric

MEAN = MeanMetric(key="m", kind="mean", column="c")
SHARE = ProportionMetric(key="m", kind="proportion", column="c")
RATIO = RatioMetric(key="m", kind="ratio", numerator="a", denominator="b")
VALUES = [1.0, 2.0, 3.5, 4.25, -7.0, 0.0, 11.0]


def counts(metric: Metric, rows: list[tuple[str, int, Any, Any]]) -> dict[str, MetricCounts]:
    """Summaries of rows of (variant, state, y, x)."""
    frame = pd.DataFrame(rows, columns=["variant", "m!state", "m!y", "m!x"])
    connection = duckdb.connect()
    connection.register("given", frame)
    native = nw.from_native(connection.sql("SELECT * FROM given"))
    engine = DuckDBEngine(ROOT, "UTC", {})
    found = summarize(
        engine, native, [Reading("m", metric, metric.summary)], Wish(["a", "b"])
    ).summaries
    return {variant: found["m", variant] for variant in ("a", "b")}


def centred(values: list[float]) -> tuple[float, float]:
    """Mean and sum of squares around it, in exact fractions of the doubles themselves."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return float(mean), float(sum((value - mean) ** 2 for value in exact))


@pytest.mark.parametrize("offset", [0.0, 1e9, 1e12, -1e12])
def test_moments_lose_no_digits_to_an_offset(offset: float) -> None:
    values = [offset + value for value in VALUES]
    rows = [("a", OBSERVED, value, None) for value in values]
    rows += [("b", OBSERVED, -2 * value, None) for value in values]
    found = counts(MEAN, rows)["a"].summary
    mean, m2 = centred(values)
    assert isinstance(found, Moments)
    assert found.n == len(values)
    assert found.mean == pytest.approx(mean, rel=1e-15)
    assert found.m2 == pytest.approx(m2, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e9, 1e12])
def test_pair_moments_lose_no_digits_to_an_offset(offset: float) -> None:
    y = [offset + value for value in VALUES]
    x = [2 * offset + value * value for value in VALUES]
    found = counts(RATIO, [("b", OBSERVED, *pair) for pair in zip(y, x, strict=True)])["b"].summary
    assert isinstance(found, PairMoments)
    mean_y, m2_y = centred(y)
    mean_x, m2_x = centred(x)
    exact = [(Fraction(a), Fraction(b)) for a, b in zip(y, x, strict=True)]
    middle_y, middle_x = (sum(column) / len(exact) for column in zip(*exact, strict=True))
    c_xy = float(sum((a - middle_y) * (b - middle_x) for a, b in exact))
    assert (found.mean_y, found.mean_x) == pytest.approx((mean_y, mean_x), rel=1e-15)
    assert (found.m2_y, found.m2_x, found.c_xy) == pytest.approx((m2_y, m2_x, c_xy), rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e9, 1e12])
def test_shards_of_units_merge_to_the_whole(offset: float) -> None:
    pairs = [(offset + value, offset - 3 * value) for value in VALUES]
    for metric in (MEAN, RATIO):
        whole = counts(metric, [("a", OBSERVED, *pair) for pair in pairs])["a"].summary
        shards = [
            counts(metric, [("a", OBSERVED, *pair) for pair in shard])["a"].summary
            for shard in (pairs[:3], pairs[3:])
        ]
        merged = shards[0] + shards[1]  # type: ignore[operator]
        names = [name for name in whole.__slots__ if name != "n"]
        assert merged.n == whole.n
        assert [getattr(merged, name) for name in names] == pytest.approx(
            # Two means are no nearer to each other than their last digit.
            [getattr(whole, name) for name in names],
            rel=1e-12,
            abs=100 * math.ulp(offset),
        )


@pytest.mark.parametrize("metric", [MEAN, SHARE, RATIO])
def test_only_units_that_count_are_in_the_summary(metric: Metric) -> None:
    rows = [("a", INELIGIBLE, 1, 1)] * 4 + [("a", IMMATURE, 1, 1)] * 3 + [("a", MISSING, 1, 1)] * 2
    rows += [("a", OBSERVED, 0, 1), ("b", OBSERVED, 1, 1)]
    found = counts(metric, rows)["a"]
    assert (found.ineligible, found.immature, found.missing, found.n) == (4, 3, 2, 1)
    shrunk = counts(metric, rows[-2:])["a"]
    assert found.summary == shrunk.summary


def test_a_variant_without_units_has_an_empty_summary() -> None:
    rows = [("a", OBSERVED, 1, 1), ("a", IMMATURE, 1, 1)]
    assert counts(SHARE, rows)["b"].summary == Proportion(0, 0)
    assert counts(MEAN, rows)["b"].summary == Moments(0, 0.0, 0.0)
    assert counts(RATIO, rows)["b"].summary == PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    nobody = counts(MEAN, [("a", IMMATURE, 1.0, None)])["a"]
    assert (nobody.immature, nobody.summary) == (1, Moments(0, 0.0, 0.0))


def test_successes_are_counted() -> None:
    rows = [("a", OBSERVED, y, None) for y in (1, 0, 1, 1)] + [("a", MISSING, None, None)]
    found = counts(SHARE, rows)["a"]
    assert found.summary == Proportion(4, 3)
    assert found.missing == 1


def test_as_many_parts_as_segments_of_a_factorial_have() -> None:
    """20 values of a segment in 12 variants, far from zero: each has its own centre."""
    names = [f"v{place}" for place in range(240)]
    base = {name: 1e9 + place for place, name in enumerate(names)}
    rows = [(name, OBSERVED, base[name] + extra, None) for name in names for extra in (1, 2, 3)]
    frame = pd.DataFrame(rows, columns=["variant", "m!state", "m!y", "m!x"])
    engine = DuckDBEngine(ROOT, "UTC", {})
    reading = Reading("m", MEAN, MEAN.summary)
    found = summarize(engine, nw.from_native(duckdb.from_df(frame)), [reading], Wish(names))
    for name in names:
        assert found.summaries["m", name].summary == Moments(3, base[name] + 2, 2.0)
