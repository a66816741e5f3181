"""Revenue, of which 97% is zero.

Three customers of 100 buy, and what they spend is log-normal with a light, a heavy and an extreme
tail (standard deviations 0.5, 1.0 and 2.0 of the logarithm): customers' revenue has a skewness of
about 8, 20 and more than 100. Control is the small variant where the split is uneven. Welch's t and
Fieller's interval of the lift are the default, with no effect and with the effect of a light tail
that is found about four times out of five (everybody's basket grows by so much).

With variants of one size the two skews cancel if there is no effect: the heavier the tail, the
further the default is on the safe side ("at most"). With an uneven split they do not, and the check
`skew` warns; where one customer makes 5% of a variant's revenue or three decide the result, so does
`outliers`. "Warned" is how often either does. In every row no more than 5% are missed, or falsely
announced, *without a warning*. What to do about it: name the permutation test in the plan, which is
the last rows, or cap the values beforehand (`winsorize`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from abtest.analysis.health.outliers import MOST_TAKEN, outliers
from abtest.analysis.summaries import Found, MetricCounts
from abtest.methods import Permutation
from abtest.spec import Spec
from abtest.stats.comparison import Comparison
from abtest.stats.means.shape import skew_check
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments
from calibration.cells import Cell, Claim, Tally, hits, values
from calibration.shipped import METRIC, Floats, compared, single

ALPHA, LEVEL = 0.05, 0.95
BUYERS, BASKET = 0.03, 3.0
TAILS = {"light": 0.5, "heavy": 1.0, "extreme": 2.0}
CUSTOMERS = {50: 20_000, 1_000: 20_000, 10_000: 20_000, 50_000: 4_000}
SPLITS = ((50, 50), (25, 75), (10, 90), (5, 95))
PERMUTATIONS = 499


def sizes(customers: int, split: tuple[int, int]) -> tuple[int, int]:
    """Customers in control and treatment."""
    control = 2 * customers * split[0] // 100
    return control, 2 * customers - control


def lift_for_power(n: tuple[int, int]) -> float:
    """The lift of the mean that would be found four times out of five with a light tail."""
    variation = np.exp(TAILS["light"] ** 2) / BUYERS - 1
    return float(f"{2.8 * np.sqrt(variation * (1 / n[0] + 1 / n[1])):.1g}")


def true_mean(tail: str) -> float:
    """Revenue per customer in control."""
    return float(BUYERS * np.exp(BASKET + TAILS[tail] ** 2 / 2))


def spent(rng: np.random.Generator, n: int, tail: str, lift: float, repeats: int) -> list[Floats]:
    """What the payers of each replication spent."""
    payers = rng.binomial(n, BUYERS, repeats)
    amounts = rng.lognormal(BASKET, TAILS[tail], int(payers.sum())) * (1 + lift)
    return np.split(amounts, np.cumsum(payers)[:-1])


def moments(amounts: Floats, n: int) -> Moments:
    """Of all customers, most of whom spent nothing."""
    mean = float(amounts.sum()) / n
    others = (n - len(amounts)) * mean * mean
    return Moments(n, mean, float(((amounts - mean) ** 2).sum()) + others)


def counts(amounts: Floats, n: int) -> ValueCounts:
    """The same with every value."""
    numbers = [n - len(amounts), *([1] * len(amounts))]
    return ValueCounts.exact([0.0, *np.sort(amounts).tolist()], numbers)


@dataclass(frozen=True)
class Setting:
    """Planned weights, customers, tail and effect."""

    split: tuple[int, int]
    n: tuple[int, int]
    tail: str
    lift: float


def simulate(setting: Setting, rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """Welch and Fieller as `analyze` calls them, and its check of the skew."""
    n, tail, lift = setting.n, setting.tail, setting.lift
    spec = single("mean", setting.split)
    samples = [spent(rng, size, tail, by, repeats) for size, by in zip(n, (0.0, lift), strict=True)]
    pairs = list(zip(*samples, strict=True))
    found = [compared(spec, moments(c, n[0]), moments(t, n[1])) for c, t in pairs]
    warned = [warns(spec, setting, pair) for pair in pairs]
    return tallied(found, np.array(warned), true_mean(tail) * lift, lift)


def warns(spec: Spec, setting: Setting, pair: tuple[Floats, Floats]) -> bool:
    """Whether a reader is warned: of skew where the split is uneven, or of a few who decide."""
    n, split = setting.n, setting.split
    uneven = split[0] != split[1]  # `skew` looks at nothing else
    if uneven and not skew_check(counts(pair[0], n[0]), counts(pair[1], n[1])).passes:
        return True
    keys = ((METRIC, "control"), (METRIC, "v1"))
    sums = {
        key: MetricCounts(0, 0, 0, moments(amounts, size))
        for key, amounts, size in zip(keys, pair, n, strict=True)
    }
    largest = {
        key: tuple(sorted(amounts.tolist(), reverse=True)[:MOST_TAKEN])
        for key, amounts in zip(keys, pair, strict=True)
    }
    return outliers(spec, Found(sums, {}, {}, largest_values=largest)) is not None


def permuted(
    n: tuple[int, int], tail: str, rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """The test that the warning names, with fewer permutations than its default."""
    samples = [spent(rng, size, tail, 0.0, repeats) for size in n]
    found = [
        Permutation(resamples=PERMUTATIONS, seed=place).compare(
            counts(control, n[0]), counts(treatment, n[1]), LEVEL
        )
        for place, (control, treatment) in enumerate(zip(*samples, strict=True))
    ]
    return tallied(found, np.zeros(repeats, dtype=bool), 0.0, 0.0)


def tallied(
    found: list[Comparison], warned: np.typing.NDArray[np.bool_], difference: float, lift: float
) -> dict[str, Tally]:
    """What is counted."""
    significant = np.array([one.pvalue is not None and one.pvalue < ALPHA for one in found])
    above = np.array([one.difference is not None and one.difference > 0 for one in found])
    missed = np.array([_missed(one, difference, lift) for one in found])
    tallies = {
        "difference missed": hits(missed[:, 0]),
        "lift missed": hits(missed[:, 1]),
        "difference missed, no warning": hits(missed[:, 0] & ~warned),
        "lift missed, no warning": hits(missed[:, 1] & ~warned),
        "warned": hits(warned),
    }
    if lift == 0:
        return tallies | {
            "false alarms": hits(significant),
            "false alarms, no warning": hits(significant & ~warned),
            "says worse": hits(significant & ~above),
            "says better": hits(significant & above),
        }
    won = significant & above
    sizes_won = np.array([one.difference or 0.0 for one in found])[won] / difference
    return tallies | {"power": hits(won), "exaggeration": values(sizes_won)}


def _missed(one: Comparison, difference: float, lift: float) -> tuple[bool, bool]:
    """Whether the intervals leave out the truth; one without limits holds everything."""
    pairs = ((one.difference_ci, difference), (one.lift_ci, lift))
    gone = [ci is not None and not ci.low <= value <= ci.high for ci, value in pairs]
    return gone[0], gone[1]


def claims(customers: int, split: tuple[int, int], tail: str, lift: float) -> tuple[Claim, ...]:
    """What is promised of a setting."""
    even = split[0] == split[1]
    enough = customers >= {"light": 1_000, "heavy": 10_000, "extreme": 1_000_000}[tail]
    sure = tail != "light" and min(split) <= 10 and customers <= 10_000
    intervals = (
        *(() if even else (Claim("difference missed"), Claim("lift missed"))),
        Claim("difference missed, no warning", ALPHA, "at_most"),
        Claim("lift missed, no warning", ALPHA, "at_most"),
        Claim("warned", 0.95, "at_least" if sure else "shown"),
    )
    if lift:
        return (Claim("power"), Claim("exaggeration"), *intervals)
    return (
        Claim("false alarms", ALPHA, "shown" if not even else "within" if enough else "at_most"),
        Claim("false alarms, no warning", ALPHA, "at_most"),
        Claim("says worse", ALPHA / 2, "at_most" if even else "shown"),
        Claim("says better", ALPHA / 2, "at_most" if even else "shown"),
        *intervals,
    )


def _cell(customers: int, split: tuple[int, int], tail: str, lift: float) -> Cell:
    n = sizes(customers, split)
    quick = (customers, tail, lift) == (1_000, "heavy", 0.0) and split in ((50, 50), (10, 90))
    return Cell(
        "S2",
        {
            "customers": f"{n[0]:,} and {n[1]:,}",
            "tail": tail,
            "effect": f"{lift:+.0%}" if lift else "none",
            "test": "Welch",
        },
        4_000 if lift else CUSTOMERS[customers],
        partial(simulate, Setting(split, n, tail, lift)),
        claims(customers, split, tail, lift),
        fast=1_000 if quick else 0,
    )


def _cells() -> Iterator[Cell]:
    for tail in TAILS:
        for customers in CUSTOMERS:
            for split in SPLITS if customers > 50 else SPLITS[:1]:
                yield _cell(customers, split, tail, 0.0)
                if customers > 50:
                    yield _cell(customers, split, tail, lift_for_power(sizes(customers, split)))
    for n in ((200, 1_800), (1_000, 19_000)):
        yield Cell(
            "S2",
            {
                "customers": f"{n[0]:,} and {n[1]:,}",
                "tail": "heavy",
                "effect": "none",
                "test": "permutation",
            },
            2_000,
            partial(permuted, n, "heavy"),
            (
                Claim("false alarms", ALPHA, "within"),
                Claim("says worse"),
                Claim("says better"),
                Claim("difference missed"),
                Claim("lift missed"),
            ),
            batch=250,
        )


CELLS: tuple[Cell, ...] = tuple(_cells())
