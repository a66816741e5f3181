"""The models that a spec asks for by metric, against draws; Bayes factors; variants together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abtest import analyze
from abtest.analysis.bayes.models import among
from abtest.errors import SpecError
from abtest.report.markdown import render_markdown
from abtest.report.terminal import render_table
from abtest.stats.summaries import Moments, Proportion

DRAWS = 400_000


def spec(metric: dict[str, Any], variants: int = 2, **bayes: Any) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "by-hand",
        "kind": "messaging",
        "unit": None,
        "variants": [
            {"key": "v0", "control": True},
            *({"key": f"v{i}"} for i in range(1, variants)),
        ],
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [{"key": "y", "column": "y", "role": "primary", **metric}],
        "analysis": {"bayes": bayes},
    }


def run(values: list[np.ndarray[Any, Any]], made: dict[str, Any]) -> Any:
    frames = [pd.DataFrame({"variant": f"v{i}", "y": one}) for i, one in enumerate(values)]
    return analyze(made, data={"units": pd.concat(frames)})


def revenue(rng: np.random.Generator, n: int, share: float, mean: float) -> Any:
    return np.where(rng.random(n) < share, np.exp(rng.normal(mean, 0.8, n)), 0.0)


def drawn_revenue(rng: np.random.Generator, y: Any) -> Any:
    """Log revenue per customer, from the conjugate posteriors by hand."""
    logs = np.log(y[y > 0])
    k, n = len(logs), len(y)
    kappa, a = 0.01 + k, 1 + k / 2
    b = 1 + ((logs - logs.mean()) ** 2).sum() / 2 + 0.01 * k * logs.mean() ** 2 / 2 / kappa
    s2 = b / rng.gamma(a, size=DRAWS)
    mu = rng.normal(k * logs.mean() / kappa, np.sqrt(s2 / kappa))
    return np.log(rng.beta(1 + k, 1 + n - k, DRAWS)) + mu + s2 / 2


def test_revenue_by_quantiles_against_draws() -> None:
    rng = np.random.default_rng(4)
    values = [revenue(rng, 600, 0.15, 3.0), revenue(rng, 500, 0.17, 3.1)]
    record = run(
        values,
        spec({"kind": "mean"}, models={"y": "hurdle_lognormal"}, rope={"relative": 0.1}),
    ).results[0]
    ratio = drawn_revenue(rng, values[1]) - drawn_revenue(rng, values[0])
    assert record.bayes_model == "hurdle_lognormal"
    assert record.expected_loss is None
    assert record.prob_beats_control == pytest.approx((ratio > 0).mean(), abs=0.003)
    assert record.prob_best == pytest.approx(record.prob_beats_control, abs=1e-6)
    ends = np.expm1(np.quantile(ratio, [0.5, 0.025, 0.975]))
    found = record.posterior_lift, record.posterior_lift_low, record.posterior_lift_high
    assert found == pytest.approx(ends, rel=0.02)
    near = (np.abs(np.expm1(ratio)) < 0.1).mean()
    assert record.prob_in_rope == pytest.approx(near, abs=0.003)
    assert "by quantiles only" in " ".join(record.notes)


def test_payers_from_sums_over_everybody() -> None:
    logs = np.array([2.0, 3.0, 4.5])
    everybody = np.concatenate([logs, np.zeros(5)])
    moments = Moments(8, everybody.mean(), ((everybody - everybody.mean()) ** 2).sum())
    found = among(Proportion(8, 3), moments)
    assert found.n == 3
    assert found.mean == pytest.approx(logs.mean())
    assert found.m2 == pytest.approx(((logs - logs.mean()) ** 2).sum())


@pytest.mark.parametrize(
    ("values", "why"),
    [([0.0, 0.0, 5.0, -1.0], "no value below 0"), ([0.0, 0.0, 0.0, 7.0], "takes 2 units above 0")],
)
def test_revenue_that_the_model_does_not_take(values: list[float], why: str) -> None:
    made = spec({"kind": "mean"}, models={"y": "hurdle_lognormal"})
    record = run([np.array(values), np.array([3.0, 4.0, 0.0, 2.0])], made).results[0]
    assert record.prob_beats_control is None
    assert any(why in note for note in record.notes)


@pytest.mark.parametrize("better", ["increase", "decrease"])
def test_means_of_unknown_variance_against_draws(better: str) -> None:
    rng = np.random.default_rng(9)
    values = [rng.normal(0.0, 1.0, 12), rng.normal(0.4, 3.0, 8), rng.normal(0.2, 1.0, 9)]
    made = spec({"kind": "mean", "desired_change": better}, 3, models={"y": "normal_inverse_gamma"})
    records = run(values, made).results
    draws = np.stack(
        [
            stats.t.rvs(
                len(y) - 1, y.mean(), y.std(ddof=1) / math.sqrt(len(y)), DRAWS, random_state=rng
            )
            for y in values
        ]
    )
    sign = 1 if better == "increase" else -1
    best = (sign * draws).argmax(axis=0)
    for place, record in enumerate(records, start=1):
        gain = sign * (draws[place] - draws[0])
        assert record.prob_beats_control == pytest.approx((gain > 0).mean(), abs=0.004)
        assert record.prob_best == pytest.approx((best == place).mean(), abs=0.004)
        assert record.expected_loss == pytest.approx(np.maximum(-gain, 0).mean(), rel=0.02)
        assert record.posterior_lift is None


def test_jzs_factor_and_its_words() -> None:
    rng = np.random.default_rng(2)
    values = [rng.normal(0.0, 1.0, 50), rng.normal(0.0, 1.0, 40)]
    made = spec({"kind": "mean"}, models={"y": "normal_inverse_gamma"}, bayes_factor=True)
    record = run(values, made).results[0]
    t = stats.ttest_ind(values[1], values[0]).statistic
    units, df = 50 * 40 / 90, 88

    def height(g: Any) -> Any:
        wide = 1 + units * g / 2
        likely = wide**-0.5 * (1 + t * t / wide / df) ** (-(df + 1) / 2)
        return likely * stats.invgamma.pdf(g, 0.5, scale=0.5)

    grid = np.exp(np.linspace(-12, 30, 200_001))
    expected = np.trapezoid(height(grid) * grid, np.log(grid)) / (1 + t * t / df) ** (-(df + 1) / 2)
    assert record.log_bayes_factor == pytest.approx(math.log(expected), abs=1e-5)
    assert any("without an effect" in note for note in record.notes)


def test_factor_of_a_lift_and_none_where_not_asked() -> None:
    won = [np.repeat([1, 0], [110, 890]), np.repeat([1, 0], [160, 840])]
    record = run(won, spec({"kind": "proportion"}, bayes_factor=True)).results[0]
    lift, se = math.log(160 / 110), math.sqrt(0.84 / 160 + 0.89 / 110)
    expected = stats.norm.logpdf(lift, 0, math.hypot(se, 0.05)) - stats.norm.logpdf(lift, 0, se)
    assert record.log_bayes_factor == pytest.approx(expected, rel=1e-6)
    assert any("with an effect" in note for note in record.notes)
    assert run(won, spec({"kind": "proportion"})).results[0].log_bayes_factor is None
    rates = spec({"kind": "proportion"}, model="beta_binomial", bayes_factor=True)
    logs = [stats.betabinom.logpmf(x, 1000, 1, 1) for x in (110, 160)]
    both = stats.betabinom.logpmf(270, 2000, 1, 1)
    ways = [math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
            for n, x in ((1000, 110), (1000, 160), (2000, 270))]  # fmt: skip
    expected = logs[0] + logs[1] - ways[0] - ways[1] - (both - ways[2])
    assert run(won, rates).results[0].log_bayes_factor == pytest.approx(expected, rel=1e-6)


def test_the_luckiest_is_drawn_back() -> None:
    events = [100, 101, 104, 97, 103, 99, 102, 98, 130]
    values = [np.repeat([1, 0], [x, 900 - x]) for x in events]
    result = run(values, spec({"kind": "proportion"}, 9))
    rows = [row for row in result.sensitivity if row["reading"] == "pooled"]
    logs = np.log(np.array(events[1:]) / 900)
    ses = np.sqrt((1 - np.array(events[1:]) / 900) / np.array(events[1:]))

    def height(tau: float) -> float:
        wide = ses**2 + tau**2
        centre = np.average(logs, weights=1 / wide)
        return float(stats.norm.logpdf(logs, centre, np.sqrt(wide)).sum())

    tau = max(np.linspace(0, 0.3, 3001), key=height)
    assert [row["variant"] for row in rows] == [f"v{i}" for i in range(1, 9)]
    assert rows[-1]["tau"] == pytest.approx(tau, abs=1e-4)
    assert rows[-1]["raw_lift"] == pytest.approx(0.30)
    assert 0.0 < rows[-1]["lift"] < 0.15
    assert rows[-1]["lift_low"] < rows[-1]["lift"] < rows[-1]["lift_high"]
    for text in (render_table(result), render_markdown(result)):
        assert "The variants together" in text


def test_two_treatments_are_not_drawn_together() -> None:
    values = [np.repeat([1, 0], [x, 900 - x]) for x in (100, 101, 104)]
    result = run(values, spec({"kind": "proportion"}, 3))
    assert not [row for row in result.sensitivity if row["reading"] == "pooled"]


@pytest.mark.parametrize(
    ("metric", "models", "fault"),
    [
        ({"kind": "proportion"}, {"y": "dirichlet"}, "which does not fit a proportion"),
        ({"kind": "proportion"}, {"y": "hurdle_lognormal"}, "which does not fit a proportion"),
        ({"kind": "proportion"}, {"y": "normal_inverse_gamma"}, "which does not fit a proportion"),
        ({"kind": "mean"}, {"y": "beta_binomial"}, "which does not fit a mean"),
        ({"kind": "mean"}, {"y": "gamma_poisson"}, "which does not fit a mean"),
        ({"kind": "mean"}, {"z": "normal_lift"}, "is no metric"),
    ],
)
def test_models_that_do_not_fit(metric: dict[str, Any], models: dict[str, str], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        run([np.zeros(3), np.ones(3)], spec(metric, models=models))


def test_scores_are_three_shares() -> None:
    made = spec({"kind": "survey"})
    made["data"] = {
        "as_of": "2026-03-01",
        "assignments": {"path": "a.csv", "unit": "unit", "variant": "variant", "at": "at"},
        "events": {"answers": {"path": "e.csv", "unit": "unit", "at": "at", "value": "score"}},
    }
    made["unit"] = "unit"
    made["metrics"] = [
        {
            "key": "nps",
            "kind": "survey",
            "scale": "nps",
            "events": "answers",
            "window": {"end": "14d"},
            "role": "primary",
        }
    ]
    answers = {"v0": [(9, 30), (8, 30), (2, 40)], "v1": [(10, 45), (7, 30), (6, 25)]}
    rows = [(v, score) for v, told in answers.items() for score, n in told for _ in range(n)]
    units = pd.DataFrame(rows, columns=["variant", "score"])
    units["unit"] = [f"u{i}" for i in range(len(units))]
    units["at"] = "2026-01-10T10:00:00Z"
    log = units.assign(at="2026-01-12T10:00:00Z")[["unit", "at", "score"]]
    found = analyze(made, data={"assignments": units[["unit", "variant", "at"]], "answers": log})
    rng = np.random.default_rng(6)
    draws = [rng.dirichlet([1 + n for _, n in told], DRAWS) for told in answers.values()]
    gain = 100 * ((draws[1][:, 0] - draws[1][:, 2]) - (draws[0][:, 0] - draws[0][:, 2]))
    record = found.results[0]
    assert record.bayes_model == "dirichlet"
    assert record.prob_beats_control == pytest.approx((gain > 0).mean(), abs=0.002)
    assert record.expected_loss == pytest.approx(np.maximum(-gain, 0).mean(), rel=0.05, abs=1e-3)
