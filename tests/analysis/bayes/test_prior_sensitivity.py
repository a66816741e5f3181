"""How the reading depends on the prior, and priors on the lift and the rate."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from abtest import analyze
from abtest.methods.bayes import Bayes, LiftPrior, Prior, RatePrior
from abtest.report.markdown import render_markdown
from abtest.report.terminal import render_table
from abtest.stats.bayes.normal import Normal, update
from abtest.stats.log_lift import log_lift
from abtest.stats.summaries import Moments, Proportion

SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "by-hand",
    "kind": "messaging",
    "unit": None,
    "variants": [{"key": "none", "control": True}, {"key": "mail"}],
    "data": {"units": {"path": "units.csv", "variant": "variant"}},
    "metrics": [{"key": "won", "kind": "proportion", "column": "won", "role": "primary"}],
}


def run() -> Any:
    rows = [("none", i < 110) for i in range(1000)] + [("mail", i < 130) for i in range(1000)]
    return analyze(SPEC, data={"units": pd.DataFrame(rows, columns=["variant", "won"])})


def test_three_priors_by_the_formula() -> None:
    rows = [found for found in run().sensitivity if found["reading"] == "prior"]
    raw = log_lift(Proportion(1000, 110), Proportion(1000, 130))
    assert raw is not None
    assert [row["prior"] for row in rows] == ["flat", "spec", "sceptical"]
    for row, sd in zip(rows, (10.0, 0.05, 0.025), strict=True):
        known = update(raw.value, raw.se, Normal(0.0, sd))
        assert row["prior_sd"] == sd
        assert row["prob_beats_control"] == pytest.approx(known.above(0.0), rel=1e-9)
    lifts = [row["posterior_lift"] for row in rows]
    assert lifts == sorted(lifts, reverse=True)


def test_the_report_shows_them() -> None:
    result = run()
    for text in (render_table(result), render_markdown(result)):
        assert "The same data under other priors" in text
        assert "sceptical" in text


def test_a_prior_on_the_lift() -> None:
    prior = Prior(lift=LiftPrior(mean=0.25, sd=0.1)).on_log_lift
    assert prior.mean == pytest.approx(0.22314355131420976)
    assert prior.sd == pytest.approx(0.08)
    assert Prior().on_log_lift.sd == 0.05


def test_a_prior_on_the_rate() -> None:
    """Beta(10, 90) after 7 of 34 and 1 of 34: with so much prior the two are close."""
    rates = Proportion(34, 1), [Proportion(34, 7)]
    bayes = Bayes(model="beta_binomial", prior=Prior(rate=RatePrior(mean=0.1, units=100)))
    (drawn,) = bayes.posterior(*rates, increase=True, ci_level=0.95).variants
    (flat,) = Bayes(model="beta_binomial").posterior(*rates, increase=True, ci_level=0.95).variants
    assert drawn is not None
    assert flat is not None
    assert drawn.lift == pytest.approx(17 / 11 - 1, rel=0.03)
    assert (flat.lift or 0) > 3


def test_counts_by_gamma_poisson() -> None:
    """100 and 130 events of 100 units, Poisson: the ratio of Gamma(100.5) and Gamma(130.5)."""
    counts = Moments(100, 1.0, 100.0), [Moments(100, 1.3, 130.0)]
    bayes = Bayes(model="gamma_poisson")
    found = bayes.posterior(*counts, increase=True, ci_level=0.95, counts=True)
    assert found.model == "gamma_poisson"
    assert found.variants[0] is not None
    assert found.variants[0].lift == pytest.approx(0.3, abs=0.005)
    assert bayes.posterior(*counts, increase=True, ci_level=0.95).model == "normal_log_lift"
    wild = Moments(100, 1.0, 500.0), [Moments(100, 1.3, 130.0)]
    noted = bayes.posterior(*wild, increase=True, ci_level=0.95, counts=True)
    assert "5.0 times as much as Poisson" in noted.notes[0]
    empty = bayes.posterior(
        Moments(0, 0.0, 0.0), counts[1], increase=True, ci_level=0.95, counts=True
    )
    assert empty.variants == (None,)
