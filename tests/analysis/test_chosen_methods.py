"""Methods that the spec names, through ``analyze``; scipy and statsmodels are the witnesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from abtest import SpecError
from abtest.analysis.method_choice import choose_method
from abtest.methods import Quantile
from abtest.spec.load import parse_spec
from abtest.stats.proportions.scas import scas
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Proportion
from analysis.by_hand import CONVERSION, WON, run_units, spec_for
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


MARGIN = {**WON, "role": "guardrail", "non_inferiority_margin": {"absolute": 0.02}}


def by_default(metric: dict[str, Any], *weights: int, **more: Any) -> Record:
    """A share in variants of 200 and 40 units, and 40 more for a third."""
    frame = shares((60, 200), (9, 40))
    variants: list[dict[str, Any]] = [
        {"key": key, "weight": weight, "control": key == "control"}
        for key, weight in zip((*KEYS, "letter"), weights, strict=False)
    ]
    if len(weights) > 2:
        extra = frame[frame.variant == "coupon"]
        moved = extra.assign(variant="letter", id=extra.id + 10_000)
        frame = pd.concat([frame, moved], ignore_index=True)
    first = {**WON, "key": "first"}  # a spec needs a primary metric
    metrics = [first, {**metric, "key": "won"}]
    return run_units(frame, metrics=metrics, variants=variants, **more).results[-1]


@pytest.mark.parametrize(
    ("metric", "weights", "kind"),
    [
        (WON, (50, 50), "miettinen_nurminen"),
        (WON, (9, 1), "miettinen_nurminen"),  # exactly 10%
        (WON, (95, 5), "scas"),
        (WON, (5, 95), "scas"),
        (WON, (50, 45, 5), "scas"),  # the other contrast needs it, and a metric has one method
        (WON, (80, 10, 10), "miettinen_nurminen"),
        (MARGIN, (50, 50), "miettinen_nurminen"),
        (MARGIN, (2, 1), "scas"),
        ({**WON, "role": "guardrail"}, (2, 1), "miettinen_nurminen"),
        ({**MARGIN, "role": "secondary"}, (2, 1), "miettinen_nurminen"),
    ],
)
def test_the_planned_weights_choose_the_method_of_a_share(
    metric: dict[str, Any], weights: tuple[int, ...], kind: str
) -> None:
    """The counts, 200 to 40, are the same in all."""
    assert by_default(metric, *weights).method == kind


def test_the_default_for_a_small_share_is_scas_itself() -> None:
    record = by_default(WON, 95, 5)
    wanted = scas(Proportion(200, 60), Proportion(40, 9))
    assert wanted.difference_ci is not None
    assert record.pvalue == wanted.pvalue
    assert record.difference_ci_low == wanted.difference_ci.low
    assert record.difference_ci_high == wanted.difference_ci.high


def test_the_method_of_the_spec_goes_before_the_default() -> None:
    chosen = {"methods": {"won": {"kind": "miettinen_nurminen"}}}
    assert by_default(WON, 95, 5, analysis=chosen).method == "miettinen_nurminen"


def test_weights_of_any_phase_choose_the_method() -> None:
    later = {"from": "2026-01-10", "weights": {"control": 19, "coupon": 1}}
    joins = {"from": "2026-01-10", "weights": {"control": 1, "coupon": 0}}
    counts = [Proportion(30, 3), Proportion(30, 4)]
    for phase, kind in ((later, "scas"), (joins, "miettinen_nurminen")):
        data: dict[str, Any] = {"as_of": "2026-02-01", "assignments": {"path": "a.csv"}}
        data["events"] = {"orders": {"path": "o.csv", "at": "at"}}
        spec = parse_spec(spec_for(data, [CONVERSION], assignment={"phases": [phase]})).spec
        assert choose_method(spec, spec.metrics[0], counts).kind == kind


@pytest.mark.parametrize(
    ("metric", "kind"),
    [(WON, "bootstrap"), (WON, "welch"), (SPEND, "newcombe"), (MEDIAN, "welch"), (SPEND, "cox")],
)
def test_a_method_that_does_not_fit_is_refused(
    frame: pd.DataFrame, metric: dict[str, Any], kind: str
) -> None:
    with pytest.raises(SpecError, match=f"is {kind}, which does not fit a {metric['kind']}"):
        found(frame, metric, {"kind": kind})
