"""Who should get the incentive: by hand, and on segments that do not differ."""

from __future__ import annotations

import numpy as np
import pytest

from abtest.stats.moments import Moments
from abtest.stats.money.targeting import Segments, targeting


def pair(effect: float, n: int = 100, m2: float = 99.0) -> tuple[Moments, Moments]:
    """Standard deviation 1 in both: the standard error of the effect is sqrt(2 / n)."""
    return Moments(n, 5.0, m2), Moments(n, 5.0 + effect, m2)


def test_by_hand() -> None:
    """Half of the customers gain 4, half lose 4: all 0, the chosen half of them 4 / 2 = 2."""
    fold = {"new": pair(4.0), "old": pair(-4.0)}
    found = targeting([fold, fold])
    assert found.chosen == ("new",)
    assert found.treat_all.value == pytest.approx(0.0)
    assert found.treat_chosen.value == pytest.approx(2.0)
    # Each fold: (1/2)^2 x 2/100 = 0.005; the mean of two folds has half of it.
    half_width = 1.959964 * (0.005 / 2) ** 0.5
    assert found.treat_chosen.high - 2.0 == pytest.approx(half_width, rel=1e-6)
    assert found.effects["new"][0] == pytest.approx(4.0)
    assert 0 < found.shrunken["new"].mean < 4.0


def test_a_choice_is_valued_on_others() -> None:
    """Where the folds disagree, each is valued by the other's choice: a loss, and no gain."""
    first = {"a": pair(4.0), "b": pair(-4.0)}
    second = {"a": pair(-4.0), "b": pair(4.0)}
    assert targeting([first, second]).treat_chosen.value == pytest.approx(-2.0)


def test_nothing_is_promised_from_noise() -> None:
    """Without an effect the value of choosing is 0 on average; in sample it looks better."""
    rng = np.random.default_rng(12)
    honest, naive = [], []

    def draw() -> tuple[Moments, Moments]:
        control, treatment = rng.normal(0, 1, (2, 50))
        return tuple(  # type: ignore[return-value]
            Moments(50, float(x.mean()), float(((x - x.mean()) ** 2).sum()))
            for x in (control, treatment)
        )

    for _ in range(300):
        folds: list[Segments] = [{name: draw() for name in "abcd"} for _ in range(2)]
        found = targeting(folds)
        honest.append(found.treat_chosen.value)
        naive.append(sum(found.effects[name][0] for name in found.chosen) / 4)
    error = np.std(honest) / np.sqrt(300)
    assert abs(np.mean(honest)) < 4 * error
    assert np.mean(naive) > np.mean(honest) + 4 * error


def test_without_sense() -> None:
    fold = {"a": pair(1.0)}
    with pytest.raises(ValueError, match="there are 1 folds"):
        targeting([fold])
    with pytest.raises(ValueError, match="different segments"):
        targeting([fold, {"b": pair(1.0)}])
    with pytest.raises(ValueError, match="segment a has fewer than 2"):
        targeting([fold, {"a": pair(1.0, n=1)}])
