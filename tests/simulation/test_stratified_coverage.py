"""How often the interval holds the effect where the weights changed while customers came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_rows
from abtest.stats.adjustment.post_stratification import post_stratify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from abtest.stats.comparison import Interval

RUNS = 2_000
# Units, the coupon's share, level, spread and effect of each phase: all differ.
EARLY = (0.4, 0.50, 50.0, 5.0, 3.0)
LATE = (0.6, 0.15, 20.0, 20.0, 9.0)
EFFECT = sum(share * effect for share, _, _, _, effect in (EARLY, LATE))

pytestmark = pytest.mark.slow


def one_trial(rng: np.random.Generator, units: int = 400) -> list[dict[str, NDArray[np.float64]]]:
    """The outcomes of both variants in both phases."""
    early = rng.binomial(units, EARLY[0])
    phases = []
    for n, (_, coupon, level, spread, effect) in ((early, EARLY), (units - early, LATE)):
        treated = rng.random(n) < coupon
        y = rng.normal(level, spread, n) + effect * treated
        phases.append({"control": y[~treated], "coupon": y[treated]})
    return phases


def by_phase(phases: list[dict[str, NDArray[np.float64]]]) -> Interval | None:
    columns = Columns(("y",))
    strata = {
        str(place): {key: from_rows(columns, y[:, None]) for key, y in phase.items()}
        for place, phase in enumerate(phases)
    }
    return post_stratify(strata).compare("control", "coupon").comparison.difference_ci


def by_indicator(phases: list[dict[str, NDArray[np.float64]]]) -> Interval | None:
    columns = Columns(("y",), ("late",))
    found: dict[str, CoMoments] = {}
    for key in ("control", "coupon"):
        rows = [
            np.column_stack([phase[key], np.full(len(phase[key]), place)])
            for place, phase in enumerate(phases)
        ]
        found[key] = from_rows(columns, np.vstack(rows))
    return adjust_means(found).compare("control", "coupon").comparison.difference_ci


def test_the_interval_covers_the_effect_as_often_as_it_says() -> None:
    """One regression on an indicator of the phase would cover it in 82% only."""
    rng = np.random.default_rng(20260108)
    held = [0, 0]
    for _ in range(RUNS):
        phases = one_trial(rng)
        for place, interval in enumerate((by_phase(phases), by_indicator(phases))):
            assert interval is not None
            held[place] += interval.low <= EFFECT <= interval.high
    # 95% of 2,000 runs, within three standard errors.
    assert held[0] / RUNS == pytest.approx(0.95, abs=0.015)
    assert held[1] / RUNS < 0.9
