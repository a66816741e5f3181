"""Families of comparisons: Dunnett over variants, the gate, and the intervals that match."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtest.analysis.families import adjust_families
from abtest.analysis.records import Contrast
from abtest.methods import MiettinenNurminen, Scas, Welch
from abtest.metrics.mean import MeanMetric
from abtest.spec import Spec, draft_mapping
from abtest.stats.absent import without_inference
from abtest.stats.summaries import Moments, Proportion
from analysis.by_hand import run_units, spec_for
from specs import COLUMNS, changed, faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest import Result
    from abtest.stats.comparison import Comparison

ALPHA = 0.05
VARIANTS = [{"key": "control", "control": True}, {"key": "a"}, {"key": "b"}, {"key": "c"}]
UNITS = {"units": {"path": "units.csv", "variant": "variant"}}


def spec(metrics: Mapping[str, str], treatments: int = 2, **correction: str) -> Spec:
    """Metrics by key with their roles."""
    columns = [
        {"key": key, "kind": "mean", "column": key, "role": role} for key, role in metrics.items()
    ]
    analysis = {"alpha": ALPHA, "correction": correction}
    variants = VARIANTS[: treatments + 1]
    mapping = spec_for(UNITS, columns, variants=variants, analysis=analysis)
    return draft_mapping(mapping).require().spec


def bare(pvalue: float | None, df: float | None = None, ci_level: float = 0.95) -> Comparison:
    """A comparison of which only the p-value is known."""
    nothing = without_inference(None, None, ci_level=ci_level, method="by hand", note="")
    return replace(nothing, df=df, pvalue=pvalue)


def contrast(metric: str, role: str, variant: str, pvalue: float | None) -> Contrast:
    kept = MeanMetric.model_validate(
        {"key": metric, "kind": "mean", "column": metric, "role": role}
    )
    at_level = partial(bare, pvalue, None)
    nobody: Any = SimpleNamespace(n=0)
    return Contrast(kept, variant, nobody, nobody, at_level, bare(pvalue))


def adjusted(
    metrics: Mapping[str, str], pvalues: Mapping[tuple[str, str], float | None], **correction: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """Adjusted fields by metric and variant, all values with the same variance."""
    contrasts = [contrast(key, metrics[key], variant, p) for (key, variant), p in pvalues.items()]
    treatments = len({variant for _, variant in pvalues})
    found = adjust_families(spec(metrics, treatments, **correction), contrasts, lambda *_: 1.0)
    return dict(zip(pvalues, (found[place] for place in range(len(contrasts))), strict=True))


def test_one_treatment_of_one_metric_is_the_plain_test() -> None:
    found = adjusted({"m": "primary"}, {("m", "a"): 0.0123})
    assert found["m", "a"]["pvalue_adjusted"] == 0.0123
    assert found["m", "a"]["pvalue_adjustment"] == "none"
    assert found["m", "a"]["ci_adjustment"] is None


def test_one_treatment_of_two_metrics_is_bonferroni() -> None:
    found = adjusted({"m": "primary", "n": "primary"}, {("m", "a"): 0.01, ("n", "a"): 0.7})
    assert [fields["pvalue_adjusted"] for fields in found.values()] == [0.02, 1.0]
    assert {fields["pvalue_adjustment"] for fields in found.values()} == {"bonferroni"}
    assert {fields["ci_adjustment"] for fields in found.values()} == {"bonferroni"}


def pair_exceeds(statistic: float, rho: float) -> float:
    """P(max |Z_1|, |Z_2| >= z) from scipy's bivariate normal."""
    box = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    z = abs(statistic)
    inside = box.cdf([z, z], lower_limit=[-z, -z])
    return 1 - float(inside)


def test_dunnett_over_two_variants_against_a_bivariate_normal() -> None:
    pvalues = {("m", "a"): 0.01, ("m", "b"): 0.3}
    found = adjusted({"m": "primary"}, pvalues)
    for key, pvalue in pvalues.items():
        wanted = pair_exceeds(float(stats.norm.isf(pvalue / 2)), 0.5)
        assert found[key]["pvalue_adjusted"] == pytest.approx(wanted, abs=1e-6)
        assert found[key]["pvalue_adjustment"] == found[key]["ci_adjustment"] == "dunnett"


def test_several_metrics_are_corrected_by_bonferroni_on_top() -> None:
    one = adjusted({"m": "primary"}, {("m", "a"): 0.01, ("m", "b"): 0.3})
    metrics = {"m": "primary", "n": "primary"}
    pvalues = {("m", "a"): 0.01, ("m", "b"): 0.3, ("n", "a"): 0.4, ("n", "b"): None}
    found = adjusted(metrics, pvalues)
    for variant in ("a", "b"):
        got, alone = found["m", variant], one["m", variant]
        assert got["pvalue_adjusted"] == pytest.approx(min(2 * alone["pvalue_adjusted"], 1))
        assert got["pvalue_adjustment"] == "dunnett_bonferroni"
    assert found["n", "a"]["pvalue_adjusted"] == 0.8  # its only contrast with a p-value
    assert found["n", "a"]["pvalue_adjustment"] == "bonferroni"
    assert found["n", "b"]["pvalue_adjusted"] is None


def test_a_secondary_metric_waits_for_its_own_variant() -> None:
    """Critical value 2.2121 for two variants: one alone exceeds it with probability 0.02303."""
    metrics = {"m": "primary", "s": "secondary", "t": "secondary"}
    pvalues = {
        ("m", "a"): 1e-9, ("m", "b"): 0.5,
        ("s", "a"): 0.01, ("s", "b"): 0.001,
        ("t", "a"): 0.2, ("t", "b"): 0.002,
    }  # fmt: skip
    found = adjusted(metrics, pvalues)
    alone = 2 * float(stats.norm.sf(2.21212774658))
    share = (0.05 - alone) / 0.05
    assert share == pytest.approx(0.4608, abs=1e-4)
    assert found["s", "a"]["pvalue_adjusted"] == pytest.approx(2 * 0.01 / share, rel=1e-8)
    assert found["t", "a"]["pvalue_adjusted"] == pytest.approx(0.2 / share, rel=1e-8)
    gate = found["m", "b"]["pvalue_adjusted"]
    assert found["s", "b"]["pvalue_adjusted"] == found["t", "b"]["pvalue_adjusted"] == gate
    assert {found["s", v]["pvalue_adjustment"] for v in "ab"} == {"gate_holm"}
    assert {found["s", v]["ci_adjustment"] for v in "ab"} == {"bonferroni"}


def test_one_treatment_behind_its_gate_is_plain_holm() -> None:
    metrics = {"m": "primary", "s": "secondary", "t": "secondary"}
    found = adjusted(metrics, {("m", "a"): 0.015, ("s", "a"): 0.001, ("t", "a"): 0.04})
    assert found["s", "a"]["pvalue_adjusted"] == 0.015
    assert found["t", "a"]["pvalue_adjusted"] == 0.04


@pytest.mark.parametrize(("primary", "gate"), [("holm", 0.5), ("bonferroni", 2e-9)])
def test_the_gate_of_other_procedures(primary: str, gate: float) -> None:
    """Holm leaves no variant a part of its own: all primary metrics must be significant."""
    metrics = {"m": "primary", "s": "secondary"}
    pvalues = {("m", "a"): 1e-9, ("m", "b"): 0.5, ("s", "a"): 0.01, ("s", "b"): 0.02}
    found = adjusted(metrics, pvalues, primary=primary)
    assert found["s", "a"]["pvalue_adjusted"] == max(gate, 0.02)


def test_an_unreadable_gate_stays_shut() -> None:
    metrics = {"m": "primary", "s": "secondary"}
    found = adjusted(metrics, {("m", "a"): None, ("s", "a"): 0.001})
    assert found["s", "a"]["pvalue_adjusted"] is None
    [note] = found["s", "a"]["notes"]
    assert "a primary metric that has to be significant first has none" in note
    assert found["m", "a"]["notes"] == ()


counts = st.integers(1, 60).flatmap(lambda n: st.builds(Proportion, st.just(n), st.integers(0, n)))
means = st.builds(Moments, st.integers(3, 400), st.floats(0.5, 5), st.floats(0.5, 50))
COMPARED = st.one_of(
    st.tuples(
        st.sampled_from([MiettinenNurminen(), Scas()]), st.lists(counts, min_size=2, max_size=4)
    ),
    st.tuples(st.just(Welch()), st.lists(means, min_size=2, max_size=4)),
)  # fmt: skip


def fields_of(method: Any, summaries: Sequence[Any]) -> list[tuple[Contrast, dict[str, Any]]]:
    """Dunnett's fields of real comparisons."""
    control, *others = summaries
    metric = MeanMetric.model_validate({"key": "m", "kind": "mean", "column": "m"})
    metric = metric.model_copy(update={"role": "primary"})
    keys = ["control", *"abc"]
    contrasts = []
    for key, treatment in zip(keys[1:], others, strict=False):
        at_level = partial(method.compare, control, treatment)
        nobody: Any = SimpleNamespace(n=0)
        contrasts.append(Contrast(metric, key, nobody, nobody, at_level, at_level(0.95)))
    spread = {
        key: s.value * (1 - s.value) / s.n if isinstance(s, Proportion) else s.variance / s.n
        for key, s in zip(keys, summaries, strict=False)
    }
    found = adjust_families(
        spec({"m": "primary"}, len(others)), contrasts, lambda _, key: spread[key]
    )
    return [(contrast, found[place]) for place, contrast in enumerate(contrasts)]


@settings(max_examples=60)
@given(COMPARED)
def test_adjusted_pvalues_and_intervals_agree(drawn: tuple[Any, list[Any]]) -> None:
    """Below alpha exactly when the simultaneous interval leaves out no effect."""
    for contrast, fields in fields_of(*drawn):
        pvalue = fields["pvalue_adjusted"]
        if pvalue is None or abs(pvalue - ALPHA) < 1e-9:
            continue
        low, high = fields["difference_ci_low_adjusted"], fields["difference_ci_high_adjusted"]
        assert (pvalue < ALPHA) == (not low <= 0 <= high)
        assert pvalue >= (contrast.comparison.pvalue or 0.0)
        plain = contrast.comparison.difference_ci
        assert plain is not None
        assert low <= plain.low + 1e-12
        assert high >= plain.high - 1e-12


@settings(max_examples=40)
@given(COMPARED)
def test_another_variant_never_lowers_a_pvalue(drawn: tuple[Any, list[Any]]) -> None:
    method, summaries = drawn
    fewer = fields_of(method, summaries[:-1]) if len(summaries) > 2 else []
    for (_, before), (_, after) in zip(fewer, fields_of(method, summaries), strict=False):
        if before["pvalue_adjusted"] is not None:
            assert after["pvalue_adjusted"] >= before["pvalue_adjusted"] * (1 - 1e-9)


def of_metrics(
    roles: Mapping[str, str], control: Moments, treatments: Mapping[str, Moments]
) -> dict[tuple[str, str], dict[str, Any]]:
    """The same means on every metric, as real comparisons by Welch."""
    contrasts = []
    for key, role in roles.items():
        for variant, treatment in treatments.items():
            at_level = partial(Welch().compare, control, treatment)
            made = contrast(key, role, variant, None)
            contrasts.append(replace(made, at_level=at_level, comparison=at_level(0.95)))
    spread = {"control": control.variance / control.n} | {
        key: found.variance / found.n for key, found in treatments.items()
    }
    found = adjust_families(spec(roles, len(treatments)), contrasts, lambda _, key: spread[key])
    keys = [(key, variant) for key in roles for variant in treatments]
    return dict(zip(keys, (found[place] for place in range(len(keys))), strict=True))


@given(st.floats(0, 6))
def test_intervals_of_two_metrics_agree_with_their_pvalues(shift: float) -> None:
    treatments = {"a": Moments(300, 10 + shift / 4, 900.0), "b": Moments(200, 10.1, 500.0)}
    found = of_metrics({"m": "primary", "n": "primary"}, Moments(250, 10.0, 800.0), treatments)
    for fields in found.values():
        low, high = fields["difference_ci_low_adjusted"], fields["difference_ci_high_adjusted"]
        if abs(fields["pvalue_adjusted"] - ALPHA) > 1e-9:
            assert (fields["pvalue_adjusted"] < ALPHA) == (not low <= 0 <= high)


def test_intervals_behind_a_gate_are_bonferroni_over_the_variants_part_of_alpha() -> None:
    """Two secondary metrics of two variants of one size: 0.0230 of alpha for each variant."""
    control, treatment = Moments(300, 10.0, 900.0), Moments(300, 10.5, 900.0)
    roles = {"m": "primary", "s": "secondary", "t": "secondary"}
    found = of_metrics(roles, control, {"a": treatment, "b": treatment})["s", "a"]
    part = 0.05 - 2 * float(stats.norm.sf(2.21212774658))
    wanted = Welch().compare(control, treatment, 1 - part / 2).difference_ci
    assert wanted is not None
    assert found["difference_ci_low_adjusted"] == pytest.approx(wanted.low, rel=1e-8)
    assert found["difference_ci_high_adjusted"] == pytest.approx(wanted.high, rel=1e-8)


def analysed() -> Result:
    rng = np.random.default_rng(7)
    variant = np.repeat(["control", "a", "b"], [40, 30, 50])
    shift = np.select([variant == "a", variant == "b"], [0.2, 0.9], 0.0)
    frame = pd.DataFrame({"id": range(120), "variant": variant})
    for key in ("m", "s"):
        frame[key] = 5 + shift + rng.normal(size=120) * np.where(variant == "a", 2.0, 1.0)
    metrics = [
        {"key": "m", "kind": "mean", "column": "m", "role": "primary"},
        {"key": "s", "kind": "mean", "column": "s", "role": "secondary"},
    ]
    return run_units(frame, metrics=metrics, variants=VARIANTS[:3])


def test_a_whole_analysis_by_default_is_dunnett_and_a_gate() -> None:
    """Each contrast's own degrees of freedom, and correlations from its own variances."""
    records = {(r.metric, r.variant): r for r in analysed().results}
    a, b = records["m", "a"], records["m", "b"]
    assert {a.pvalue_adjustment, b.pvalue_adjustment} == {"dunnett"}
    se = {key: r.se or 0.0 for key, r in (("a", a), ("b", b))}
    rng = np.random.default_rng(7)
    variant = np.repeat(["control", "a", "b"], [40, 30, 50])
    shift = np.select([variant == "a", variant == "b"], [0.2, 0.9], 0.0)
    values = 5 + shift + rng.normal(size=120) * np.where(variant == "a", 2.0, 1.0)
    shared = float(values[variant == "control"].var(ddof=1)) / 40
    rho = shared / (se["a"] * se["b"])
    for record in (a, b):
        df: Any = record.df
        joint = stats.multivariate_t(
            [0, 0], [[1, rho], [rho, 1]], df=df, seed=np.random.default_rng(1)
        )
        z = abs(record.statistic or 0.0)
        wanted = 1 - joint.cdf([z, z], lower_limit=[-z, -z])
        assert record.pvalue_adjusted == pytest.approx(wanted, abs=2e-4)
    assert records["s", "a"].pvalue_adjustment == "gate_holm"
    assert (records["s", "a"].pvalue_adjusted or 0) >= (a.pvalue_adjusted or 1)


def test_a_gate_is_for_secondary_metrics_alone() -> None:
    for role in ("primary", "exploratory"):
        block = f"analysis: {{correction: {{{role}: gate_holm}}}}\n"
        [fault] = faults(changed(COLUMNS, ("data:\n", f"{block}data:\n")))
        assert f"analysis.correction.{role}" in fault
        assert "dunnett" in fault
