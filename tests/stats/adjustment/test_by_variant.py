from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_rows
from abtest.stats.adjustment.correlated_pivot import Pair, joint_fieller_lift
from abtest.stats.adjustment.lin_rows import Sandwich, lin_regression
from abtest.stats.means.ratios import linearized_ratio
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments, PairMoments
from abtest.stats.tails import normal_quantile
from adjustment_data import Table, read, summarise, table, trial
from support import expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.stats.adjustment.adjusted_means import AdjustedMeans

MEAN = Columns(("y",), ("x", "z"))
GAPS = Columns(("y",), ("x", "z"), ("x",))
RATIO = Columns(("revenue", "orders"), ("x", "z"))
SIZES = {"control": 40, "coupon": 60, "gift": 25}
seeds = st.integers(0, 2**32 - 1)
sizes = st.fixed_dictionaries({key: st.integers(8, 60) for key in SIZES})
kinds = pytest.mark.parametrize("columns", [MEAN, GAPS, RATIO], ids=["mean", "gaps", "ratio"])


def adjusted(columns: Columns, units: dict[str, Table], fill: float = 0.0) -> AdjustedMeans:
    return adjust_means({key: summarise(columns, rows, fill) for key, rows in units.items()})


def same(got: AdjustedMeans, wanted: AdjustedMeans, rel: float) -> None:
    for treatment in ("coupon", "gift"):
        one, other = (each.compare("control", treatment) for each in (got, wanted))
        for name in ("value", "difference", "se", "df", "pvalue"):
            mine, theirs = getattr(one.comparison, name), getattr(other.comparison, name)
            assert mine == pytest.approx(theirs, rel=rel, abs=1e-12), name
        assert (one.comparison.lift_ci is None) == (other.comparison.lift_ci is None)
        if one.comparison.lift_ci and other.comparison.lift_ci:
            assert one.comparison.lift_ci.low == pytest.approx(
                other.comparison.lift_ci.low, rel=rel, abs=rel
            )
        assert one.variance_reduction == pytest.approx(other.variance_reduction, rel=rel, abs=rel)


@pytest.mark.parametrize("case", golden_cases("c_cuped", "c-lin"))
def test_reference_cases(case: dict[str, Any], golden_data: Path) -> None:
    given_ = case["inputs"]
    columns = Columns((given_["outcome"],), tuple(given_["covariates"]))
    rows = read(golden_data / "cuped.csv", {"control": "control", given_["treatment"]: "treatment"})
    units = {
        key: table([row for row in some if row["pre_spend"]], columns.names)
        for key, some in rows.items()
    }
    result = adjusted(columns, units)
    found = result.compare("control", "treatment", given_["conf"]).comparison
    covariances = [
        result.covariance(*two)
        for two in (("treatment", "treatment"), ("treatment", "control"), ("control", "control"))
    ]
    assert found.value is not None
    assert found.value_control is not None
    treatment, both, control = (value or 0.0 for value in covariances)
    pair = Pair(found.value_control, found.value, control, treatment, both, 1)
    fieller = joint_fieller_lift(pair, normal_quantile(given_["conf"]))
    assert fieller is not None
    got = {
        "estimate": found.difference,
        "adj_mean_treatment": found.value,
        "adj_mean_control": found.value_control,
        "slope_treatment": list(result.slopes[result.variants.index("treatment")]),
        "slope_control": list(result.slopes[result.variants.index("control")]),
        "se_superpopulation": found.se,
        "heterogeneity_term": sum(
            result.shared[a][b] * (1 if a == b else -1) for a in (0, 1) for b in (0, 1)
        ),
        "vcov_adj_means": covariances,
        "relative_lift": found.lift,
        "fieller_ratio_ci_z": [fieller.low + 1, fieller.high + 1],
    }
    rows_of = [np.column_stack([units[key][name] for name in columns.names]) for key in rows]
    kinds_of_error: tuple[Sandwich, ...] = ("hc0", "hc2", "hc3")
    fits = {
        one: lin_regression(rows_of[0], rows_of[1], one, given_["conf"]) for one in kinds_of_error
    }
    assert fits["hc2"].ci is not None
    got |= {
        "se_hc0": fits["hc0"].se,
        "se_hc2": fits["hc2"].se,
        "se_hc3": fits["hc3"].se,
        "df_ols": fits["hc2"].df,
        "p_hc2_t": fits["hc2"].pvalue,
        "ci_hc2_t": [fits["hc2"].ci.low, fits["hc2"].ci.high],
    }
    for key, value in got.items():
        assert value == expected(case, key), key


def test_statsmodels_fits_the_same_lines() -> None:
    """Variant by variant, OLS on covariates centred on the mean of everybody."""
    units = trial(3, SIZES)
    result = adjusted(MEAN, units)
    everyone = np.vstack([np.column_stack([rows["x"], rows["z"]]) for rows in units.values()])
    spread = np.cov(everyone.T) / len(everyone)
    fits = {}
    for key, rows in units.items():
        centred = np.column_stack([rows["x"], rows["z"]]) - everyone.mean(axis=0)
        fits[key] = OLS(rows["y"], np.column_stack([np.ones(len(centred)), centred])).fit()
    for one, fit in fits.items():
        level = result.levels[result.variants.index(one)]
        assert level.value == pytest.approx(fit.params[0], rel=1e-10)
        assert level.df == fit.df_resid
        for other, second in fits.items():
            wanted = fit.params[1:] @ spread @ second.params[1:]
            wanted += fit.mse_resid / len(units[one]["y"]) if one == other else 0
            assert result.covariance(one, other) == pytest.approx(wanted, rel=1e-10)


def test_one_regression_with_interactions_says_the_same() -> None:
    """Lin's form: y on the variant, centred covariates and their products, with two variants."""
    units = trial(4, {"control": 70, "gift": 30})
    rows = {name: np.concatenate([one[name] for one in units.values()]) for name in ("y", "x", "z")}
    treated = np.repeat([0.0, 1.0], [70, 30])
    centred = np.column_stack([rows["x"], rows["z"]])
    centred = centred - centred.mean(axis=0)
    design = np.column_stack([np.ones(100), treated, centred, centred * treated[:, None]])
    fit = OLS(rows["y"], design).fit()
    got = adjusted(MEAN, units).compare("control", "gift").comparison
    assert got.difference == pytest.approx(fit.params[1], rel=1e-9)
    # What the superpopulation adds to errors that take the covariates' mean as fixed.
    added = fit.params[4:] @ np.cov(centred.T) @ fit.params[4:] / 100
    residuals = fit.resid**2
    fixed = sum(
        residuals[treated == side].sum() / (n - 3) / n for side, n in ((0.0, 70), (1.0, 30))
    )
    assert got.se == pytest.approx(math.sqrt(fixed + added), rel=1e-9)


def test_influence_functions_give_the_same_variance() -> None:
    """sum_i phi_i phi_i' / N^2, but for n in place of the degrees of freedom."""
    units = trial(5, SIZES)
    result = adjusted(MEAN, units)
    x = {key: np.column_stack([rows["x"], rows["z"]]) for key, rows in units.items()}
    total, centre = 125, np.vstack(list(x.values())).mean(axis=0)
    influence = []
    for key, slope, level in zip(result.variants, result.slopes, result.levels, strict=True):
        parts = []
        for other in units:
            part = (x[other] - centre) @ slope
            if other == key:
                n = len(x[key])
                residual = units[key]["y"] - (level.value or 0) - part
                part = part + residual * total / n * math.sqrt(n / level.df)
            parts.append(part)
        influence.append(np.concatenate(parts))
    joint = np.array(influence) @ np.array(influence).T / total**2
    for a, one in enumerate(result.variants):
        for b, other in enumerate(result.variants):
            own = (result.levels[a].variance or 0.0) if a == b else 0.0
            got = own + result.shared[a][b] * (total - 1) / total
            assert got == pytest.approx(joint[a, b], rel=1e-9), (one, other)


def test_the_ratio_is_adjusted_through_its_linearised_values() -> None:
    units = trial(6, SIZES)
    linear = {}
    for key, rows in units.items():
        ratio = rows["revenue"].sum() / rows["orders"].sum()
        y = ratio + (rows["revenue"] - ratio * rows["orders"]) / rows["orders"].mean()
        linear[key] = {**rows, "y": y}
    same(adjusted(RATIO, units), adjusted(MEAN, linear), 1e-9)


def test_missing_history_is_a_stratum_of_its_own() -> None:
    """With one covariate: a line where it is known, a mean where not, weighted by the shares."""
    units = trial(7, SIZES, missing=0.3)
    result = adjusted(Columns(("y",), ("x",), ("x",)), units)
    known = {key: ~np.isnan(rows["x"]) for key, rows in units.items()}
    share = sum(flags.sum() for flags in known.values()) / 125
    centre = np.concatenate([rows["x"][known[key]] for key, rows in units.items()]).mean()
    for key, level in zip(result.variants, result.levels, strict=True):
        rows, flags = units[key], known[key]
        line = np.polyfit(rows["x"][flags] - centre, rows["y"][flags], 1)
        wanted = share * line[1] + (1 - share) * rows["y"][~flags].mean()
        assert level.value == pytest.approx(wanted, rel=1e-9)


def test_without_covariates_it_is_welch_and_the_delta_method() -> None:
    units = trial(8, SIZES)
    summaries = {key: summarise(Columns(("y",)), rows) for key, rows in units.items()}
    plain = [
        Moments(one.n, one.means[0], one.products[0][0])
        for one in (summaries["control"], summaries["gift"])
    ]
    got = adjust_means(summaries).compare("control", "gift", 0.9)
    wanted = welch(plain[0], plain[1], 0.9)
    for name in ("difference", "se", "df", "pvalue", "lift"):
        assert getattr(got.comparison, name) == pytest.approx(getattr(wanted, name), rel=1e-12)
    assert got.unadjusted_difference == wanted.difference
    assert got.unadjusted_se == pytest.approx(wanted.se, rel=1e-12)
    assert got.variance_reduction is None
    assert "there are no covariates: not adjusted" in got.comparison.notes


def test_the_unadjusted_ratio_is_the_delta_method() -> None:
    summaries = {key: summarise(RATIO, rows) for key, rows in trial(9, SIZES).items()}
    pairs = [
        PairMoments(
            one.n,
            one.means[0],
            one.means[1],
            one.products[0][0],
            one.products[1][1],
            one.products[0][1],
        )
        for one in (summaries["control"], summaries["gift"])
    ]
    wanted = linearized_ratio(pairs[0], pairs[1])
    got = adjust_means(summaries).compare("control", "gift")
    assert got.unadjusted_difference == pytest.approx(wanted.difference)
    assert got.unadjusted_se == pytest.approx(wanted.se)


def test_hillstrom_gains_next_to_nothing_and_says_so(shared_data: Path) -> None:
    wanted = {"No E-Mail": "none", "Mens E-Mail": "mens", "Womens E-Mail": "womens"}
    columns = Columns(("spend",), ("history", "recency"))
    rows = read(shared_data / "hillstrom.csv", wanted)
    result = adjusted(columns, {key: table(some, columns.names) for key, some in rows.items()})
    answers = {"mens": (0.769827156, 0.145246560), "womens": (0.424412216, 0.130332859)}
    for variant, (difference, se) in answers.items():
        found = result.compare("none", variant)
        assert found.unadjusted_difference == pytest.approx(difference, abs=1e-9)
        assert found.unadjusted_se == pytest.approx(se, abs=1e-9)
        assert found.variance_reduction is not None
        assert 0 < found.variance_reduction < 0.002
        assert found.comparison.se == pytest.approx(se, rel=1e-3)
        assert "the covariates gain next to nothing" in found.comparison.notes[-1]


# --- invariants


@kinds
@given(seeds, sizes, st.floats(0.5, 0.999))
@settings(max_examples=60)
def test_pvalue_and_intervals_never_contradict_each_other(
    columns: Columns, seed: int, size: dict[str, int], ci_level: float
) -> None:
    result = adjusted(columns, trial(seed, size, missing=0.2 if columns is GAPS else 0))
    found = result.compare("control", "coupon", ci_level).comparison
    assert found.pvalue is not None
    assert found.difference is not None
    assert found.difference_ci is not None
    assert found.difference in found.difference_ci
    assume(abs(found.pvalue - (1 - ci_level)) > 1e-9)
    rejected = found.pvalue < 1 - ci_level
    assert rejected == (0 not in found.difference_ci)
    if found.lift_ci is not None:
        assert found.lift is not None
        assert found.lift in found.lift_ci
        assert rejected == (0 not in found.lift_ci)


@kinds
@given(seeds, sizes)
@settings(max_examples=40)
def test_swapping_variants_negates_the_difference(
    columns: Columns, seed: int, size: dict[str, int]
) -> None:
    result = adjusted(columns, trial(seed, size, missing=0.2 if columns is GAPS else 0))
    there = result.compare("control", "gift").comparison
    back = result.compare("gift", "control").comparison
    assert there.difference == -(back.difference or 0)
    assert there.pvalue == pytest.approx(back.pvalue, rel=1e-12)
    if there.lift_ci and back.lift_ci and there.lift_ci.low > -0.9:
        assert 1 + there.lift_ci.low == pytest.approx(1 / (1 + back.lift_ci.high), rel=1e-9)


@kinds
@given(seeds, sizes, st.floats(-1000, 1000), st.floats(0.01, 100))
@settings(max_examples=40)
def test_location_and_scale(
    columns: Columns, seed: int, size: dict[str, int], shift: float, scale: float
) -> None:
    """Another currency scales the difference; covariates on another scale change nothing."""
    units = trial(seed, size, missing=0.2 if columns is GAPS else 0)
    plain = adjusted(columns, units)
    moved = {
        key: {**rows, "x": shift + scale * rows["x"], "z": 7 - 3 * rows["z"]}
        for key, rows in units.items()
    }
    same(adjusted(columns, moved), plain, 1e-6)
    dear = {
        key: {**rows, "y": scale * rows["y"], "revenue": scale * rows["revenue"]}
        for key, rows in units.items()
    }
    one = adjusted(columns, dear).compare("control", "gift").comparison
    two = plain.compare("control", "gift").comparison
    assert one.difference == pytest.approx(scale * (two.difference or 0), rel=1e-9, abs=1e-9)
    assert one.pvalue == pytest.approx(two.pvalue, rel=1e-8)
    assert one.lift == pytest.approx(two.lift, rel=1e-8, abs=1e-10)


@given(seeds, sizes)
@settings(max_examples=40)
def test_not_coming_back_is_the_mirror_of_coming_back(seed: int, size: dict[str, int]) -> None:
    units = trial(seed, size)
    columns = Columns(("visit",), ("x", "z"))
    gone = {key: {**rows, "visit": 1 - rows["visit"]} for key, rows in units.items()}
    stay, leave = (
        adjusted(columns, some).compare("control", "gift").comparison for some in (units, gone)
    )
    assert stay.difference == pytest.approx(-(leave.difference or 0), abs=1e-12)
    assert stay.pvalue == pytest.approx(leave.pvalue, rel=1e-9)


@given(seeds, sizes, st.floats(-500, 500))
@settings(max_examples=60)
def test_the_fill_in_is_of_no_consequence(seed: int, size: dict[str, int], fill: float) -> None:
    units = trial(seed, size, missing=0.3)
    same(adjusted(GAPS, units, fill), adjusted(GAPS, units, 0.0), 1e-6)


@pytest.mark.parametrize("fill", [-1e6, -1.0, 0.0, 1e6])
@pytest.mark.parametrize("gaps", [(0, 12, 9), (1, 0, 0), (20, 20, 0), (0, 60, 0), (0, 0, 0)])
def test_nor_where_a_variant_has_no_gaps_or_only_gaps(
    fill: float, gaps: tuple[int, int, int]
) -> None:
    units = trial(12, SIZES)
    for rows, gap in zip(units.values(), gaps, strict=True):
        rows["x"][:gap] = np.nan
    same(adjusted(GAPS, units, fill), adjusted(GAPS, units, 45.0), 1e-5)


def test_two_histories_missing_for_the_same_customers() -> None:
    units = trial(13, SIZES, missing=0.3)
    for rows in units.values():
        rows["z"] = np.where(np.isnan(rows["x"]), np.nan, rows["z"])
    columns = Columns(("y",), ("x", "z"), ("x", "z"))
    summaries = {}
    for fill_x, fill_z in ((0.0, 0.0), (90.0, -3.0)):
        filled = {
            key: from_rows(
                columns,
                np.column_stack(
                    [
                        rows["y"],
                        np.where(np.isnan(rows["x"]), fill_x, rows["x"]),
                        np.where(np.isnan(rows["x"]), fill_z, rows["z"]),
                        np.isnan(rows["x"]),
                        np.isnan(rows["x"]),
                    ]
                ),
            )
            for key, rows in units.items()
        }
        summaries[fill_x] = adjust_means(filled)
    same(summaries[0.0], summaries[90.0], 1e-9)
    assert summaries[0.0].covariates == ("x", "z", "x:missing")
    assert summaries[0.0].notes[0] == (
        "z:missing follows from the other covariates in some variant: not adjusted for"
    )


@kinds
@given(seeds, sizes)
@settings(max_examples=40)
def test_the_order_of_covariates_is_of_no_consequence(
    columns: Columns, seed: int, size: dict[str, int]
) -> None:
    units = trial(seed, size, missing=0.2 if columns is GAPS else 0)
    turned = replace(columns, covariates=columns.covariates[::-1])
    same(adjusted(turned, units), adjusted(columns, units), 1e-8)


@kinds
@given(seeds, sizes, st.integers(0, 60))
@settings(max_examples=40)
def test_rows_in_any_order_and_any_shards(
    columns: Columns, seed: int, size: dict[str, int], cut: int
) -> None:
    units = trial(seed, size, missing=0.2 if columns is GAPS else 0)
    order = np.random.default_rng(seed)
    shards: dict[str, CoMoments] = {}
    for key, rows in units.items():
        place = order.permutation(size[key])
        first, second = (
            summarise(columns, {name: values[part] for name, values in rows.items()})
            for part in (place[:cut], place[cut:])
        )
        shards[key] = second + first
    same(adjust_means(shards), adjusted(columns, units), 1e-9)


@kinds
@given(seeds, sizes)
@settings(max_examples=40)
def test_contrasts_of_many_variants_add_up(
    columns: Columns, seed: int, size: dict[str, int]
) -> None:
    result = adjusted(columns, trial(seed, size, missing=0.2 if columns is GAPS else 0))
    step = [
        result.compare(*two).comparison.difference or 0.0
        for two in (("control", "coupon"), ("coupon", "gift"), ("control", "gift"))
    ]
    assert step[0] + step[1] == pytest.approx(step[2], rel=1e-9, abs=1e-9)
    joint = np.array([[result.covariance(a, b) or 0.0 for a in SIZES] for b in SIZES])
    assert np.linalg.eigvalsh(joint).min() > 0
    found = result.compare("coupon", "gift").comparison
    weights = np.array([0.0, -1.0, 1.0])
    assert found.se == pytest.approx(math.sqrt(weights @ joint @ weights), rel=1e-9)


# --- degenerate input

small = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 1.0, 2.5])] * 4, st.booleans()), max_size=7)


@pytest.mark.parametrize("outcome", [("y",), ("y", "d")])
@given(st.lists(small, min_size=2, max_size=3), st.floats(0.5, 0.999))
@settings(max_examples=300)
def test_no_table_however_small_gives_nan(
    outcome: tuple[str, ...], tables: list[list[tuple[Any, ...]]], ci_level: float
) -> None:
    columns = Columns(outcome, ("x", "z"), ("x",))
    summaries = {}
    for place, rows in enumerate(tables):
        kept = [
            (*((y, d) if len(outcome) == 2 else (y,)), 7.0 if gone else x, z, float(gone))
            for y, d, x, z, gone in rows
        ]
        summaries[str(place)] = from_rows(columns, np.array(kept).reshape(-1, len(columns.names)))
    result = adjust_means(summaries)
    for variant in summaries:
        estimate = result.estimate(variant, ci_level)
        assert estimate.value is None or math.isfinite(estimate.value)
        found = result.compare("0", variant, ci_level)
        one = found.comparison
        numbers = [
            one.value,
            one.difference,
            one.lift,
            one.se,
            one.statistic,
            one.df,
            one.pvalue,
            found.unadjusted_difference,
            found.unadjusted_se,
            found.variance_reduction,
        ]
        ends = [end for ci in (one.difference_ci, one.lift_ci) if ci for end in (ci.low, ci.high)]
        assert all(math.isfinite(number) for number in [*numbers, *ends] if number is not None)
        if None in (one.pvalue, one.difference_ci, one.lift, one.lift_ci):
            assert one.notes
            assert all(one.notes)
        if one.pvalue is not None and abs(one.pvalue - (1 - ci_level)) > 1e-9 and variant != "0":
            assert one.difference_ci is not None
            assert (one.pvalue < 1 - ci_level) == (0 not in one.difference_ci)
            assert one.lift_ci is None or (one.pvalue < 1 - ci_level) == (0 not in one.lift_ci)


def test_copies_and_constants_are_dropped_by_name() -> None:
    units = trial(14, SIZES)
    plain = adjusted(MEAN, units)
    for rows in units.values():
        rows["copy"], rows["same"] = 3 * rows["x"] - 2 * rows["z"] + 1, np.full(len(rows["x"]), 4.2)
    result = adjusted(Columns(("y",), ("x", "same", "copy", "z")), units)
    assert len(result.covariates) == 2
    assert result.notes[:2] == (
        "x follows from the other covariates in some variant: not adjusted for",
        "same is the same for every unit: not adjusted for",
    )
    same(result, plain, 1e-7)


def test_a_covariate_that_is_constant_in_one_variant_is_dropped_for_all() -> None:
    units = trial(15, SIZES)
    units["gift"]["z"][:] = 3.0
    result = adjusted(MEAN, units)
    assert result.covariates == ("x",)
    same(result, adjusted(Columns(("y",), ("x",)), units), 1e-12)


def test_only_constants_leave_nothing_to_adjust_for() -> None:
    units = trial(16, SIZES)
    for rows in units.values():
        rows["x"][:], rows["z"][:] = 1.0, 0.1
    found = adjusted(MEAN, units).compare("control", "gift")
    assert found.variance_reduction is None
    assert found.comparison.difference == found.unadjusted_difference
    assert found.comparison.notes[-1] == "no covariate is left: not adjusted"


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_units_for_the_covariates(n: int) -> None:
    found = adjusted(MEAN, trial(17, {"control": 40, "gift": n})).compare("control", "gift")
    assert found.comparison.difference == found.unadjusted_difference
    assert found.comparison.pvalue is not None
    note = found.comparison.notes[-1]
    assert "follows from the other" in found.comparison.notes[0] or "too few for 2" in note


def test_just_enough_units_have_one_degree_of_freedom() -> None:
    result = adjusted(MEAN, trial(18, {"control": 4, "gift": 40}))
    assert result.levels[0].df == 1
    found = result.compare("control", "gift").comparison
    assert found.pvalue is not None
    assert "control has 4 units for 2 covariates" in found.notes[0]


def test_nobody_and_one_unit_do_not_stop_the_others() -> None:
    units = trial(19, {"control": 40, "coupon": 1, "gift": 30})
    both = adjusted(MEAN, {key: units[key] for key in ("control", "gift")})
    units["late"] = {name: values[:0] for name, values in units["gift"].items()}
    result = adjusted(MEAN, units)
    got, wanted = (each.compare("control", "gift") for each in (result, both))
    assert got == wanted
    one = result.compare("control", "coupon")
    assert one.comparison.difference is not None
    assert one.comparison.pvalue is None
    assert one.unadjusted_se is None
    assert "treatment has one observed unit" in one.comparison.notes[0]
    assert result.covariance("control", "coupon") is None
    assert result.estimate("coupon").ci is None
    none = result.compare("late", "control")
    assert none.unadjusted_difference is None
    assert "control has no observed units" in none.comparison.notes[0]
    assert adjusted(MEAN, {"late": units["late"]}).estimate("late").value is None


def test_perfect_prediction_and_constant_outcomes() -> None:
    units = trial(20, {"control": 40, "gift": 30})
    for rows in units.values():
        rows["y"] = 3 + 0.1 * rows["x"]
    found = adjusted(MEAN, units).compare("control", "gift")
    assert found.comparison.difference == pytest.approx(0, abs=1e-12)
    assert found.comparison.pvalue is None
    assert found.variance_reduction is None
    assert found.comparison.notes[0].startswith("nothing is left to vary")
    units["gift"]["y"] = units["gift"]["y"] * 2
    found = adjusted(MEAN, units).compare("control", "gift")
    assert found.comparison.df == pytest.approx(69)  # the covariates' mean is all that varies
    for rows in units.values():
        rows["y"][:] = 0.1
    assert adjusted(MEAN, units).compare("control", "gift").comparison.pvalue is None


def test_values_too_large_to_average() -> None:
    summaries = {key: summarise(MEAN, rows) for key, rows in trial(21, SIZES).items()}
    far = replace(summaries["gift"], means=(1.0, math.inf, 1.0))
    result = adjust_means({**summaries, "gift": far})
    assert result.compare("control", "coupon").comparison.pvalue is not None
    found = result.compare("control", "gift")
    assert found.comparison.pvalue is not None
    assert any("gift has a covariate too large" in note for note in found.comparison.notes)


def test_the_variants_must_share_their_columns() -> None:
    with pytest.raises(ValueError, match="there are 0 sets of columns"):
        adjust_means({})
    units = trial(22, {"control": 9, "gift": 9})
    with pytest.raises(ValueError, match="there are 2 sets of columns"):
        adjust_means({"a": summarise(MEAN, units["control"]), "b": summarise(GAPS, units["gift"])})


def test_unknown_variants_and_bad_levels() -> None:
    result = adjusted(MEAN, trial(23, SIZES))
    with pytest.raises(KeyError, match="gifts is no variant; there are control, coupon, gift"):
        result.compare("control", "gifts")
    with pytest.raises(ValueError, match=r"ci_level is 1\.0; it must lie strictly"):
        result.compare("control", "gift", 1.0)
    with pytest.raises(ValueError, match=r"ci_level is 1\.0; it must lie strictly"):
        result.estimate("control", 1.0)


def test_an_estimate_has_the_whole_variance() -> None:
    result = adjusted(MEAN, trial(24, SIZES))
    estimate = result.estimate("gift", 0.9)
    assert estimate.ci is not None
    assert estimate.value is not None
    assert estimate.value in estimate.ci
    variance = result.covariance("gift", "gift") or 0.0
    half = (estimate.ci.high - estimate.ci.low) / 2 / math.sqrt(variance)
    assert 1.645 < half < 1.73  # the t quantile, with at least 22 degrees of freedom
