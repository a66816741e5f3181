"""The decision in money in replays: the analysis' own numbers, and a truth that is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abtest import analyze
from abtest.analysis.clock import Cutoff
from abtest.analysis.rehearsal.effects import plant, with_effect
from abtest.analysis.rehearsal.outcomes import Outcomes, read_outcomes
from abtest.analysis.rehearsal.rehearse import rehearsal_of, replay_of, replays
from abtest.analysis.rehearsal.replay import KEPT_OF_MONEY, Replay
from abtest.analysis.rehearsal.summary import money_of_replays
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.spec import Spec, draft_mapping
from analysis.by_hand import spec_for

UNITS = 2000
METRICS = [
    {"key": "won", "kind": "proportion", "column": "won", "role": "primary"},
    {"key": "spend", "kind": "mean", "column": "spend"},
]
VARIANTS = [
    {"key": "control", "control": True},
    {"key": "coupon", "cost": {"per_exposure": 0.4, "per_redemption": 0.5, "fixed": 900}},
    {"key": "rebate", "cost": {"pct_of_order": 5}},
]
DECISION = {
    "value": {"column": "spend"},
    "margin_pct": 40,
    "redemptions": "used",
    "population": 10_000,
    "switching_cost": 100,
    "rule": {"require": ["primary"]},
}


def past_units() -> pd.DataFrame:
    random = np.random.default_rng(5)
    before = random.gamma(1.0, 30.0, UNITS)
    orders = random.poisson(0.4 + before / 60)
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(UNITS)],
            "won": orders > 0,
            "spend": orders * random.lognormal(3, 0.8, UNITS),
            "used": np.minimum(orders, 1),
            "before": before,
        }
    )


def spec_of(**more: Any) -> Spec:
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    given = {
        "variants": VARIANTS,
        "covariates": {"before": {"kind": "column", "column": "before"}},
        "analysis": {"covariates": ["before"]},
        "decision": DECISION,
    }
    draft = draft_mapping(spec_for(data, METRICS, **{**given, **more}))
    assert not draft.faults, draft.faults
    return draft.loaded.spec


def outcomes_of(spec: Spec, units: pd.DataFrame, redeemed: float = 1.0) -> Outcomes:
    engine = DuckDBEngine(Path(), "UTC", {"units": units})
    try:
        return read_outcomes(spec, engine, ["units"], None, redeemed)
    finally:
        engine.close()


def replay_for(*effects: tuple[str, float, bool], **more: Any) -> Replay:
    spec = spec_of(**more)
    outcomes = outcomes_of(spec, past_units())
    return replay_of(spec, outcomes, plant(outcomes, effects), 1)


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_replay_finds_the_money_that_the_analysis_finds(adjusted: bool) -> None:
    more: dict[str, Any] = {} if adjusted else {"covariates": {}, "analysis": {}}
    replay = replay_for(**more)
    found = replay.run(3)
    units = past_units().assign(variant="")
    for variant, places in replay._dealt(np.random.default_rng([1, 3])).items():
        units.loc[places, "variant"] = variant
    result = analyze(spec_of(**more), data={"units": units})
    assert result.money is not None
    assert (found["verdict"], found["rule_line"]) == (
        result.decision.verdict,
        result.decision.rule_line,
    )
    for kept, one in zip(found["money"], result.money.variants, strict=True):
        assert kept["difference"] is not None
        for name in KEPT_OF_MONEY:
            told = getattr(one, name)
            right = pytest.approx(told, rel=1e-9) if isinstance(told, float) else told
            assert kept[name] == right, name


def test_an_offer_that_does_nothing_loses_what_it_costs() -> None:
    """By hand: 40% of the spend less exposure, redemptions and a share of the spend."""
    replay = replay_for()
    assert replay.money is not None
    units = past_units()
    truth = replay.money.truth()
    assert truth["coupon"] == pytest.approx(-0.4 - 0.5 * units["used"].mean())
    assert truth["rebate"] == pytest.approx(-0.05 * units["spend"].mean())
    worth = replay.money.worth()
    assert worth["coupon"] == pytest.approx(10_000 * truth["coupon"] - 900 - 100)
    assert worth["rebate"] == pytest.approx(10_000 * truth["rebate"] - 100)


def test_money_per_unit_where_no_population_is_given() -> None:
    decision = {key: DECISION[key] for key in ("value", "margin_pct", "redemptions", "rule")}
    replay = replay_for(decision=decision)
    assert replay.money is not None
    assert replay.money.worth() == replay.money.truth()


@pytest.mark.parametrize("lift", [0.2, -0.3])
def test_units_that_an_effect_turns_over_bring_what_the_others_bring(lift: float) -> None:
    """The truth is the mean of many draws of who turns over and whose money they take."""
    replay = replay_for(("won", lift, True))
    money = replay.money
    assert money is not None
    outcome, planted = replay.outcomes.metrics[0], replay.planted[0]
    units = past_units()
    own = 0.4 * units["spend"] - 0.5 * units["used"] - 0.4
    drawn = []
    for number in range(400):
        random = np.random.default_rng(number)
        changed = np.flatnonzero(with_effect(outcome, planted, random) != outcome.y)
        moved = money.moved([changed], random)
        values = own.to_numpy().copy()
        values[moved.places] = own.to_numpy()[moved.donors]
        assert (outcome.y[moved.donors] != outcome.y[moved.places]).all()
        drawn.append(values.mean() - 0.4 * units["spend"].mean())
    error = np.std(drawn) / math.sqrt(len(drawn))
    assert money.truth()["coupon"] == pytest.approx(np.mean(drawn), abs=4 * error)


def test_an_effect_on_what_is_valued_moves_money_by_the_same_share() -> None:
    replay = replay_for(("spend", 0.5, True))
    assert replay.money is not None
    units = past_units()
    rebate = (0.4 - 0.05) * 1.5 * units["spend"].mean() - 0.4 * units["spend"].mean()
    assert replay.money.truth()["rebate"] == pytest.approx(rebate)


def test_decisions_are_held_against_the_truth() -> None:
    replay = replay_for(("won", 0.3, True))
    made = list(replays(replay, range(150)))
    found = rehearsal_of(replay, made)
    money = found.money
    assert money is not None
    assert money.redeemed is None
    assert sum(share.value for share in found.rule_lines.values()) == pytest.approx(1)
    for variant in money.variants:
        differences = [
            one["difference"]
            for replayed in made
            for one in replayed["money"]
            if one["variant"] == variant.variant
        ]
        error = float(np.std(differences)) / math.sqrt(len(differences))
        assert variant.mean_difference == pytest.approx(variant.difference, abs=4 * error)
        assert variant.covered is not None
        assert variant.covered.high >= 0.95
    worth = {one.variant: one.worth for one in money.variants}
    gained = [worth[one["variant"]] if one["verdict"] == "ship" else 0.0 for one in made]
    assert money.best == max(worth.values())
    assert money.mean_worth == pytest.approx(np.mean(gained))
    assert money.mean_regret == pytest.approx(money.best - np.mean(gained))


def test_shares_of_bad_decisions_by_hand() -> None:
    replay = replay_for(("spend", 0.05, True))
    assert replay.money is not None
    worth = replay.money.worth()
    assert worth["coupon"] < 0  # it costs more than 5% of the spend brings
    made: list[dict[str, Any]] = [{"verdict": "ship", "variant": "coupon", "money": []}] + [
        {"verdict": "inconclusive", "variant": None, "money": []} for _ in range(3)
    ]
    found = money_of_replays(made, replay.money)
    assert found.false_ships.value == 0.25
    assert found.mean_worth == pytest.approx(worth["coupon"] / 4)
    assert found.missed.value == (0.75 if max(worth.values()) > 0 else 0.0)
    assert found.variants[0].covered is None


def test_redemptions_that_the_past_lacks_are_taken_for_granted() -> None:
    spec, units = spec_of(), past_units().drop(columns="used")
    amounts = outcomes_of(spec, units, redeemed=0.25).amounts
    assert amounts is not None
    assert amounts.redeemed == 0.25
    assert amounts.used == pytest.approx(0.25 * (units["spend"] > 0))


def test_events_are_counted_over_the_horizon() -> None:
    orders = pd.DataFrame(
        {
            "id": ["a", "b", "c", "a", "a", "c"],
            "at": pd.to_datetime(
                ["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-10", "2026-03-15", "2026-03-20"]
            ),
            "amount": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "goods": [0.5, 1.0, 1.0, 3.0, 2.0, 1.0],
        }
    )
    data = {
        "assignments": {"path": "a.csv"},
        "events": {
            "orders": {"path": "o.csv", "at": "at", "value": "amount"},
            "used": {"path": "u.csv", "at": "at"},
        },
    }
    bought = {
        "key": "again",
        "kind": "repeat_purchase",
        "events": "orders",
        "role": "primary",
        "window": {"end": "30d"},
    }
    decision = {
        "value": {"events": "orders"},
        "unit_cost": {"column": "goods"},
        "redemptions": "used",
        "horizon": "60d",
        "rule": {"require": ["primary"]},
    }
    spec = draft_mapping(spec_for(data, [bought], decision=decision)).loaded.spec
    engine = DuckDBEngine(Path(), "UTC", {"orders": orders})
    # 60 days before 2 April the cohort enters: 1 February.
    found = read_outcomes(spec, engine, ["orders"], Cutoff.parse("2026-04-02", "UTC"), 0.5)
    assert found.amounts is not None
    assert sorted(found.amounts.gross) == [0.0, (4 - 3) + (5 - 2), 6 - 1]
    assert sorted(found.amounts.used) == [0.0, 0.5, 1.0]
    without = read_outcomes(spec, engine, ["orders"], Cutoff.parse("2026-04-02", "UTC"))
    assert without.amounts is not None
    assert replay_of(spec, without, (), 1).money is not None
    none = replace(without, amounts=None)
    dropped = replay_of(spec, none, (), 1)
    assert dropped.money is None
    assert ("decision.value", "the history does not say what units brought") in (
        dropped.not_rehearsed
    )
    engine.close()
