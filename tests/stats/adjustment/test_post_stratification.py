"""Strata whose shares differ: by numpy from the rows, and what must hold of any answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_rows
from abtest.stats.adjustment.post_stratification import post_stratify

Rows = NDArray[np.float64]
Drawn = dict[str, dict[str, Rows]]
SIZES = {"early": (60, 60), "late": (160, 40), "last": (30, 90)}


def drawn(seed: int = 1) -> Drawn:
    """Revenue and orders of units; each stratum has a level and an effect of its own."""
    rng = np.random.default_rng(seed)
    found: Drawn = {}
    for place, (name, sizes) in enumerate(SIZES.items()):
        found[name] = {}
        for variant, n in zip(("control", "gift"), sizes, strict=True):
            orders = 1.0 + rng.poisson(1 + place, n)
            revenue = orders * rng.gamma(2, 5 * (1 + place) + (variant == "gift"), n)
            found[name][variant] = np.column_stack([revenue, orders])
    return found


def summarised(strata: Drawn, outcome: tuple[str, ...]) -> dict[str, dict[str, CoMoments]]:
    return {
        name: {
            key: from_rows(Columns(outcome), rows[:, : len(outcome)])
            for key, rows in stratum.items()
        }
        for name, stratum in strata.items()
    }


def by_hand(strata: Drawn, *, ratio: bool) -> tuple[float, float]:
    """The difference and its standard error, from the units' influence on it."""
    total = sum(len(rows) for stratum in strata.values() for rows in stratum.values())
    shares = {name: sum(map(len, stratum.values())) / total for name, stratum in strata.items()}
    values: dict[str, dict[str, Rows]] = {"control": {}, "gift": {}}
    for variant, found in values.items():
        means = sum(w * strata[name][variant].mean(axis=0) for name, w in shares.items())
        for name in strata:
            rows = strata[name][variant]
            linear = (
                means[0] / means[1] + (rows[:, 0] - means[0] / means[1] * rows[:, 1]) / means[1]
            )
            found[name] = linear if ratio else rows[:, 0]
    effects = {
        name: values["gift"][name].mean() - values["control"][name].mean() for name in strata
    }
    difference = sum(shares[name] * effect for name, effect in effects.items())
    within = sum(
        shares[name] ** 2 * values[key][name].var(ddof=1) / len(values[key][name])
        for name in strata
        for key in values
    )
    between = sum(shares[n] * (effect - difference) ** 2 for n, effect in effects.items())
    return float(difference), math.sqrt(within + between / (total - 1))


@pytest.mark.parametrize("outcome", [("revenue",), ("revenue", "orders")])
def test_values_and_errors_are_those_of_the_rows(outcome: tuple[str, ...]) -> None:
    strata = drawn()
    found = post_stratify(summarised(strata, outcome)).compare("control", "gift").comparison
    difference, se = by_hand(strata, ratio=len(outcome) == 2)
    assert found.difference == pytest.approx(difference, rel=1e-10)
    assert found.se == pytest.approx(se, rel=1e-10)


def test_one_stratum_is_the_plain_adjustment() -> None:
    strata = summarised(drawn(), ("revenue", "orders"))
    one = post_stratify({"early": strata["early"]}).compare("control", "gift").comparison
    plain = adjust_means(strata["early"]).compare("control", "gift").comparison
    assert one.difference == pytest.approx(plain.difference, rel=1e-12)
    assert one.se == pytest.approx(plain.se, rel=1e-12)
    assert one.df == pytest.approx(plain.df, rel=1e-12)


def test_swapping_the_variants_flips_the_sign() -> None:
    means = post_stratify(summarised(drawn(), ("revenue",)))
    one = means.compare("control", "gift").comparison
    other = means.compare("gift", "control").comparison
    assert (one.se, one.pvalue) == (other.se, other.pvalue)
    assert one.difference == -(other.difference or 0)


@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_a_large_offset_loses_no_digits(offset: float) -> None:
    strata = drawn()
    moved = {
        name: {key: rows + np.array([offset, 0.0]) for key, rows in stratum.items()}
        for name, stratum in strata.items()
    }
    one, other = (
        post_stratify(summarised(data, ("revenue",))).compare("control", "gift").comparison
        for data in (strata, moved)
    )
    assert other.difference == pytest.approx(one.difference, abs=4e-16 * offset)
    assert other.se == pytest.approx(one.se, rel=1e-3 if offset > 1e10 else 1e-6)


def test_a_constant_outcome_is_said() -> None:
    same = from_rows(Columns(("y",)), np.ones((5, 1)))
    found = post_stratify({h: {"control": same, "gift": same} for h in "ab"})
    comparison = found.compare("control", "gift").comparison
    assert (comparison.difference, comparison.pvalue) == (0.0, None)
    assert any("nothing is left to vary" in note for note in comparison.notes)


def test_a_ratio_without_a_denominator_has_no_value() -> None:
    columns = Columns(("revenue", "orders"))
    some = from_rows(columns, [[10, 1], [30, 2], [20, 1]])
    none = from_rows(columns, [[0, 0], [0, 0]])
    found = post_stratify({h: {"control": some, "gift": none} for h in "ab"})
    comparison = found.compare("control", "gift").comparison
    assert (comparison.value, comparison.difference, comparison.pvalue) == (None, None, None)
    assert any("denominator" in note for note in comparison.notes)
    assert found.estimate("control").value == pytest.approx(15.0)


def test_what_one_stratum_says_has_its_name() -> None:
    rng = np.random.default_rng(0)
    columns = Columns(("y",), ("x",))
    many = {key: from_rows(columns, rng.normal(size=(50, 2))) for key in ("control", "gift")}
    few = {key: from_rows(columns, rng.normal(size=(2, 2))) for key in ("control", "gift")}
    notes = post_stratify({"early": many, "late": few}).notes
    assert notes == ("late: control has 2 units, too few for 1 covariates: not adjusted",)


def test_no_strata_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no strata"):
        post_stratify({})


def test_few_units_with_much_of_the_weight_are_told() -> None:
    """8 coupons early, where four of seven units are: as good as 9 units, by exact arithmetic."""

    def units(n: int) -> CoMoments:
        return from_rows(Columns(("bought",)), [[place % 2] for place in range(n)])

    early = {"control": units(152), "coupon": units(8)}
    late = {"control": units(60), "coupon": units(60)}
    parts = [(16 / 49) / 8, (9 / 49) / 60]
    as_good_as = sum(parts) ** 2 / (parts[0] ** 2 / 8 + parts[1] ** 2 / 60)
    *_, note = few_of({"split 1": early, "split 2": late})
    assert note == (
        f"coupon has few units where much of the weight lies, as if they were {as_good_as:.0f}: "
        "with fewer than 20 the interval may be too narrow"
    )
    even = {"control": units(60), "coupon": units(60)}
    for enough in ({"a": even, "b": even}, {"a": early}):
        assert not any("fewer than" in note for note in few_of(enough))


def few_of(strata: dict[str, dict[str, CoMoments]]) -> tuple[str, ...]:
    return post_stratify(strata).compare("control", "coupon").comparison.notes
