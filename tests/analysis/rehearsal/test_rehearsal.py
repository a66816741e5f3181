"""Replays on past data: the same numbers as the analysis, and the truth that was planted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abtest import analyze
from abtest.analysis.clock import Cutoff
from abtest.analysis.rehearsal.effects import Planted, plant, value_of, with_effect
from abtest.analysis.rehearsal.outcomes import Outcome, Outcomes, read_outcomes
from abtest.analysis.rehearsal.rehearse import rehearsal_of, replay_of, replays
from abtest.analysis.rehearsal.replay import Replay
from abtest.errors import DataError
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.spec import Spec, draft_mapping
from abtest.stats.summaries import Moments, Proportion
from analysis.by_hand import spec_for

UNITS = 3000
METRICS = [
    {"key": "won", "kind": "proportion", "column": "won", "role": "primary"},
    {"key": "spend", "kind": "mean", "column": "spend"},
    {"key": "each", "kind": "ratio", "numerator": "spend_of", "denominator": "orders"},
]


def past_units() -> pd.DataFrame:
    random = np.random.default_rng(1)
    before = random.gamma(1.0, 30.0, UNITS)
    orders = random.poisson(0.5 + before / 60)
    spend = orders * random.lognormal(3, 0.8, UNITS)
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(UNITS)],
            "won": orders > 0,
            "spend": np.where(random.random(UNITS) < 0.1, np.nan, spend),
            "spend_of": spend,
            "orders": orders,
            "before": before,
        }
    )


def spec_of(**more: Any) -> Spec:
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    adjusted = {
        "covariates": {"before": {"kind": "column", "column": "before"}},
        "analysis": {"covariates": ["before"]},
    }
    draft = draft_mapping(spec_for(data, METRICS, **{**adjusted, **more}))
    assert not draft.faults, draft.faults
    return draft.loaded.spec


def outcomes_of(spec: Spec, units: pd.DataFrame) -> Outcomes:
    engine = DuckDBEngine(Path(), "UTC", {"units": units})
    try:
        return read_outcomes(spec, engine, ["units"], None)
    finally:
        engine.close()


def replay_for(*effects: tuple[str, float, bool], seed: int = 1, **more: Any) -> Replay:
    spec = spec_of(**more)
    outcomes = outcomes_of(spec, past_units())
    return replay_of(spec, outcomes, plant(outcomes, effects), seed)


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_replay_is_the_analysis_of_the_units_that_it_dealt_out(adjusted: bool) -> None:
    more: dict[str, Any] = {} if adjusted else {"covariates": {}, "analysis": {}}
    replay = replay_for(**more)
    found = replay.run(3)
    places = replay._dealt(np.random.default_rng([1, 3]))
    units = past_units().assign(variant="control")
    units.loc[places["coupon"], "variant"] = "coupon"
    result = analyze(spec_of(**more), data={"units": units})
    assert result.decision.verdict == found["verdict"]
    for kept, record in zip(found["records"], result.results, strict=True):
        for name, value in kept.items():
            told = getattr(record, name)
            assert told == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


def test_the_planted_effect_is_found() -> None:
    replay = replay_for(("won", 0.15, True), ("spend", -0.2, True))
    made = list(replays(replay, range(150)))
    found = rehearsal_of(replay, made)
    won, spend, each = found.metrics
    assert (won.planted, spend.planted, each.planted) == (0.15, -0.2, 0.0)
    for metric in (won, spend):
        differences = [
            r["difference"] for one in made for r in one["records"] if r["metric"] == metric.metric
        ]
        error = float(np.std(differences)) / math.sqrt(len(differences))
        assert metric.mean_difference == pytest.approx(metric.truth, abs=4 * error)
        assert metric.covered is not None
        assert metric.covered.high >= 0.95 - 1e-9
        assert metric.uniform_pvalue is None
        assert metric.exaggeration is not None
        assert metric.exaggeration > 0.9
    assert won.rejected is not None
    assert won.rejected.value > 0.5
    assert each.uniform_pvalue is not None
    assert each.uniform_pvalue > 1e-4


def test_without_an_effect_the_error_rates_are_what_they_claim() -> None:
    replay = replay_for()
    found = rehearsal_of(replay, list(replays(replay, range(300))))
    for metric in found.metrics:
        assert metric.rejected is not None
        assert metric.rejected.value == pytest.approx(0.05, abs=3 * math.sqrt(0.0475 / 300))
        assert metric.uniform_pvalue is not None
        assert metric.uniform_pvalue > 0.001
    assert sum(share.value for share in found.verdicts.values()) == pytest.approx(1)
    assert found.verdicts["ship"].value < 0.08
    assert found.to_dict()["schema"] == "abtest-rehearsal/v1"


def test_replays_do_not_depend_on_who_makes_them() -> None:
    replay = replay_for()
    alone = list(replays(replay, range(20)))
    assert list(replays(replay, range(20), processes=2)) == alone
    assert list(replays(replay, range(12, 20))) == alone[12:]
    assert next(iter(replays(replay_for(seed=2), range(1)))) != alone[0]


def test_weights_are_those_of_the_spec() -> None:
    variants = [{"key": "control", "control": True, "weight": 90}, {"key": "coupon", "weight": 10}]
    replay = replay_for(variants=variants)
    shares = [len(mine) / UNITS for mine in replay._dealt(np.random.default_rng(1)).values()]
    assert shares == pytest.approx([0.9, 0.1], abs=0.02)


def test_events_are_read_by_the_metrics() -> None:
    orders = pd.DataFrame(
        {
            "id": ["a", "b", "c", "a", "c"],
            "at": pd.to_datetime(
                ["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-10", "2026-03-15"]
            ),
            "amount": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    data = {
        "assignments": {"path": "a.csv"},
        "events": {
            "orders": {"path": "o.csv", "at": "at", "value": "amount"},
            "mails": {"path": "m.csv", "at": "at"},
        },
    }
    window = {"end": "30d"}
    metrics = [
        {
            "key": "again",
            "kind": "repeat_purchase",
            "events": "orders",
            "window": window,
            "role": "primary",
        },
        {"key": "spend", "kind": "sum", "events": "orders", "window": window},
        {"key": "opened", "kind": "conversion", "events": "mails", "window": window},
        {"key": "when", "kind": "time_to_event", "events": "orders", "window": window},
    ]
    spec = draft_mapping(spec_for(data, metrics)).loaded.spec
    engine = DuckDBEngine(Path(), "UTC", {"orders": orders})
    found = read_outcomes(spec, engine, ["orders"], Cutoff.parse("2026-03-03", "UTC"))
    # The cohort enters on 1 February; a bought again within 30 days.
    assert found.units == 3
    again, spend = found.metrics
    assert sorted(again.y) == [0.0, 0.0, 1.0]
    assert sorted(spend.y) == [0.0, 0.0, 4.0]
    assert found.left_out == (
        ("opened", "the history lacks a table of it"),
        ("when", "curves, quantiles and methods that need every value are not replayed"),
    )


def test_effects_by_hand() -> None:
    seen = np.ones(100_000, dtype=bool)
    shares = Outcome("won", Proportion, seen, (np.arange(100_000) % 4 == 0).astype(float))
    assert value_of(shares) == 0.25
    random = np.random.default_rng(2)
    up = with_effect(shares, Planted("won", 0.2, 0.25), random)
    down = with_effect(shares, Planted("won", -0.2, 0.25), random)
    assert up.mean() == pytest.approx(0.30, abs=0.004)
    assert (up >= shares.y).all()
    assert down.mean() == pytest.approx(0.20, abs=0.004)
    assert (down <= shares.y).all()
    spend = Outcome("spend", Moments, seen, shares.y * 8)
    assert with_effect(spend, Planted("spend", 0.5, 2.0), random).mean() == 3.0


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (("lost", 0.1, True), "an effect is asked for on lost, which is not replayed"),
        (("won", 5.0, True), r"an effect of \+500.0% on won, .* is too large"),
        (("spend", -1.0, True), r"an effect of -100.0% on spend, .* is too large"),
    ],
)
def test_effects_that_cannot_be_planted(effect: tuple[str, float, bool], message: str) -> None:
    with pytest.raises(DataError, match=message):
        plant(outcomes_of(spec_of(), past_units()), [effect])


def test_what_cannot_be_replayed() -> None:
    units = past_units()
    nothing = units.assign(won=False)
    with pytest.raises(DataError, match="has no primary metric that can be replayed"):
        outcomes_of(spec_of(), nothing)
    same = outcomes_of(spec_of(), units.assign(spend=0.0))
    assert same.left_out == (("spend", "every unit of the history has the same outcome"),)
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    median = {"key": "spend", "kind": "quantile", "q": 0.5, "column": "spend", "role": "primary"}
    spec = draft_mapping(spec_for(data, [median])).loaded.spec
    with pytest.raises(DataError, match="has no primary metric that can be replayed"):
        outcomes_of(spec, units)
    clustered = spec_of(covariates={}, analysis={}, cluster="home")
    homeless = units.assign(home=None)
    with pytest.raises(DataError, match="the history has 3,000 units without a home, the cluster"):
        outcomes_of(clustered, homeless)


@pytest.mark.parametrize("adjusted", [True, False])
def test_whole_clusters_are_dealt_out_and_analysed(adjusted: bool) -> None:
    more: dict[str, Any] = {"cluster": "home"}
    if not adjusted:
        more |= {"covariates": {}, "analysis": {}}
    random = np.random.default_rng(4)
    units = past_units().assign(home=[f"h{i}" for i in random.integers(0, 900, UNITS)])
    spec = spec_of(**more)
    outcomes = outcomes_of(spec, units)
    replay = replay_of(spec, outcomes, (), 1)
    found = replay.run(3)
    units["variant"] = "control"
    units.loc[replay._dealt(np.random.default_rng([1, 3]))["coupon"], "variant"] = "coupon"
    assert len(units[["home", "variant"]].drop_duplicates()) == len(set(units["home"]))
    assert 0.4 < (units["variant"] == "coupon").mean() < 0.6
    result = analyze(spec, data={"units": units})
    assert result.decision.verdict == found["verdict"]
    for kept, record in zip(found["records"], result.results, strict=True):
        for name, value in kept.items():
            told = getattr(record, name)
            assert told == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


def test_an_effect_is_planted_in_clusters_too() -> None:
    random = np.random.default_rng(4)
    units = past_units().assign(home=[f"h{i}" for i in random.integers(0, 900, UNITS)])
    spec = spec_of(cluster="home")
    outcomes = outcomes_of(spec, units)
    wanted = [("won", 0.2, True), ("spend", -0.2, True)]
    replay = replay_of(spec, outcomes, plant(outcomes, wanted), 1)
    made = list(replays(replay, range(60)))
    for metric in rehearsal_of(replay, made).metrics[:2]:
        differences = [
            r["difference"] for one in made for r in one["records"] if r["metric"] == metric.metric
        ]
        error = float(np.std(differences)) / math.sqrt(len(differences))
        assert metric.mean_difference == pytest.approx(metric.truth, abs=4 * error)


def test_customers_of_a_log_belong_to_clusters() -> None:
    orders = pd.DataFrame(
        {
            "id": ["a", "b", "c", "a", "c"],
            "at": pd.to_datetime(
                ["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-10", "2026-03-15"]
            ),
            "amount": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    data = {
        "assignments": {"path": "a.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at", "value": "amount"}},
    }
    again = {"key": "again", "kind": "repeat_purchase", "events": "orders", "role": "primary"}
    metrics = [{**again, "window": {"end": "30d"}}]
    spec = draft_mapping(spec_for(data, metrics, cluster="home")).loaded.spec
    end = Cutoff.parse("2026-03-03", "UTC")
    homes = pd.DataFrame({"id": ["a", "b", "c"], "home": ["x", "y", "x"]})

    def read(tables: dict[str, pd.DataFrame]) -> Outcomes:
        engine = DuckDBEngine(Path(), "UTC", tables)
        try:
            return read_outcomes(spec, engine, list(tables), end)
        finally:
            engine.close()

    found = read({"orders": orders, "units": homes})
    assert found.clusters is not None
    assert sorted(found.clusters) == [0, 0, 1]
    with pytest.raises(DataError, match="does not say in which home each id is"):
        read({"orders": orders})
    with pytest.raises(DataError, match="1 units of the history have no home"):
        read({"orders": orders, "units": homes[:2]})
    with pytest.raises(DataError, match="neither the assignments nor"):
        read({"orders": orders, "units": homes[["id"]]})


def test_what_a_replay_leaves_out_is_named() -> None:
    weights = {"control": 9, "coupon": 1}
    spec = spec_of(
        assignment={"phases": [{"from": "2026-01-05", "weights": weights}]},
        analysis={
            "covariates": ["before"],
            "segments": ["tier"],
            "bayes": {"models": {"spend": "hurdle_lognormal"}},
        },
    )
    replay = replay_of(spec, outcomes_of(spec, past_units().assign(tier="a")), (), 1)
    assert [name for name, _ in replay.not_rehearsed] == [
        "assignment.phases",
        "analysis.segments",
        "analysis.bayes.models",
    ]
    assert replay.run(0)["records"]
