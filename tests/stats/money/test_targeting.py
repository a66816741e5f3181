"""Who should get the incentive: by hand, and on segments that do not differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtest.stats.moments import Moments
from abtest.stats.money.targeting import SHARED, Segments, targeting


def pair(effect: float, n: int = 100, m2: float = 99.0) -> dict[str, tuple[Moments, Moments]]:
    """Standard deviation 1 in both: the standard error of the effect is sqrt(2 / n)."""
    return {"": (Moments(n, 5.0, m2), Moments(n, 5.0 + effect, m2))}


def test_by_hand() -> None:
    """Half of the customers gain 4, half lose 4: all 0, the chosen half of them 4 / 2 = 2."""
    half = {"new": pair(4.0), "old": pair(-4.0)}
    found = targeting([half, half])
    assert found.chosen == ("new",)
    assert found.treat_all.value == pytest.approx(0.0)
    assert found.treat_chosen.value == pytest.approx(2.0)
    # Each half: (1/2)^2 x 2/100 = 0.005; the mean of two halves has half of it, and 40.5% more.
    half_width = 1.959964 * (1.405 * 0.005 / 2) ** 0.5
    assert found.treat_chosen.high - 2.0 == pytest.approx(half_width, rel=1e-6)
    assert found.effects["new"][0] == pytest.approx(4.0)
    assert 0 < found.shrunken["new"].mean < 4.0


def test_what_the_halves_share_at_most() -> None:
    """The maximum of phi(t)^2 / (1 - Phi(t)), rounded up."""
    t = np.linspace(-3, 5, 80_001)
    largest = (stats.norm.pdf(t) ** 2 / stats.norm.sf(t)).max()
    assert largest <= SHARED < largest + 0.001


def test_strata_by_hand() -> None:
    """Under another split in the second stratum the plain means would say 20.5 - 16 = 4.5.

    Stratum a: 100 and 100 customers, 10 against 11; b: 100 and 300, 22 against 23: the effect is 1.
    """
    cell = {
        "a": (Moments(100, 10.0, 99.0), Moments(100, 11.0, 99.0)),
        "b": (Moments(100, 22.0, 99.0), Moments(300, 23.0, 299.0)),
    }
    found = targeting([{"all": cell}, {"all": cell}])
    assert found.treat_all.value == pytest.approx(1.0)
    # Both halves together: 398/3 of 1,200 customers' weights, (1/3)^2 and (2/3)^2.
    v_a, v_b = 2 * 198 / 199 / 200, 198 / 199 / 200 + 598 / 599 / 600
    assert found.effects["all"][1] == pytest.approx((v_a / 9 + v_b * 4 / 9) ** 0.5)


def test_a_stratum_in_one_half_only() -> None:
    cell = pair(1.0)
    more = {**cell, "late": (Moments(100, 5.0, 99.0), Moments(100, 7.0, 99.0))}
    found = targeting([{"all": cell}, {"all": more}])
    assert found.treat_all.value == pytest.approx((400 * 1.0 + 200 * 2.0) / 600)


def test_a_choice_is_valued_on_others() -> None:
    """Where the halves disagree, each is valued by the other's choice: a loss, and no gain."""
    first = {"a": pair(4.0), "b": pair(-4.0)}
    second = {"a": pair(-4.0), "b": pair(4.0)}
    assert targeting([first, second]).treat_chosen.value == pytest.approx(-2.0)


def test_nothing_is_promised_from_noise() -> None:
    """Without an effect the value of choosing is 0 on average; in sample it looks better."""
    rng = np.random.default_rng(12)
    honest, naive = [], []

    def draw() -> dict[str, tuple[Moments, Moments]]:
        control, treatment = rng.normal(0, 1, (2, 50))
        return {"": (_moments(control), _moments(treatment))}

    for _ in range(300):
        halves: list[Segments] = [{name: draw() for name in "abcd"} for _ in range(2)]
        found = targeting(halves)
        honest.append(found.treat_chosen.value)
        naive.append(sum(found.effects[name][0] for name in found.chosen) / 4)
    error = np.std(honest) / np.sqrt(300)
    assert abs(np.mean(honest)) < 4 * error
    assert np.mean(naive) > np.mean(honest) + 4 * error


def _moments(x: np.ndarray) -> Moments:
    return Moments(len(x), float(x.mean()), float(((x - x.mean()) ** 2).sum()))


def test_without_sense() -> None:
    half = {"a": pair(1.0)}
    with pytest.raises(ValueError, match="there are 1 parts"):
        targeting([half])
    with pytest.raises(ValueError, match="different segments"):
        targeting([half, {"b": pair(1.0)}])
    with pytest.raises(ValueError, match="segment a has fewer than 2"):
        targeting([half, {"a": pair(1.0, n=1)}])
