"""What every registered method of comparison promises.

The nine invariants of the reference cases: p-value and intervals agree; swapped variants negate
the difference and invert the ratio; churn is retention turned round; the currency does not matter;
contrasts add up; neither the order of rows nor shards matter; P(best) adds up to 1: all here, for
every method. That what is filled in for missing history does not matter, and that adjusted
contrasts add up, is in tests/stats/adjustment/test_by_variant.py; that a passed boundary never
moves, in tests/stats/sequential.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abtest.methods import METHODS, AnyMethod, Bayes, default_method
from abtest.stats.summaries import (
    Clusters,
    Moments,
    PairMoments,
    Proportion,
    Summary,
    ValueCounts,
)
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from random import Random

    from abtest.stats.comparison import Comparison, Interval

Units = list[tuple[float, float]]  # one (numerator, denominator) per unit, seen as each kind needs

EMPTY: dict[type[Any], Summary] = {
    Proportion: Proportion(0, 0),
    Moments: Moments(0, 0.0, 0.0),
    PairMoments: PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0),
    LifeTable: LifeTable.empty(),
    ValueCounts: ValueCounts.of([]),
    Clusters: Clusters((), (), ()),
}

unit = st.tuples(st.floats(0, 1000).map(lambda v: round(v, 2)), st.integers(1, 9).map(float))
units = st.lists(unit, min_size=2, max_size=25)
ci_levels = st.floats(0.5, 0.999)
methods = pytest.mark.parametrize("method", [kind() for kind in METHODS], ids=lambda m: m.kind)


def one(kind: type[Any], numerator: float, denominator: float) -> Any:
    """The summary of a single unit; its event is whether the numerator exceeds 500."""
    if kind is Proportion:
        return Proportion(1, int(numerator > 500))
    if kind is LifeTable:
        return LifeTable.of([denominator], [numerator > 500])
    if kind is Moments:
        return Moments(1, numerator, 0.0)
    if kind is ValueCounts:
        return ValueCounts.of([numerator])
    if kind is Clusters:
        return Clusters((int(denominator),), (numerator,), (denominator,))
    return PairMoments(1, numerator, denominator, 0.0, 0.0, 0.0)


def summarise(kind: type[Any], rows: Units) -> Any:
    total: Any = EMPTY[kind]
    for numerator, denominator in rows:
        total = total + one(kind, numerator, denominator)
    return total


def compare(method: AnyMethod, control: Units, treatment: Units, level: float) -> Comparison:
    return method.compare(
        summarise(method.takes, control), summarise(method.takes, treatment), level
    )


def spread(interval: Interval | None) -> float:
    """An interval's width; what cannot be bounded at all is the widest."""
    return math.inf if interval is None else interval.high - interval.low


@methods
@given(units, units, ci_levels)
def test_swapping_variants_negates_the_difference(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    there = compare(method, control, treatment, ci_level)
    back = compare(method, treatment, control, ci_level)
    assert (there.difference is None) == (back.difference is None)
    if there.difference is None:
        return
    assert there.difference == -(back.difference or 0.0)
    assert (there.pvalue is None) == (back.pvalue is None)
    if method.kind == "bootstrap":  # its resamples are other ones when the variants change places
        return
    if there.pvalue is None or there.difference_ci is None or back.difference_ci is None:
        return
    assert there.pvalue == pytest.approx(back.pvalue, rel=1e-9)
    assert there.difference_ci.low == pytest.approx(-back.difference_ci.high, rel=1e-9, abs=1e-12)
    assert there.difference_ci.high == pytest.approx(-back.difference_ci.low, rel=1e-9, abs=1e-12)


@methods
@given(units, units, ci_levels)
def test_intervals_hold_their_estimates(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    result = compare(method, control, treatment, ci_level)
    if result.difference_ci is not None:
        assert result.difference is not None
        assert result.difference in result.difference_ci
    if result.lift_ci is not None and result.lift is not None:
        slack = 1e-12 * (1 + abs(result.lift))
        assert result.lift_ci.low - slack <= result.lift <= result.lift_ci.high + slack
    for rows in (control, treatment):
        estimate = method.estimate(summarise(method.takes, rows), ci_level)
        assert estimate.value is not None
        if estimate.ci is not None:
            assert estimate.value in estimate.ci


@methods
@given(units, units, st.lists(ci_levels, min_size=2, max_size=4).map(sorted))
def test_a_higher_level_is_never_narrower(
    method: AnyMethod, control: Units, treatment: Units, levels: list[float]
) -> None:
    results = [compare(method, control, treatment, level) for level in levels]
    own = [method.estimate(summarise(method.takes, control), level).ci for level in levels]
    for narrow, wide in pairwise(results):
        assert spread(narrow.difference_ci) <= spread(wide.difference_ci) + 1e-12
        slack = 1e-12 + 1e-9 * min(spread(narrow.lift_ci), 1e300)
        assert spread(narrow.lift_ci) <= spread(wide.lift_ci) + slack
    for narrow_ci, wide_ci in pairwise(own):
        assert spread(narrow_ci) <= spread(wide_ci) + 1e-12


@methods
@given(units, units, ci_levels)
def test_pvalue_and_intervals_never_contradict_each_other(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    result = compare(method, control, treatment, ci_level)
    if result.pvalue is None or not result.coherent:
        return
    assume(abs(result.pvalue - (1 - ci_level)) > 1e-9)
    rejected = result.pvalue < 1 - ci_level
    assert result.difference_ci is not None
    assert rejected == (0 not in result.difference_ci)
    if result.lift_ci is not None:
        assert rejected == (0 not in result.lift_ci)


@methods
@given(units, units, st.integers(0, 50))
def test_shards_merge_to_the_whole(
    method: AnyMethod, control: Units, treatment: Units, cut: int
) -> None:
    whole = compare(method, control, treatment, 0.95)
    kind = method.takes
    merged = method.compare(
        summarise(kind, control[cut:]) + summarise(kind, control[:cut]),
        summarise(kind, treatment[cut:]) + summarise(kind, treatment[:cut]),
        0.95,
    )
    assert (merged.pvalue is None) == (whole.pvalue is None)
    for name in ("value", "difference", "se", "df", "pvalue"):
        got, wanted = getattr(merged, name), getattr(whole, name)
        if wanted is not None:
            assert got == pytest.approx(wanted, rel=1e-6, abs=1e-9), name


@methods
@given(units, units, ci_levels)
def test_absent_is_none_with_a_note_and_nothing_is_nan(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    result = compare(method, control, treatment, ci_level)
    numbers = [result.value, result.difference, result.lift, result.se, result.statistic]
    ends = [
        end
        for interval in (result.difference_ci, result.lift_ci)
        if interval is not None
        for end in (interval.low, interval.high)
    ]
    assert not any(math.isnan(number) for number in [*numbers, *ends] if number is not None)
    if None in (result.pvalue, result.difference_ci, result.lift, result.lift_ci):
        assert result.notes
    assert result.method == method.kind
    assert result.ci_level == ci_level


@methods
def test_no_units_and_one_unit_do_not_crash(method: AnyMethod) -> None:
    kind = method.takes
    few: list[Summary] = [EMPTY[kind], one(kind, 3.0, 1.0), one(kind, 900.0, 2.0)]
    for control in few:
        for treatment in few:
            result = method.compare(control, treatment, 0.95)
            assert result.pvalue is not None or result.notes
        method.estimate(control, 0.95)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_none_and_all_successes_do_not_crash(n_control: int, n_treatment: int) -> None:
    for events in (0, 1, n_control):
        for others in (0, 1, n_treatment):
            control, treatment = Proportion(n_control, events), Proportion(n_treatment, others)
            result = default_method(control).compare(control, treatment, 0.95)
            assert result.pvalue is not None
            assert result.difference is not None
            assert result.difference_ci is not None
            assert result.difference in result.difference_ci


@pytest.mark.parametrize("kind", [Moments, PairMoments])
@given(units, units, st.floats(1e-6, 1e6))
def test_the_currency_does_not_matter(
    kind: type[Any], control: Units, treatment: Units, rate: float
) -> None:
    """Another unit of the numerator scales the difference and leaves p-value and lift alone."""

    def scaled(summary: Moments | PairMoments) -> Moments | PairMoments:
        if isinstance(summary, Moments):
            return Moments(summary.n, summary.mean * rate, summary.m2 * rate**2)
        return replace(
            summary,
            mean_y=summary.mean_y * rate,
            m2_y=summary.m2_y * rate**2,
            c_xy=summary.c_xy * rate,
        )

    plain = summarise(kind, control), summarise(kind, treatment)
    method = default_method(plain[0])
    before = method.compare(*plain, 0.95)
    after = method.compare(scaled(plain[0]), scaled(plain[1]), 0.95)
    assert (after.pvalue is None) == (before.pvalue is None)
    if before.pvalue is not None:
        assert after.pvalue == pytest.approx(before.pvalue, rel=1e-6, abs=1e-300)
    assert (after.lift_ci is None) == (before.lift_ci is None)
    if before.lift_ci is not None and after.lift_ci is not None:
        assert after.lift_ci.low == pytest.approx(before.lift_ci.low, rel=1e-6, abs=1e-9)
        assert after.lift_ci.high == pytest.approx(before.lift_ci.high, rel=1e-6, abs=1e-9)


def explicit(method: AnyMethod) -> AnyMethod:
    """The method with a day to read curves on, which pairs of variants then have in common."""
    fields = {name for name in ("horizon", "until") if name in type(method).model_fields}
    return method.model_copy(update=dict.fromkeys(fields, 1.0))


@methods
@given(units, units, ci_levels)
def test_swapping_variants_inverts_the_ratio(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    if method.kind == "bootstrap":  # its resamples are other ones when the variants change places
        return
    there = compare(method, control, treatment, ci_level)
    back = compare(method, treatment, control, ci_level)
    if there.lift is not None and back.lift is not None and there.lift > -1:
        assert (1 + there.lift) * (1 + back.lift) == pytest.approx(1, rel=1e-9)
    if there.lift_ci is None or back.lift_ci is None:
        return
    low, high = 1 + there.lift_ci.low, 1 + back.lift_ci.high
    if low > 1e-6 and math.isfinite(high):
        assert low * high == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    "method", [kind() for kind in METHODS if kind().takes is Proportion], ids=lambda m: m.kind
)
@given(units, units, ci_levels)
def test_churn_is_what_is_left_of_retention(
    method: AnyMethod, control: Units, treatment: Units, ci_level: float
) -> None:
    def left(rows: Units) -> Units:
        return [(1000.0 - 1000.0 * (numerator > 500), d) for numerator, d in rows]

    stay = compare(method, control, treatment, ci_level)
    churn = compare(method, left(control), left(treatment), ci_level)
    assert stay.difference is not None
    assert churn.difference == pytest.approx(-stay.difference, abs=1e-12)
    assert churn.pvalue == pytest.approx(stay.pvalue, rel=1e-9)
    assert stay.difference_ci is not None
    assert churn.difference_ci is not None
    assert churn.difference_ci.low == pytest.approx(-stay.difference_ci.high, abs=1e-9)
    assert churn.difference_ci.high == pytest.approx(-stay.difference_ci.low, abs=1e-9)


@pytest.mark.parametrize(
    "method",
    [kind() for kind in METHODS if kind().takes not in (Proportion, LifeTable)],
    ids=lambda m: m.kind,
)
@given(units, units, st.integers(-20, 20))
def test_the_currency_matters_to_no_method(
    method: AnyMethod, control: Units, treatment: Units, power: int
) -> None:
    """By powers of two, which change no digit: resampled ties stay ties."""
    rate = 2.0**power

    def scaled(rows: Units) -> Units:
        return [(numerator * rate, denominator) for numerator, denominator in rows]

    before = compare(method, control, treatment, 0.95)
    after = compare(method, scaled(control), scaled(treatment), 0.95)
    assert after.difference == (None if before.difference is None else before.difference * rate)
    for name in ("pvalue", "lift"):
        wanted = getattr(before, name)
        got = getattr(after, name)
        assert (got is None) == (wanted is None), name
        if wanted is not None:
            assert got == pytest.approx(wanted, rel=1e-9, abs=1e-300), name
    assert (after.lift_ci is None) == (before.lift_ci is None)
    if after.lift_ci is not None and before.lift_ci is not None:
        assert after.lift_ci.low == pytest.approx(before.lift_ci.low, rel=1e-9, abs=1e-12)
        assert after.lift_ci.high == pytest.approx(before.lift_ci.high, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "method",
    # A log hazard ratio is of two variants together, and no difference of values of each.
    [kind() for kind in METHODS if kind().kind not in ("log_rank", "cox")],
    ids=lambda m: m.kind,
)
@given(units, units, units)
def test_contrasts_of_three_variants_add_up(
    method: AnyMethod, first: Units, second: Units, third: Units
) -> None:
    method = explicit(method)
    steps = [
        compare(method, one, other, 0.95).difference
        for one, other in ((first, second), (second, third), (first, third))
    ]
    if None in steps:
        return
    assert (steps[0] or 0.0) + (steps[1] or 0.0) == pytest.approx(steps[2], abs=1e-9)


@methods
@given(units, units, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    method: AnyMethod, control: Units, treatment: Units, random: Random
) -> None:
    there = compare(method, control, treatment, 0.95)
    mixed_control, mixed = (random.sample(rows, len(rows)) for rows in (control, treatment))
    again = compare(method, mixed_control, mixed, 0.95)
    assert (again.pvalue is None) == (there.pvalue is None)
    for name in ("value", "value_control", "difference"):
        got, wanted = getattr(again, name), getattr(there, name)
        assert (got is None) == (wanted is None), name
        if wanted is not None:  # values are up to 1,000
            assert got == pytest.approx(wanted, rel=1e-12, abs=1e-9), name
    if there.pvalue is not None:
        assert again.pvalue == pytest.approx(there.pvalue, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("model", ["normal_lift", "beta_binomial"])
@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), min_size=2, max_size=4))
def test_prob_best_adds_up_to_1(model: str, variants: list[tuple[int, float]]) -> None:
    control, *treatments = (Proportion(n, round(share * n)) for n, share in variants)
    bayes = Bayes.model_validate({"model": model})
    found = bayes.posterior(control, treatments, increase=True, ci_level=0.95)
    if found.control_prob_best is None:
        assert found.notes
        return
    total = found.control_prob_best + sum(one.prob_best or 0.0 for one in found.variants if one)
    assert total == pytest.approx(1, abs=1e-6)
