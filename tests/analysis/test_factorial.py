"""A factorial spec from rows to records, against least squares with HC2 on the rows."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.multitest import multipletests

from abtest import analyze
from abtest.analysis.factorial import effect_records
from abtest.spec import draft_mapping
from abtest.spec.analysis import Sequential
from abtest.spec.cells import with_cells
from abtest.stats.summaries import Moments
from specs import COLUMNS, changed, faults

if TYPE_CHECKING:
    from abtest import Result
    from abtest.analysis.result import Record

FACTORS = {
    "order": ["discount", "gift"],
    "levels": {"discount": [0, 5, 10], "gift": [True, False]},
    "control": {"discount": 0, "gift": False},
    "cost": {"discount": {"pct_of_order": "level"}, "gift": {"per_redemption": 2.2, "fixed": 100}},
}
METRICS = [
    {"key": "won", "kind": "proportion", "column": "won", "role": "primary"},
    {"key": "spend", "kind": "mean", "column": "spend", "role": "secondary"},
    {"key": "basket", "kind": "ratio", "numerator": "spend", "denominator": "orders"},
    {"key": "returns", "kind": "mean", "column": "returns", "role": "guardrail",
     "desired_change": "decrease", "non_inferiority_margin": {"absolute": 0.5}},
]  # fmt: skip


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "mix",
        "kind": "incentive_mix",
        "unit": "id",
        "factors": FACTORS,
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": METRICS,
        **changes,
    }


def rows(least: int = 40) -> pd.DataFrame:
    """Cells of unequal size; the gift works only with a discount of ten percent."""
    rng = np.random.default_rng(20260105)
    parts = []
    for discount, gift in itertools.product((0, 5, 10), (True, False)):
        n = least + int(rng.integers(0, 60))
        spend = rng.gamma(4, 10, n) + discount / 2 + 8 * (gift and discount == 10)
        parts.append(
            pd.DataFrame(
                {
                    "variant": f"discount={discount},gift={str(gift).lower()}",
                    "discount": discount,
                    "gift": int(gift),
                    "won": (rng.random(n) < 0.3 + 0.02 * discount).astype(int),
                    "spend": spend,
                    "orders": rng.integers(1, 4, n),
                    "returns": rng.normal(1, 0.4, n),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(id=range(len(frame)))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return rows()


@pytest.fixture(scope="module")
def result(frame: pd.DataFrame) -> Result:
    return analyze(spec(), data={"units": frame})


def of(result: Result, metric: str, contrast: str, variant: str | None = None) -> Record:
    [found] = [
        record
        for record in result.results
        if (record.metric, record.contrast) == (metric, contrast)
        and variant in (None, record.variant)
    ]
    return found


def test_cells_are_compared_with_no_incentive(result: Result, frame: pd.DataFrame) -> None:
    cells = [r for r in result.results if (r.metric, r.contrast) == ("spend", "variant")]
    assert [record.control for record in cells] == ["discount=0,gift=false"] * 5
    assert len({record.variant for record in cells}) == 5
    best = of(result, "spend", "variant", "discount=10,gift=true")
    sides = [frame.loc[frame["variant"] == key, "spend"] for key in (best.variant, best.control)]
    witness = stats.ttest_ind(*sides, equal_var=False)
    assert best.pvalue == pytest.approx(witness.pvalue, rel=1e-9)
    won = of(result, "won", "variant", "discount=10,gift=true")
    assert won.pvalue_adjustment == "dunnett"
    assert best.pvalue_adjustment == "gate_holm"


def fitted(frame: pd.DataFrame, outcome: str) -> Any:
    """The cell-means model on rows with HC2."""
    return smf.ols(f"{outcome} ~ C(variant) - 1", frame).fit(cov_type="HC2")


def witness(frame: pd.DataFrame, outcome: str, weights: dict[str, float]) -> tuple[float, float]:
    """A weighted sum of cell means with its robust error."""
    model = fitted(frame, outcome)
    vector = np.zeros(len(model.params))
    names = list(model.params.index)
    for cell, weight in weights.items():
        vector[names.index(f"C(variant)[{cell}]")] = weight
    found = model.t_test(vector)
    return float(found.effect[0]), float(np.ravel(found.sd)[0])


def cell(discount: int, gift: int) -> str:
    return f"discount={discount},gift={'true' if gift else 'false'}"


MAIN_10 = {cell(10, g): 0.5 for g in (1, 0)} | {cell(0, g): -0.5 for g in (1, 0)}
GIFT = {cell(d, g): (1 if g else -1) / 3 for d in (0, 5, 10) for g in (1, 0)}
CROSS = {cell(10, 1): 1, cell(0, 1): -1, cell(10, 0): -1, cell(0, 0): 1}
SIMPLE = {cell(10, 1): 1, cell(10, 0): -1}


@pytest.mark.parametrize("outcome", ["spend", "won"])
@pytest.mark.parametrize(
    ("contrast", "weights"),
    [
        ("main:discount=10", MAIN_10),
        ("main:gift", GIFT),
        ("interaction:discount=10*gift", CROSS),
        ("simple:gift|discount=10", SIMPLE),
    ],
)
def test_effects_against_least_squares_on_rows(
    result: Result, frame: pd.DataFrame, outcome: str, contrast: str, weights: dict[str, float]
) -> None:
    record = of(result, outcome, contrast)
    effect, error = witness(frame, outcome, weights)
    assert record.difference == pytest.approx(effect, rel=1e-9)
    assert record.se == pytest.approx(error, rel=1e-9)
    assert record.statistic == pytest.approx(effect / error, rel=1e-9)
    counted = frame.loc[frame["variant"].isin(weights)]
    assert record.n + (record.n_control or 0) == len(counted)
    assert record.control is not None
    assert record.method == "factorial"


def test_which_effects_there_are(result: Result) -> None:
    names = [r.contrast for r in result.results if r.metric == "spend" and r.contrast != "variant"]
    assert names == [
        "main:discount=5",
        "main:discount=10",
        "main:gift",
        "interaction:discount=5*gift",
        "interaction:discount=10*gift",
        "simple:discount=5|gift=false",
        "simple:discount=5|gift=true",
        "simple:discount=10|gift=false",
        "simple:discount=10|gift=true",
        "simple:gift|discount=0",
        "simple:gift|discount=5",
        "simple:gift|discount=10",
        "interaction:joint",
    ]
    main = of(result, "spend", "main:gift")
    assert (main.variant, main.control) == ("gift=true", "gift=false")
    assert main.lift == pytest.approx((main.difference or 0) / (main.value_control or 1))
    simple = of(result, "spend", "simple:gift|discount=10")
    assert (simple.variant, simple.control) == ("gift=true|discount=10", "gift=false|discount=10")


def test_interactions_have_no_lift_and_say_what_they_need(result: Result) -> None:
    record = of(result, "spend", "interaction:discount=10*gift")
    assert (record.lift, record.lift_ci_low) == (None, None)
    effects = [of(result, "spend", f"simple:discount=10|gift={side}") for side in ("false", "true")]
    assert (record.value_control, record.value) == pytest.approx(
        tuple(effect.difference or 0.0 for effect in effects)
    )
    assert (record.n_control, record.n) == tuple(e.n + (e.n_control or 0) for e in effects)
    assert "effect of discount=10 without and with gift=true" in record.notes[0]
    assert record.difference_ci_low is not None
    assert any("about four times the sample" in note for note in record.notes)
    df: Any = record.df
    wanted = 2 * stats.t.sf(abs(record.statistic or 0.0), df)
    assert record.pvalue == pytest.approx(wanted, rel=1e-9)


def test_all_interactions_together(result: Result, frame: pd.DataFrame) -> None:
    model = smf.ols("spend ~ C(discount) * gift", frame).fit(cov_type="HC2")
    tested = [name for name in model.params.index if ":" in name]
    wald = model.wald_test(", ".join(f"{n} = 0" for n in tested), scalar=True, use_f=False)
    record = of(result, "spend", "interaction:joint")
    assert record.statistic == pytest.approx(float(wald.statistic), rel=1e-8)
    assert record.pvalue == pytest.approx(float(wald.pvalue), rel=1e-7)
    assert record.df == 2


@pytest.mark.parametrize(("kind", "method"), [("main", "holm"), ("simple", "fdr_bh")])
def test_each_kind_of_effect_is_a_family(result: Result, kind: str, method: str) -> None:
    family = [r for r in result.results if r.family == f"secondary {kind}"]
    assert {record.metric for record in family} == {"spend", "basket"}
    pvalues = [record.pvalue for record in family]
    wanted = multipletests(pvalues, method=method)[1]
    assert [record.pvalue_adjusted for record in family] == pytest.approx(list(wanted), rel=1e-9)
    label = "exploratory" if kind == "simple" else "confirmatory"
    assert {record.label for record in family} == {label}
    guard = of(result, "returns", "main:gift")
    assert (guard.family, guard.pvalue_adjusted, guard.pvalue_adjustment) == (None, None, "none")


def test_the_decision_is_about_cells(result: Result) -> None:
    assert result.decision.variant in (None, *(cell(d, g) for d in (0, 5, 10) for g in (0, 1)))
    assert result.spec["variants"] is None
    assert result.spec["factors"]["order"] == ["discount", "gift"]
    assert {step.variant for step in result.waterfall} == {
        cell(d, g) for d in (0, 5, 10) for g in (0, 1)
    }


def test_a_small_cell_refuses_the_effects(frame: pd.DataFrame) -> None:
    tiny = frame.loc[(frame["variant"] != cell(5, 1)) | (frame.groupby("variant").cumcount() < 19)]
    found = analyze(spec(), data={"units": tiny})
    effects = [r for r in found.results if r.contrast != "variant"]
    assert {record.contrast for record in effects} == {"factors"}
    assert {record.difference for record in effects} == {None}
    assert (
        "discount=5,gift=true has 19 units; each cell must have at least 20" in effects[0].notes[0]
    )
    assert of(found, "spend", "variant", cell(5, 1)).difference is not None


def test_a_sequential_plan_reads_the_cells_alone(frame: pd.DataFrame) -> None:
    design = draft_mapping(spec()).require().spec
    plan = design.model_copy(
        update={
            "analysis": design.analysis.model_copy(
                update={"sequential": Sequential(engine="confidence_sequence")}
            )
        }
    )
    counts: Any = {
        (metric.key, key): SimpleNamespace(n=len(part), summary=Moments(len(part), 1.0, 9.0))
        for metric in design.metrics
        for key, part in frame.groupby("variant")
    }

    def who(metric: Any, cell: str) -> dict[str, Any]:
        counted = dict.fromkeys(("n", "n_assigned", "n_immature", "n_ineligible"), 1)
        named = {"experiment": "mix", "metric": metric.key, "kind": metric.kind, "variant": cell}
        said = {"role": metric.role, "label": "confirmatory", "contrast": "variant"}
        return {**counted, **named, **said, "ci_level": 0.95}

    found = effect_records(with_cells(plan), counts, who)
    assert {record.contrast for record in found} == {"factors"}
    assert {record.pvalue for record in found} == {None}
    assert "the sequential plan is about the cells alone" in found[0].notes[0]
    assert len(effect_records(with_cells(design), counts, who)) > len(found)


def test_one_factor_has_no_effects_beside_its_cells(frame: pd.DataFrame) -> None:
    one = {"order": ["gift"], "levels": {"gift": [False, True]}, "control": {"gift": False}}
    named = frame.assign(variant=["gift=true" if g else "gift=false" for g in frame["gift"]])
    found = analyze(spec(factors=one), data={"units": named})
    assert {(r.contrast, r.variant) for r in found.results} == {("variant", "gift=true")}


def test_a_cell_that_never_varies_has_no_joint_test(frame: pd.DataFrame) -> None:
    flat = frame.assign(won=frame["won"].where(frame["variant"] != cell(5, 1), 1))
    record = of(analyze(spec(), data={"units": flat}), "won", "interaction:joint")
    assert (record.pvalue, record.statistic) == (None, None)
    assert "a cell does not vary" in record.notes[0]


def test_cells_cost_what_their_factors_cost() -> None:
    cells = with_cells(draft_mapping(spec()).require().spec).variants or ()
    costs = {variant.key: variant.cost for variant in cells}
    assert costs[cell(0, 0)] is None
    both = costs[cell(10, 1)]
    assert both is not None
    assert (both.pct_of_order, both.per_redemption, both.fixed) == (10, 2.2, 100)
    assert [variant.key for variant in cells if variant.control] == [cell(0, 0)]


FACTORIAL = changed(
    COLUMNS,
    (
        "variants:\n  - {key: control, control: true}\n  - {key: coupon}\n",
        """factors:
  order: [gift]
  levels: {gift: [false, true]}
  control: {gift: false}
  cost: {gift: {per_redemption: 2}}
""",
    ),
)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ("{gfit: {fixed: 1}}", 'factors.cost.gfit: is no factor\n  Hint: did you mean "gift"?'),
        (
            "{gift: {fixd: 1}}",
            'factors.cost.gift.fixd: is no kind of cost\n  Hint: did you mean "fi',
        ),
        (
            "{gift: {fixed: -1}}",
            "factors.cost.gift.fixed: is -1; it must be an amount of at least 0",
        ),
        ("{gift: {fixed: level}}", "factors.cost.gift.fixed: is 'level'; it must be an amount"),
    ],
)
def test_costs_that_nobody_can_add_up(cost: str, message: str) -> None:
    assert faults(FACTORIAL) == []
    [fault] = faults(changed(FACTORIAL, ("{gift: {per_redemption: 2}}", cost)))
    assert message in fault
