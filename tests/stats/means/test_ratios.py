from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from abtest.stats.log_lift import log_lift
from abtest.stats.means.ratios import linearized_ratio, linearized_ratio_z, ratio_level
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments, PairMoments
from support import expected, golden_cases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def pair_moments(y: Sequence[float], x: Sequence[float]) -> PairMoments:
    """Merged one unit at a time, as shards would be."""
    total = PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for one_y, one_x in zip(y, x, strict=True):
        total += PairMoments(1, one_y, one_x, 0.0, 0.0, 0.0)
    return total


def _read(path: Path, variant: str) -> PairMoments:
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["arm"] == variant]
    return pair_moments(
        [float(row["revenue"]) for row in rows], [float(row["orders"]) for row in rows]
    )


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-ratio-aov"))
def test_reference_case(case: dict[str, Any], golden_data: Path) -> None:
    control = _read(golden_data / "orders.csv", "control")
    treatment = _read(golden_data / "orders.csv", "treatment")
    result = linearized_ratio(control, treatment, case["inputs"]["conf"])
    variances = [ratio_level(pair).variance for pair in (control, treatment)]
    assert None not in variances
    assert result.difference_ci is not None
    assert result.lift_ci is not None
    got = {
        "ratio_control": result.value_control,
        "ratio_treatment": result.value,
        "se_control": math.sqrt(variances[0] or 0),
        "se_treatment": math.sqrt(variances[1] or 0),
        "diff": result.difference,
        "se": result.se,
        "z": result.statistic,
        "df_satterthwaite": result.df,
        "p_t": result.pvalue,
        "diff_ci_t": [result.difference_ci.low, result.difference_ci.high],
        "fieller_ratio_ci_t": [result.lift_ci.low + 1, result.lift_ci.high + 1],
    }
    for key, value in got.items():
        assert value == expected(case, key), key
    found = log_lift(control, treatment)
    assert found is not None
    ends = found.lift_ci(case["inputs"]["conf"])
    assert [1 + ends.low, 1 + ends.high] == expected(case, "log_delta_ratio_ci_z")
    normal = linearized_ratio_z(control, treatment, case["inputs"]["conf"])
    assert normal.lift_ci is not None
    assert normal.df is None
    assert normal.pvalue == expected(case, "p_normal")
    ends = normal.lift_ci
    assert [1 + ends.low, 1 + ends.high] == expected(case, "fieller_ratio_ci_z")


values = st.lists(
    st.tuples(st.floats(0, 100).map(lambda v: round(v, 1)), st.integers(1, 9)),
    min_size=1,
    max_size=20,
)


@given(values, values, st.floats(0.5, 0.999))
def test_by_z_or_by_t_it_is_the_same_statistic(
    one: list[tuple[float, int]], other: list[tuple[float, int]], ci_level: float
) -> None:
    control, treatment = (pair_moments(*zip(*rows, strict=True)) for rows in (one, other))
    by_t = linearized_ratio(control, treatment, ci_level)
    by_z = linearized_ratio_z(control, treatment, ci_level)
    for name in ("value", "difference", "lift", "se", "statistic"):
        assert getattr(by_z, name) == getattr(by_t, name), name
    assert (by_z.pvalue is None) == (by_t.pvalue is None)
    if by_z.pvalue is None or by_t.pvalue is None or by_z.statistic is None:
        return
    assert by_z.pvalue == pytest.approx(2 * norm.sf(abs(by_z.statistic)), rel=1e-9)
    assert by_z.pvalue <= by_t.pvalue * (1 + 1e-12)
    if abs(by_z.pvalue - (1 - ci_level)) > 1e-9:
        for ci in (by_z.difference_ci, by_z.lift_ci):
            assert ci is None or (by_z.pvalue < 1 - ci_level) == (0 not in ci)


def test_a_constant_denominator_is_welch() -> None:
    rng = np.random.default_rng(1)
    y = [[float(v) for v in rng.gamma(2, 10, size)] for size in (40, 60)]
    pairs = [pair_moments(values, [1.0] * len(values)) for values in y]
    plain = [Moments(len(v), float(np.mean(v)), float(np.var(v) * len(v))) for v in (y[0], y[1])]
    ours, witness = linearized_ratio(pairs[0], pairs[1]), welch(plain[0], plain[1])
    assert ours.pvalue == pytest.approx(witness.pvalue, rel=1e-9)
    assert ours.df == pytest.approx(witness.df, rel=1e-9)


@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_a_large_offset_loses_no_digits(offset: float) -> None:
    """With denominator 1 an offset of the numerator moves the ratio and nothing else."""
    values = ([1, 2, 3, 4], [1, 3, 5, 7])
    near, far = (
        linearized_ratio(
            pair_moments([v + shift for v in values[0]], [1.0] * 4),
            pair_moments([v + shift for v in values[1]], [1.0] * 4),
        )
        for shift in (0.0, offset)
    )
    assert far.difference == 1.5
    assert far.pvalue == pytest.approx(near.pvalue, rel=1e-12)
    assert far.se == pytest.approx(near.se, rel=1e-12)


def test_an_exact_ratio_does_not_vary() -> None:
    x = [1.0, 2.0, 3.0, 7.0]
    result = linearized_ratio(
        pair_moments([0.3 * v for v in x], x), pair_moments([0.7 * v for v in x], x)
    )
    assert result.difference == pytest.approx(0.4)
    assert result.pvalue is None
    assert result.notes == ("neither variant varies: there is nothing to test against",)


@pytest.mark.parametrize(
    ("treatment", "note"),
    [
        (PairMoments(0, 0, 0, 0, 0, 0), "treatment has no observed units"),
        (PairMoments(1, 3, 2, 0, 0, 0), "treatment has one observed unit"),
        (PairMoments(5, 0, 0, 0, 0, 0), "treatment has a denominator that does not add up"),
        (PairMoments(5, math.inf, 1, 0, 0, 0), "treatment has values too large"),
        (PairMoments(5, 8.0, 1e-320, 4.0, 0, 0), "treatment has a denominator too small"),
        (PairMoments(5, 8.0, 1e-200, 4.0, 0, 0), "treatment has a denominator too small"),
        (PairMoments(5, 0.0, 1e-160, 4.0, 0, 0), "treatment has a denominator too small"),
    ],
)
def test_no_inference_says_why(treatment: PairMoments, note: str) -> None:
    result = linearized_ratio(PairMoments(5, 6, 2, 80, 1, 0), treatment)
    assert result.pvalue is None
    assert note in result.notes[0]
