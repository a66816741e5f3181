"""Past lifts, pools, forecasts and priors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from abtest.analysis.archive import archive_of
from abtest.analysis.archive.decisions import HumanDecision
from abtest.analysis.archive.model import Archive
from abtest.analysis.archive.reading import Archived
from abtest.stats.past.past_effects import conditional_estimate, prior_from
from abtest.stats.summaries import Proportion
from archive_support import BASE, a_record, a_result, archived, simulated, spec_of

CONTROL, BETTER = Proportion(5000, 500), Proportion(5000, 600)
ON = "2026-04-01"


def archive(*experiments: Archived, **options: Any) -> Archive:
    return archive_of(experiments, ON, **options)


def test_a_winner_is_seen_and_believed() -> None:
    found = archive(
        archived("a", a_result("a", [a_record("a", CONTROL, BETTER)], "ship")),
        archived("b", a_result("b", [a_record("b", CONTROL, Proportion(5000, 495))])),
    )
    won, other = found.lifts
    assert won.lift == pytest.approx(0.2)
    se = math.sqrt(1 / 600 - 1 / 5000 + 1 / 500 - 1 / 5000)
    assert won.log_lift_se == pytest.approx(se)
    assert won.lift_high == pytest.approx(1.2 * math.exp(1.959964 * se) - 1, rel=1e-5)
    prior = prior_from([math.log(1.2), math.log(0.99)], [won.log_lift_se, other.log_lift_se])
    share = prior.sd**2 / (prior.sd**2 + se**2)
    believed = prior.mean + share * (math.log(1.2) - prior.mean)
    assert won.shrunk_lift == pytest.approx(math.expm1(believed))
    alone = conditional_estimate(math.log(1.2), se, 0.05)
    assert alone is not None
    assert won.conditional_lift == pytest.approx(math.expm1(alone))
    assert other.conditional_lift is None
    assert (found.priors[0].mean, found.priors[0].sd) == (prior.mean, prior.sd)
    assert found.priors[0].experiments == ("a", "b")


def test_one_lift_of_each_experiment_is_pooled_whatever_it_found() -> None:
    records = [
        a_record("a", CONTROL, Proportion(5000, 505)),
        a_record("a", CONTROL, BETTER, variant="gift"),
    ]
    found = archive(archived("a", a_result("a", records, "ship")))
    assert [lift.pooled for lift in found.lifts] == [True, False]
    assert found.pools[0].k == 1
    assert found.pools[0].lift == pytest.approx(0.01)
    assert found.lifts[1].shrunk_lift is not None


def test_a_first_contrast_without_a_lift_is_not_replaced_by_a_luckier_one() -> None:
    records = [
        a_record("a", CONTROL, Proportion(5000, 0)),
        a_record("a", CONTROL, BETTER, variant="gift"),
    ]
    found = archive(archived("a", a_result("a", records)))
    assert [lift.pooled for lift in found.lifts] == [False]
    assert found.pools == ()
    assert found.lifts[0].shrunk_lift is None


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "secondary"},
        {"label": "descriptive"},
        {"segment": "young"},
        {"contrast": "main:price"},
        {"metric": "gone"},
        {"log_lift": None},
    ],
)
def test_what_is_no_past_lift(changes: dict[str, Any]) -> None:
    found = archive(archived("a", a_result("a", [a_record("a", CONTROL, BETTER, **changes)])))
    assert found.lifts == ()


def test_an_invalid_result_is_not_read() -> None:
    found = archive(archived("a", a_result("a", [a_record("a", CONTROL, BETTER)], "invalid")))
    assert found.lifts == ()
    assert found.kinds[0].read == 0
    assert found.kinds[0].win_rate is None


def test_kinds_and_metrics_are_not_mixed() -> None:
    def one(key: str, spec: Any, **changes: Any) -> Archived:
        rows = [a_record(key, CONTROL, BETTER, **changes)]
        return archived(key, a_result(key, rows), spec=spec)

    down = BASE.metrics[0].model_copy(update={"desired_change": "decrease"})
    found = archive(
        one("a", spec_of("a")),
        one("b", spec_of("b", kind="pricing")),
        one("c", spec_of("c"), kind="retention"),
        one("d", spec_of("d", metrics=(down,))),
    )
    keys = [(pool.kind, pool.metric_kind, pool.desired_change) for pool in found.pools]
    assert keys == [
        ("messaging", "conversion", "decrease"),
        ("messaging", "conversion", "increase"),
        ("messaging", "retention", "increase"),
        ("pricing", "conversion", "increase"),
    ]


def test_win_rates_by_kind() -> None:
    winners = [
        archived(key, a_result(key, [a_record(key, CONTROL, BETTER)], "ship")) for key in "abc"
    ]
    losers = [archived(key, a_result(key, [a_record(key, CONTROL, BETTER)])) for key in "defghij"]
    against = HumanDecision(verdict="ship", on="2026-03-01", against=True)
    late = HumanDecision(verdict="ship", on="2026-04-02", against=True)
    decided = archived("k", decisions=(against,)), archived("l", decisions=(late,))
    (kind,) = archive(*winners, *losers, *decided).kinds
    assert (kind.experiments, kind.read, kind.won) == (12, 10, 3)
    low, high = proportion_confint(3, 10, method="wilson")
    assert (kind.win_rate, kind.win_rate_low, kind.win_rate_high) == pytest.approx((0.3, low, high))
    assert (kind.shipped, kind.against) == (1, 1)


@pytest.mark.parametrize(
    ("mde", "direction", "forecast"),
    [
        ({"relative": 0.05}, "increase", 0.05),
        ({"relative": 0.05}, "decrease", -0.05),
        ({"absolute": 0.01}, "increase", 0.1),
    ],
)
def test_forecasts(mde: dict[str, float], direction: str, forecast: float) -> None:
    metric = type(BASE.metrics[0]).model_validate(
        {
            **BASE.metrics[0].model_dump(exclude={"mde"}),
            "mde": mde,
            "desired_change": direction,
        }
    )
    spec = spec_of("a", metrics=(metric,))
    (lift,) = archive(
        archived("a", a_result("a", [a_record("a", CONTROL, BETTER)]), spec=spec)
    ).lifts
    assert lift.forecast_lift == pytest.approx(forecast)


def test_forecast_against_realised() -> None:
    metric = type(BASE.metrics[0]).model_validate(
        {**BASE.metrics[0].model_dump(exclude={"mde"}), "mde": {"relative": 0.03}}
    )
    many = Proportion(500_000, 50_000)
    experiments = [
        archived(
            key,
            a_result(key, [a_record(key, many, Proportion(500_000, x), prior_sd=0.02)]),
            spec=spec_of(key, metrics=(metric,)),
        )
        for key, x in (("a", 55_000), ("b", 51_000), ("c", 52_000))
    ]
    (pool,) = archive(*experiments).pools
    assert (pool.forecasts, pool.reached) == (3, 2)
    assert pool.forecast_lift == pytest.approx(0.03)
    assert pool.realised_lift == pytest.approx(pool.lift)
    assert (pool.prior_inside, pool.prior_of) == (2, 3)  # 10% is 4.5 standard deviations away


def test_who_will_use_the_priors_is_left_out() -> None:
    experiments = simulated(np.random.default_rng(1), 0.02, 0.05, 4)
    found = archive(*experiments, leave_out=["test-2"])
    assert found.priors[0].experiments == ("test-0", "test-1", "test-3")
    assert found.left_out == ("test-2",)
    assert len(found.experiments) == 4


def test_nothing_at_all() -> None:
    found = archive()
    assert (found.experiments, found.pools, found.priors) == ((), (), ())
