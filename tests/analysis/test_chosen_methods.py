"""Methods that the spec names, through ``analyze``; scipy and statsmodels are the witnesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from abtest import SpecError
from abtest.methods import Quantile
from abtest.stats.value_counts import ValueCounts
from analysis.by_hand import WON, run_units
from support import expected, golden_cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.analysis.result import Record

SPEND: dict[str, Any] = {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
MEDIAN: dict[str, Any] = {"key": "spend", "kind": "quantile", "column": "spend", "role": "primary"}
KEYS = ("control", "coupon")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 300
    variant = np.array(KEYS)[rng.integers(0, 2, n)]
    spend = np.round(rng.gamma(2, 20, n) + 6 * (variant == "coupon"), 2)
    won = rng.random(n) < 0.3 + 0.1 * (variant == "coupon")
    return pd.DataFrame({"id": range(n), "variant": variant, "spend": spend, "won": won})


def found(frame: pd.DataFrame, metric: Mapping[str, Any], method: dict[str, Any] | None) -> Record:
    analysis = {} if method is None else {"methods": {metric["key"]: method}}
    return run_units(frame, metrics=[metric], analysis=analysis).results[0]


def samples(frame: pd.DataFrame) -> list[np.ndarray[Any, Any]]:
    return [frame.spend[frame.variant == key].to_numpy() for key in KEYS]


def test_a_mean_by_permutation_is_scipys(frame: pd.DataFrame) -> None:
    """Studentised: scipy permutes Welch's t. Both draw at random: they are not the same."""
    control, treatment = samples(frame)
    record = found(frame, SPEND, {"kind": "permutation", "seed": 4})

    def welch(one: Any, other: Any, axis: int = -1) -> Any:
        return stats.ttest_ind(one, other, axis=axis, equal_var=False).statistic

    wanted = stats.permutation_test(
        (treatment, control),
        welch,
        vectorized=True,
        n_resamples=9_999,
        rng=np.random.default_rng(1),
    )
    assert record.method == "permutation"
    assert record.difference == pytest.approx(treatment.mean() - control.mean(), rel=1e-12)
    # The standard error of a share near p of 9,999 draws, four times, on both sides.
    p = wanted.pvalue
    assert record.pvalue == pytest.approx(p, abs=6 * (p * (1 - p) / 9_999) ** 0.5)
    assert record.n + (record.n_control or 0) == len(frame)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_a_mean_by_the_bootstrap_is_scipys(frame: pd.DataFrame, method: str) -> None:
    control, treatment = samples(frame)
    record = found(frame, SPEND, {"kind": "bootstrap", "interval": method.lower()})

    def gap(one: Any, other: Any, axis: int = -1) -> Any:
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    wanted: Any = stats.bootstrap(  # type: ignore[call-overload]  # arrays of one dimension
        (treatment, control),
        gap,
        method=method,
        n_resamples=9_999,
        rng=np.random.default_rng(1),
    )
    assert record.method == "bootstrap"
    assert record.difference == pytest.approx(treatment.mean() - control.mean(), rel=1e-12)
    # An end of the interval is known to about 3% of the standard error.
    within = 0.1 * wanted.standard_error
    assert record.difference_ci_low == pytest.approx(wanted.confidence_interval.low, abs=within)
    assert record.difference_ci_high == pytest.approx(wanted.confidence_interval.high, abs=within)


def test_resampling_is_the_same_on_every_run(frame: pd.DataFrame) -> None:
    for kind in ("bootstrap", "permutation"):
        method = {"kind": kind, "resamples": 500, "seed": 9}
        one, two = (
            found(table, SPEND, method) for table in (frame, frame.sample(frac=1, random_state=1))
        )
        assert one == two
        assert one.pvalue is not None
    other = found(frame, SPEND, {"kind": "bootstrap", "resamples": 500, "seed": 10})
    same = found(frame, SPEND, {"kind": "bootstrap", "resamples": 500, "seed": 9})
    assert other.difference_ci_low != same.difference_ci_low


@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize("named", [False, True])
def test_a_quantile_is_of_the_share_that_the_metric_asks_for(
    frame: pd.DataFrame, q: float, named: bool
) -> None:
    """Also where the spec names the method without saying once more which quantile."""
    control, treatment = samples(frame)
    record = found(frame, {**MEDIAN, "q": q}, {"kind": "quantile"} if named else None)
    assert record.method == "quantile"
    for value, sample in ((record.value, treatment), (record.value_control, control)):
        wanted = np.quantile(sample, q, method="inverted_cdf")
        assert value is not None
        # Between the order statistics on both sides of it, whatever convention is used.
        place = np.searchsorted(np.sort(sample), wanted)
        assert np.sort(sample)[place - 1] <= value <= np.sort(sample)[place + 1]
    direct = Quantile(q=q).compare(ValueCounts.of(control), ValueCounts.of(treatment), 0.95)
    assert record.difference == direct.difference
    assert record.pvalue == direct.pvalue


def test_the_bootstrap_of_a_quantile_is_of_that_quantile(frame: pd.DataFrame) -> None:
    control, treatment = samples(frame)
    record = found(frame, {**MEDIAN, "q": 0.9}, {"kind": "bootstrap", "resamples": 500})
    wanted = np.quantile(treatment, 0.9) - np.quantile(control, 0.9)
    assert record.difference == pytest.approx(wanted, abs=3)
    assert abs((record.difference or 0) - (treatment.mean() - control.mean())) > 0.5


def test_the_median_of_a_mean_metric(frame: pd.DataFrame) -> None:
    control, treatment = samples(frame)
    record = found(frame, SPEND, {"kind": "quantile"})
    assert record.value == pytest.approx(float(np.median(treatment)), abs=0.5)
    assert record.value_control == pytest.approx(float(np.median(control)), abs=0.5)


def test_a_share_by_newcombe_is_statsmodels(frame: pd.DataFrame) -> None:
    counts = frame.groupby("variant").won.agg(["sum", "count"])
    record = found(frame, WON, {"kind": "newcombe"})
    low, high = confint_proportions_2indep(
        *counts.loc["coupon"], *counts.loc["control"], method="newcomb", compare="diff"
    )
    assert [record.difference_ci_low, record.difference_ci_high] == pytest.approx(
        [low, high], rel=1e-9
    )


def shares(control: tuple[int, int], treatment: tuple[int, int]) -> pd.DataFrame:
    """One row per unit from (events, units) of each variant."""
    rows = [
        (key, place < events)
        for key, (events, units) in zip(KEYS, (control, treatment), strict=True)
        for place in range(units)
    ]
    return pd.DataFrame(rows, columns=["variant", "won"]).rename_axis("id").reset_index()


@pytest.mark.parametrize(("control", "treatment"), [(3, 9), (0, 5), (2, 4)])
def test_a_share_by_boschloo_is_scipys(control: int, treatment: int) -> None:
    """With equal numbers of units; with others scipy doubles a one-sided p-value."""
    record = found(shares((control, 30), (treatment, 30)), WON, {"kind": "boschloo"})
    table = [[control, treatment], [30 - control, 30 - treatment]]
    assert record.pvalue == pytest.approx(stats.boschloo_exact(table, n=256).pvalue, rel=1e-4)
    assert record.coherent is False


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-scas"))
def test_a_share_by_scas_is_rs(case: dict[str, Any]) -> None:
    """R's ratesci, by way of rows of units."""
    inputs = case["inputs"]
    pair = [(inputs[key]["x"], inputs[key]["n"]) for key in ("control", "treatment")]
    analysis = {"methods": {"won": {"kind": "scas"}}, "alpha": 1 - inputs["conf"]}
    record = run_units(shares(*pair), metrics=[WON], analysis=analysis).results[0]
    assert record.method == "scas"
    ends = [record.difference_ci_low, record.difference_ci_high]
    assert ends == expected(case, "diff_ci")
    assert record.lift_ci_low is not None
    assert record.lift_ci_low + 1 == pytest.approx(case["expected"]["risk_ratio_ci"][0], abs=1e-8)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [(WON, "bootstrap"), (WON, "welch"), (SPEND, "newcombe"), (MEDIAN, "welch"), (SPEND, "cox")],
)
def test_a_method_that_does_not_fit_is_refused(
    frame: pd.DataFrame, metric: dict[str, Any], kind: str
) -> None:
    with pytest.raises(SpecError, match=f"is {kind}, which does not fit a {metric['kind']}"):
        found(frame, metric, {"kind": kind})
