"""What each closed form promises is what the shipped method finds, in simulated experiments.

Sufficient statistics are drawn directly, from their exact distributions where there are any, so
that an experiment of thousands of units costs what its analysis costs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from abtest.analysis.planning.baselines import Known
from abtest.analysis.planning.comparisons import Comparison
from abtest.analysis.planning.factors import FactorEffect
from abtest.analysis.planning.sizes import power_at, units_for
from abtest.fields import RelativeOrAbsolute
from abtest.methods import (
    ClusterRobust,
    LinearizedRatio,
    LogRank,
    Method,
    MiettinenNurminen,
    Scas,
    Welch,
)
from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, from_arrays
from abtest.stats.clusters.sums import Clusters
from abtest.stats.comparison import Comparison as Compared
from abtest.stats.factorial import combined, margin
from abtest.stats.families.max_t import MaxT, loadings_of
from abtest.stats.means.t_pivot import t_comparison
from abtest.stats.means.welch import mean_level
from abtest.stats.moments import Moments, PairMoments, Proportion
from abtest.stats.power.design import Design
from abtest.stats.power.events import power_schoenfeld
from abtest.stats.power.factors import design_effect, history_factor
from abtest.stats.power.proportions import proportions_power_pooled
from abtest.stats.power.student import t_power
from abtest.stats.sequential.boundaries import Plan, spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_rho, multiplier
from abtest.stats.sequential.planning import plan_cost
from abtest.stats.sequential.spending import Spending
from abtest.stats.survival.life_table import LifeTable

Draw = Callable[[np.random.Generator], bool]
PLAIN = Design()


@dataclass(frozen=True)
class Promise:
    """A simulated experiment that says whether its test rejects, and how often it should."""

    name: str
    power: float
    draw: Draw


def significant(found: Compared, alpha: float = 0.05) -> bool:
    assert found.pvalue is not None
    return found.pvalue < alpha


def shares(
    name: str, method: Method, n: tuple[int, int], p: tuple[float, float], design: Design = PLAIN
) -> Promise:
    known = Known("share", p[0], p[0] * (1 - p[0]))
    design = replace(design, ratio=n[1] / n[0])
    power = power_at(known, Comparison(design, 0.5, 1), n[0], p[1] - p[0], up=True)

    def draw(random: np.random.Generator) -> bool:
        control, treatment = (
            Proportion(size, int(random.binomial(size, share)))
            for size, share in zip(n, p, strict=True)
        )
        return significant(method.compare(control, treatment, 0.95), design.alpha)

    return Promise(name, power, draw)


def dunnett(variants: int) -> Promise:
    """One of several treatments, at the critical value that all share."""
    family = MaxT(loadings_of(1.0, [1.0] * variants))
    critical = family.critical_value(0.05)
    design = Design(alpha=math.erfc(critical / math.sqrt(2)), critical=critical)
    made = shares(f"dunnett {variants}", MiettinenNurminen(), (8000, 8000), (0.1, 0.115), design)
    return replace(made, power=proportions_power_pooled(8000, 0.1, 0.115, design))


def means(name: str, n: tuple[int, int], difference: float, sd: float) -> Promise:
    power = t_power(n[0], difference, sd, Design(ratio=n[1] / n[0]))

    def draw(random: np.random.Generator) -> bool:
        control, treatment = (
            Moments(size, random.normal(mean, sd / math.sqrt(size)), _m2(random, size, sd))
            for size, mean in zip(n, (20.0, 20.0 + difference), strict=True)
        )
        return significant(Welch().compare(control, treatment, 0.95))

    return Promise(name, power, draw)


def _m2(random: np.random.Generator, n: int, sd: float) -> float:
    return float(sd**2 * random.chisquare(n - 1))


def _pair(
    random: np.random.Generator, n: int, mean: tuple[float, float], root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means and centred products of n units of two normal columns (Bartlett's decomposition)."""
    low = np.array(
        [[math.sqrt(random.chisquare(n - 1)), 0.0], [random.normal(), 0.0]], dtype=np.float64
    )
    low[1, 1] = math.sqrt(random.chisquare(n - 2))
    products = root @ low @ low.T @ root.T
    return np.array(mean) + root @ random.normal(size=2) / math.sqrt(n), products


def ratios() -> Promise:
    """Revenue over orders: the variance of the linearised value."""
    covariance = np.array([[400.0, 12.0], [12.0, 1.0]])
    root = np.linalg.cholesky(covariance)
    n, level, lift = 5000, 10.0, 0.03
    weights = np.array([1.0, -level]) / 3
    known = Known("mean", level, float(weights @ covariance @ weights))
    power = power_at(known, Comparison(PLAIN, 0.5, 1), n, lift * level, up=True)

    def draw(random: np.random.Generator) -> bool:
        sides = []
        for more in (0.0, lift * level):
            # Each order brings so much more: the linearised value varies as before.
            moved = np.array([[1.0, more], [0.0, 1.0]]) @ root
            mean, products = _pair(random, n, (3 * (level + more), 3.0), moved)
            sides.append(
                PairMoments(n, mean[0], mean[1], products[0, 0], products[1, 1], products[0, 1])
            )
        return significant(LinearizedRatio().compare(sides[0], sides[1], 0.95))

    return Promise("ratio", power, draw)


def adjusted(correlation: float) -> Promise:
    known = Known("mean", 20.0, 900.0, factor=history_factor(correlation))
    n = 3000
    power = power_at(known, Comparison(PLAIN, 0.5, 1), n, 1.8, up=True)
    root = np.linalg.cholesky(
        np.array([[900.0, 60 * correlation], [60 * correlation, 4.0]])  # y, x
    )
    columns = Columns(("y",), ("x",))

    def draw(random: np.random.Generator) -> bool:
        sides = {
            name: from_arrays(columns, n, *_pair(random, n, (mean, 5.0), root))
            for name, mean in (("control", 20.0), ("coupon", 21.8))
        }
        return significant(adjust_means(sides).compare("control", "coupon").comparison)

    return Promise(f"adjusted {correlation}", power, draw)


def non_inferior(share: float) -> Promise:
    """The interval's end must lie above the margin: one side of 2.5%."""
    n, margin = 2000, 0.04
    design = Design(alpha=0.025, sides=1)
    comparison = Comparison(design, 0.5, 1, margin=RelativeOrAbsolute(absolute=margin))
    known = Known("share", share, share * (1 - share))
    power = power_at(known, comparison, n, margin, up=True)

    def draw(random: np.random.Generator) -> bool:
        sides = [Proportion(n, int(k)) for k in random.binomial(n, share, 2)]
        interval = MiettinenNurminen().compare(sides[0], sides[1], 0.95).difference_ci
        assert interval is not None
        return interval.low > -margin

    return Promise(f"non-inferior {share}", power, draw)


def clusters(icc: float, *, even: bool) -> Promise:
    """Clusters of 8 units, or of 4 and 12; variance 1 within and between together."""
    count = 200
    sizes = np.full(count, 8) if even else np.tile([4, 12], count // 2)
    effect = design_effect(8, icc, 0.0 if even else 0.5)
    known = Known("mean", 5.0, 1.0, effect=effect)
    difference = 0.07 * math.sqrt(effect)
    power = power_at(known, Comparison(PLAIN, 0.5, 1), int(sizes.sum()), difference, up=True)

    def draw(random: np.random.Generator) -> bool:
        sides = []
        for mean in (5.0, 5.0 + difference):
            shared = random.normal(mean, math.sqrt(icc), count)
            own = random.normal(0.0, np.sqrt((1 - icc) * sizes))
            whole = tuple(map(int, sizes))
            sides.append(Clusters(whole, tuple(shared * sizes + own), tuple(map(float, whole))))
        return significant(ClusterRobust().compare(sides[0], sides[1], 0.95))

    return Promise(f"clusters {icc} {even}", power, draw)


def curves(hazard_ratio: float, ratio: float) -> Promise:
    """Thirty days of a constant hazard, everybody followed to the end."""
    days, n = 30, 2000
    hazard = -math.log(0.7) / days
    design = Design(ratio=ratio)
    ends = [0.3, 1 - math.exp(-hazard * hazard_ratio * days)]
    power = power_schoenfeld(n * (ends[0] + ratio * ends[1]), hazard_ratio, design)

    def draw(random: np.random.Generator) -> bool:
        sides = []
        for size, rate in ((n, hazard), (int(n * ratio), hazard * hazard_ratio)):
            daily = np.exp(-rate * np.arange(days)) * -math.expm1(-rate)
            found = random.multinomial(size, [*daily, 1 - daily.sum()])
            times = tuple(float(day) for day in range(1, days + 1))
            censored = (*[0] * (days - 1), int(found[-1]))
            sides.append(LifeTable(times, tuple(map(int, found[:-1])), censored))
        return significant(LogRank().compare(sides[0], sides[1], 0.95))

    return Promise(f"log-rank {hazard_ratio} {ratio}", power, draw)


def with_zeros(share: float, log_sd: float) -> Promise:
    """Revenue of whom a few buy: more of them do, and their baskets are log-normal."""
    n, more = 6000, 1.15
    basket, square = math.exp(log_sd**2 / 2), math.exp(2 * log_sd**2)
    value = share * basket
    known = Known("mean", value, share * square - value**2, zeros=True)
    power = power_at(known, Comparison(PLAIN, 0.5, 1), n, (more - 1) * value, up=True)

    def draw(random: np.random.Generator) -> bool:
        sides = []
        for chance in (share, share * more):
            spent = random.lognormal(0.0, log_sd, int(random.binomial(n, chance)))
            mean = spent.sum() / n
            m2 = ((spent - mean) ** 2).sum() + (n - len(spent)) * mean**2
            sides.append(Moments(n, float(mean), float(m2)))
        return significant(Welch().compare(sides[0], sides[1], 0.95))

    return Promise(f"with zeros {share}", power, draw)


def factors(levels: tuple[int, int], *, interaction: bool) -> Promise:
    """An effect of the second level of a factor, or of two together, in a complete design."""
    each, sd, alpha = 500, 10.0, 0.05
    cells = list(itertools.product(*(range(count) for count in levels)))
    sides, terms = (len(cells), 4) if interaction else (levels[0], 2)
    kind: Literal["main", "interaction"] = "interaction" if interaction else "main"
    difference = 3.2 if interaction else 1.6
    effect = FactorEffect(kind, "x", sides, terms, Design(alpha=alpha))
    power = effect.power(Known("mean", 20.0, sd**2), each * len(cells), difference)

    def draw(random: np.random.Generator) -> bool:
        found = {}
        for cell in cells:
            raised = cell == (1, 1) if interaction else cell[0] == 1
            mean = random.normal(20.0 + (difference if raised else 0.0), sd / math.sqrt(each))
            found[cell] = mean_level(Moments(each, mean, _m2(random, each, sd)))
        if not interaction:
            return significant(t_comparison(margin(found, {0: 0}), margin(found, {0: 1}), 0.95, ""))
        gaps = [
            combined([(1.0, margin(found, {0: 1, 1: b})), (-1.0, margin(found, {0: 0, 1: b}))])
            for b in (0, 1)
        ]
        return significant(t_comparison(gaps[0], gaps[1], 0.95, ""))

    return Promise(f"{kind} {levels}", power, draw)


def spent_alpha(kind: str, count: int) -> Promise:
    """The largest sample of a plan is inflated so that its power is that of one look."""
    information = [place / count for place in range(1, count + 1)]
    spending = Spending(kind)  # type: ignore[arg-type]
    return looks(f"{kind} {count}", spending_plan(information, spending, 0.05))


def sequence(count: int) -> Promise:
    """A confidence sequence that is tightest at the end stops where it leaves out no effect."""
    information = [place / count for place in range(1, count + 1)]
    at_end = asymptotic_rho(1.0, 0.05) ** 2
    widths = tuple(multiplier(at_end * share, 0.05) for share in information)
    plan = Plan(tuple(information), widths, (), 0.05, two_sided=True)
    return looks(f"confidence sequence {count}", plan)


def looks(name: str, plan: Plan) -> Promise:
    """Looks at growing samples, each held against the plan's boundary."""
    information = plan.information
    known = Known("share", 0.1, 0.09)
    n = units_for(known, Comparison(PLAIN, 0.5, 1), 0.015, up=True) * plan_cost(plan, 0.8).inflation
    steps = np.diff(np.round(np.array([0.0, *information]) * n)).astype(int)

    def draw(random: np.random.Generator) -> bool:
        seen, x, y = 0, 0, 0
        for step, boundary in zip(steps, plan.boundaries, strict=True):
            seen += int(step)
            x, y = x + int(random.binomial(step, 0.1)), y + int(random.binomial(step, 0.115))
            found = MiettinenNurminen().compare(Proportion(seen, x), Proportion(seen, y), 0.95)
            if abs(found.statistic or 0.0) >= boundary:
                return True
        return False

    return Promise(name, 0.8, draw)


PROMISES = [
    shares("few", MiettinenNurminen(), (150, 150), (0.2, 0.33)),
    shares("exact", MiettinenNurminen(), (2500, 2500), (0.12, 0.145)),
    shares("many", MiettinenNurminen(), (20_000, 20_000), (0.1, 0.1085)),
    shares("four to one", MiettinenNurminen(), (16_000, 4000), (0.2, 0.219)),
    shares("one to four", MiettinenNurminen(), (3000, 12_000), (0.3, 0.325)),
    shares("corrected", Scas(), (38_000, 2000), (0.2, 0.225)),
    dunnett(2),
    dunnett(4),
    means("few", (20, 20), 9.0, 10.0),
    means("many", (2000, 2000), 0.85, 10.0),
    means("uneven", (4000, 400), 1.4, 10.0),
    ratios(),
    adjusted(0.3),
    adjusted(0.7),
    non_inferior(0.2),
    non_inferior(0.8),
    clusters(0.05, even=True),
    clusters(0.2, even=True),
    clusters(0.1, even=False),
    curves(0.85, 1.0),
    curves(1.2, 0.5),
    with_zeros(0.2, 0.8),
    with_zeros(0.3, 1.0),
    factors((2, 2), interaction=False),
    factors((3, 2), interaction=False),
    factors((2, 2), interaction=True),
    factors((3, 2), interaction=True),
    spent_alpha("obrien_fleming", 5),
    spent_alpha("pocock", 4),
    sequence(6),
]


def found_power(promise: Promise, runs: int) -> float:
    random = np.random.default_rng(20260105)
    return sum(promise.draw(random) for _ in range(runs)) / runs


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_the_promise_is_kept_roughly(promise: Promise) -> None:
    runs = 300
    error = math.sqrt(promise.power * (1 - promise.power) / runs)
    assert 0.5 < promise.power < 0.95
    assert found_power(promise, runs) == pytest.approx(promise.power, abs=3.5 * error)


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_the_promise_is_kept(promise: Promise) -> None:
    runs = 10_000
    error = math.sqrt(promise.power * (1 - promise.power) / runs)
    assert found_power(promise, runs) == pytest.approx(promise.power, abs=3 * error)
