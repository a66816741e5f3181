from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from abtest.methods import Cox, KaplanMeier, LogRank, Method, Rmst
from abtest.stats.survival.cox import cox
from abtest.stats.survival.incidence import incidence, incidence_estimate
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.log_rank import log_rank
from abtest.stats.survival.rmst import rmst, rmst_estimate

CONTROL = LifeTable((2.0, 5.0, 9.0, 12.0), (6, 5, 4, 0), (0, 3, 0, 40))
TREATMENT = LifeTable((2.0, 4.0, 9.0, 10.0), (9, 7, 8, 0), (0, 2, 0, 30))
TABLES = (CONTROL, TREATMENT)


def test_each_method_calls_its_numerics() -> None:
    assert KaplanMeier(horizon=9).compare(*TABLES, 0.9) == incidence(*TABLES, 9, 0.9)
    assert KaplanMeier(horizon=9).estimate(CONTROL, 0.9) == incidence_estimate(CONTROL, 9, 0.9)
    assert Rmst(until=9).compare(*TABLES, 0.9) == rmst(*TABLES, 9, 0.9)
    assert Rmst(until=9).estimate(CONTROL, 0.9) == rmst_estimate(CONTROL, 9, 0.9)
    assert LogRank().compare(*TABLES, 0.9) == log_rank(*TABLES, 0.9)
    assert Cox().compare(*TABLES, 0.9) == cox(*TABLES, 0.9)


@pytest.mark.parametrize("method", [LogRank(), Cox()], ids=lambda m: m.kind)
def test_a_test_of_curves_shows_each_variant_at_the_end_of_its_follow_up(
    method: LogRank | Cox,
) -> None:
    assert method.estimate(CONTROL, 0.9) == incidence_estimate(CONTROL, 12.0, 0.9)
    assert method.estimate(LifeTable.empty(), 0.9).value is None


def test_without_a_horizon_both_are_read_as_far_as_both_are_followed() -> None:
    got = KaplanMeier().compare(*TABLES, 0.95)
    assert got.pvalue == incidence(*TABLES, 10.0).pvalue
    assert got.notes == ("no horizon was set: read at 10, as far as both variants are followed",)
    assert Rmst().compare(*TABLES, 0.95).difference == rmst(*TABLES, 10.0).difference
    assert KaplanMeier().estimate(CONTROL, 0.95) == incidence_estimate(CONTROL, 12.0)


@pytest.mark.parametrize("method", [KaplanMeier(), Rmst()], ids=lambda m: m.kind)
def test_nobody_followed_has_no_number(method: KaplanMeier | Rmst) -> None:
    for nobody in (LifeTable.empty(), LifeTable((0.0,), (0,), (3,))):
        got = method.compare(CONTROL, nobody, 0.95)
        assert got.pvalue is None
        assert got.notes == ("a variant has no units that were followed for any time",)
        assert method.estimate(nobody, 0.95).value is None


def test_the_horizon_comes_from_the_spec() -> None:
    read = TypeAdapter(Method).validate_python({"kind": "kaplan_meier", "horizon": 30})
    assert read == KaplanMeier(horizon=30.0)
    assert TypeAdapter(Method).validate_python({"kind": "rmst", "until": 90}) == Rmst(until=90.0)


@pytest.mark.parametrize("page", ["kaplan_meier", "rmst", "log_rank", "cox"])
def test_the_examples_of_the_pages_are_true(page: str, root: Path) -> None:
    path = root / "docs" / "methods" / f"{page}.md"
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("horizon", [0, -1, float("inf"), float("nan")])
def test_a_horizon_that_is_no_time_is_refused(horizon: float) -> None:
    with pytest.raises(ValidationError, match="horizon"):
        KaplanMeier(horizon=horizon)
    with pytest.raises(ValidationError, match="until"):
        Rmst(until=horizon)
