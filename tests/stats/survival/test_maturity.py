from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from abtest.stats.summaries import Proportion
from abtest.stats.survival.kaplan_meier import curve_point
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.log_rank import log_rank
from abtest.stats.survival.maturity import cohorts_agree, readings_agree

WINDOW = 30.0
TABLE = LifeTable((5.0, 10.0, 30.0), (40, 30, 0), (0, 100, 50))


def test_one_variant_by_hand() -> None:
    """S = (1 - 40/220)(1 - 30/180) = 15/22, so F = 7/22; G = 40/(220 180) + 30/(180 150)."""
    got = readings_agree([Proportion(90, 35)], [TABLE], WINDOW)
    gap = 35 / 90 - 7 / 22
    greenwood = (15 / 22) ** 2 * (40 / (220 * 180) + 30 / (180 * 150))
    statistic = gap / math.sqrt((7 / 22) * (15 / 22) / 90 - greenwood)
    assert got.gap == pytest.approx(gap, rel=1e-12)
    assert got.statistic == pytest.approx(statistic, rel=1e-9)
    assert got.pvalue == pytest.approx(2 * norm.sf(abs(statistic)), rel=1e-9)


def test_two_variants_compare_the_differences() -> None:
    other = LifeTable((5.0, 10.0, 30.0), (60, 30, 0), (0, 90, 40))
    complete = Proportion(90, 35), Proportion(80, 40)
    control, treatment = (
        readings_agree([own], [table], WINDOW)
        for own, table in zip(complete, (TABLE, other), strict=True)
    )
    got = readings_agree(complete, [TABLE, other], WINDOW)
    assert got.gap == pytest.approx((treatment.gap or 0) - (control.gap or 0), abs=1e-12)
    assert got.statistic is not None
    swapped = readings_agree(complete[::-1], [other, TABLE], WINDOW)
    assert swapped.gap == pytest.approx(-(got.gap or 0), abs=1e-12)
    assert swapped.pvalue == pytest.approx(got.pvalue)


def test_units_that_are_all_mature_cannot_disagree() -> None:
    table = LifeTable((5.0, 30.0), (40, 0), (0, 60))
    got = readings_agree([Proportion(100, 40)], [table], WINDOW)
    assert got.gap == pytest.approx(0, abs=1e-12)
    assert got.pvalue is None
    assert got.note == "the curve adds no precision"


@pytest.mark.parametrize(
    ("complete", "table", "note"),
    [
        (Proportion(0, 0), TABLE, "no unit of a variant is mature yet"),
        (Proportion(5, 1), LifeTable((5.0,), (1,), (9,)), "a curve does not reach the end"),
        (Proportion(5, 1), LifeTable.empty(), "a curve does not reach the end"),
    ],
)
def test_nothing_to_compare_says_why(complete: Proportion, table: LifeTable, note: str) -> None:
    got = readings_agree([complete], [table], WINDOW)
    assert (got.gap, got.pvalue, got.flagged) == (None, None, False)
    assert note in got.note


def test_cohorts_are_compared_by_the_log_rank_test_up_to_the_window() -> None:
    early = LifeTable((5.0, 30.0, 40.0), (200, 0, 300), (0, 100, 400))
    late = LifeTable((5.0, 10.0), (300, 0), (0, 700))
    got = cohorts_agree(early, late, WINDOW)
    wanted = log_rank(early.truncated(WINDOW), late)
    assert (got.gap, got.statistic, got.pvalue) == (
        wanted.difference,
        wanted.statistic,
        wanted.pvalue,
    )
    assert got.flagged
    assert "late entrants differ" in got.note
    assert not cohorts_agree(early, early, WINDOW).flagged


def test_no_late_entrants_no_drift() -> None:
    got = cohorts_agree(TABLE, LifeTable.empty(), WINDOW)
    assert got.pvalue is None
    assert got.note == "no event tells early and late entrants apart"


def test_false_alarms_are_as_rare_as_asked() -> None:
    """Both checks at 5% on 600 draws without drift: within three standard errors of 5%."""
    draw = np.random.default_rng(3)
    flags = np.array([_flags(draw, lambda entry: 40.0 + 0 * entry) for _ in range(600)])
    rates = flags.mean(axis=0)
    assert rates == pytest.approx([0.05, 0.05], abs=3 * math.sqrt(0.05 * 0.95 / 600))


def test_a_drift_is_found() -> None:
    """Late entrants come back twice as fast: both checks see it nearly always."""
    draw = np.random.default_rng(4)
    flags = np.array([_flags(draw, lambda entry: 60.0 - entry) for _ in range(50)])
    assert flags.mean(axis=0).min() > 0.9


Speed = Callable[[np.ndarray], np.ndarray]


def _flags(draw: np.random.Generator, mean_wait: Speed) -> tuple[bool, bool]:
    """1,500 units enter over 40 days; day 60 is the cut-off, so half are mature for 30 days."""
    entry = draw.uniform(0, 40, 1500)
    event, followed = draw.exponential(mean_wait(entry)), 60 - entry
    seen = event < followed
    tables = [
        LifeTable.of(np.minimum(event, followed)[which].tolist(), seen[which].tolist())
        for which in (entry < 20, entry >= 20)
    ]
    mature = followed >= WINDOW
    complete = Proportion(int(mature.sum()), int((event[mature] < WINDOW).sum()))
    whole = (tables[0] + tables[1]).truncated(WINDOW)
    assert curve_point(whole, WINDOW).reached
    return (
        readings_agree([complete], [whole], WINDOW, alpha=0.05).flagged,
        cohorts_agree(tables[0], tables[1], WINDOW, alpha=0.05).flagged,
    )


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="0 proportions and 1 life tables; pass one variant"):
        readings_agree([], [TABLE], WINDOW)
    with pytest.raises(ValueError, match="3 proportions and 3 life tables"):
        readings_agree([Proportion(1, 1)] * 3, [TABLE] * 3, WINDOW)
    with pytest.raises(ValueError, match="alpha is 1; it must lie strictly"):
        readings_agree([Proportion(5, 1)], [TABLE], WINDOW, alpha=1)
    with pytest.raises(ValueError, match="alpha is 0; it must lie strictly"):
        cohorts_agree(TABLE, TABLE, WINDOW, alpha=0)
    with pytest.raises(ValueError, match="horizon is 0; it must be a positive time"):
        cohorts_agree(TABLE, TABLE, 0)
