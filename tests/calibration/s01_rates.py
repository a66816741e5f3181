"""Rates from 0.1% to 50%.

Shares of customers, such as who came back: 50 to 100,000 customers per variant on average, split
50:50, 90:10 and 95:5 (control is the small one), with no effect and with the effect that would be
found about four times out of five.

Up to a few thousand possible tables each is looked at and weighted by its probability (*exact*:
there is no luck in these rows; they are held to the band of 20,000 experiments), otherwise 20,000
experiments are drawn. "False alarm" is p below 0.05 with no effect; "... says worse" and "... says
better" are its two sides. A p-value and both intervals always say the same: "contradictions" is 0.

At 90:10 the default test keeps its 5% in all but leans to one side: up to 3.3% and 1.6% where few
events are expected, so these sides are only shown. From under 10% on, and where one side alone
decides (a guardrail with a margin), the default is the corrected score, whose sides are promised.

Promised where 10 events or more are expected in the smaller variant and there are 200 customers or
more. Below that nothing asymptotic can be promised, and `few_events` warns; "warned" is how often.
Where the rate is close to 50% and there are few hundred customers, p-values come in steps, and the
5% can be up to 5.7%. The rows called *Boschloo* are the exact test that the warning names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import stats

from abtest.analysis.health.few_events import expected_events, is_few
from abtest.methods import Boschloo
from abtest.stats.comparison import Comparison
from abtest.stats.summaries import Proportion
from calibration.cells import Band, Cell, Claim, Tally
from calibration.shipped import Floats, Integers, compared, single

ALPHA, LEVEL = 0.05, 0.95
REPEATS, MOST_TABLES, LEFT_OUT = 20_000, 4_000, 1e-10
RATES = (0.001, 0.01, 0.1, 0.5)
CUSTOMERS = (50, 1_000, 10_000, 100_000)
SPLITS = ((50, 50), (10, 90), (5, 95))
ENOUGH, ENOUGH_UNITS = 10, 200
Tables = tuple[Integers, Integers, Floats]


def sizes(customers: int, split: tuple[int, int]) -> tuple[int, int]:
    """Customers in control and treatment."""
    control = 2 * customers * split[0] // 100
    return control, 2 * customers - control


def lift_for_power(n: tuple[int, int], rate: float) -> float | None:
    """The relative effect that is found about four times out of five; None past 100%."""
    found = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * np.sqrt(
        (1 - rate) / rate * (1 / n[0] + 1 / n[1])
    )
    lift = float(f"{found:.1g}")
    return lift if rate * (1 + lift) < 0.95 else None


def _range(n: int, rate: float) -> Integers:
    low, high = (float(stats.binom.ppf(mass, n, rate)) for mass in (LEFT_OUT, 1 - LEFT_OUT))
    return np.arange(int(low), int(high) + 1)


def is_exact(n: tuple[int, int], rates: tuple[float, float]) -> bool:
    """Whether there are few enough tables to look at each."""
    found = [len(_range(size, rate)) for size, rate in zip(n, rates, strict=True)]
    return found[0] * found[1] <= MOST_TABLES


def enumerated(n: tuple[int, int], rates: tuple[float, float]) -> Tables:
    """All tables with their probabilities."""
    both = [_range(size, rate) for size, rate in zip(n, rates, strict=True)]
    weights = [stats.binom.pmf(k, size, rate) for k, size, rate in zip(both, n, rates, strict=True)]
    control, treatment = np.meshgrid(*both, indexing="ij")
    return control.ravel(), treatment.ravel(), np.outer(*weights).ravel()


def drawn(
    rng: np.random.Generator, n: tuple[int, int], rates: tuple[float, float], repeats: int
) -> Tables:
    """Tables of so many experiments; equal ones are one, with their number."""
    pairs = rng.binomial(n, rates, (repeats, 2))
    tables, counts = np.unique(pairs, axis=0, return_counts=True)
    return tables[:, 0], tables[:, 1], counts.astype(float)


def simulate(
    split: tuple[int, int],
    n: tuple[int, int],
    rates: tuple[float, float],
    rng: np.random.Generator,
    repeats: int,
) -> dict[str, Tally]:
    """Compare every table once."""
    exact = is_exact(n, rates)
    control, treatment, weights = enumerated(n, rates) if exact else drawn(rng, n, rates, repeats)
    weights = weights * (REPEATS / weights.sum() if exact else 1.0)
    spec = single("share", split)
    found = [
        compared(spec, Proportion(n[0], int(c)), Proportion(n[1], int(t)))
        for c, t in zip(control, treatment, strict=True)
    ]
    few = [
        is_few(expected_events([Proportion(n[0], int(c)), Proportion(n[1], int(t))]), sum(n))
        for c, t in zip(control, treatment, strict=True)
    ]
    return tallied(found, weights, rates) | {"warned": _share(np.array(few), weights)}


def tallied(
    found: list[Comparison], weights: Floats, rates: tuple[float, float]
) -> dict[str, Tally]:
    """What is counted, each table as often as it occurs."""
    difference, lift = rates[1] - rates[0], rates[1] / rates[0] - 1
    significant = np.array([one.pvalue is not None and one.pvalue < ALPHA for one in found])
    above = np.array([one.difference is not None and one.difference > 0 for one in found])
    holds = np.array([_in(one, difference, lift) for one in found])
    astray = np.array([_contradicts(one) for one in found])
    tallies = {
        "difference held": _share(holds[:, 0], weights),
        "lift held": _share(holds[:, 1], weights),
        "contradictions": _share(astray, weights),
    }
    if difference == 0:
        return tallies | {
            "false alarms": _share(significant, weights),
            "says worse": _share(significant & ~above, weights),
            "says better": _share(significant & above, weights),
        }
    won = significant & above
    announced = np.array([one.difference or 0.0 for one in found])[won] / difference
    of_winners = weights[won]
    return tallies | {
        "power": _share(won, weights),
        "exaggeration": Tally(
            float((announced * of_winners).sum()),
            float(of_winners.sum()),
            float((announced**2 * of_winners).sum()),
        ),
    }


def _share(found: np.typing.NDArray[np.bool_], weights: Floats) -> Tally:
    return Tally(float(weights[found].sum()), float(weights.sum()))


def _in(one: Comparison, difference: float, lift: float) -> tuple[bool, bool]:
    intervals = one.difference_ci, one.lift_ci
    held = [
        interval is not None and interval.low <= value <= interval.high
        for interval, value in zip(intervals, (difference, lift), strict=True)
    ]
    return held[0], held[1]


def _contradicts(one: Comparison) -> bool:
    """Whether p-value and intervals tell different stories."""
    if one.pvalue is None or one.difference_ci is None or one.lift_ci is None:
        return False
    told = one.pvalue < ALPHA
    return any(told == (ci.low <= 0 <= ci.high) for ci in (one.difference_ci, one.lift_ci))


def exact_test(
    n: tuple[int, int], rate: float, _: np.random.Generator, _repeats: int
) -> dict[str, Tally]:
    """False alarms of Boschloo's test, over all tables with a probability worth counting."""
    control, treatment, weights = enumerated(n, (rate, rate))
    kept = weights > 1e-6  # what is left out counts as an alarm
    method = Boschloo()
    hit = [
        (method.compare(Proportion(n[0], int(c)), Proportion(n[1], int(t)), LEVEL).pvalue or 0)
        < ALPHA
        for c, t in zip(control[kept], treatment[kept], strict=True)
    ]
    alarms = weights[kept][np.array(hit)].sum() + weights[~kept].sum()
    return {"false alarms": Tally(float(alarms) * REPEATS, float(REPEATS))}


def claims(
    split: tuple[int, int], n: tuple[int, int], rate: float, effect: bool
) -> tuple[Claim, ...]:
    """What is promised of a setting."""
    few = min(n) * rate < ENOUGH or sum(n) < ENOUGH_UNITS
    band: Band = "shown" if few else "within"
    sides: Band = "shown" if few or split == (10, 90) else "within"
    coverage = (
        Claim("difference held", LEVEL, band),
        Claim("lift held", LEVEL, band),
        Claim("contradictions", 0.0, "at_most"),
        Claim("warned", 0.95 if few else 0.0, "at_least" if few else "shown"),
    )
    if effect:
        return (Claim("power"), Claim("exaggeration"), *coverage)
    return (
        Claim("false alarms", ALPHA, band),
        Claim("says worse", ALPHA / 2, sides),
        Claim("says better", ALPHA / 2, sides),
        *coverage,
    )


def _cell(
    customers: int, split: tuple[int, int], rate: float, lift: float | None, fast: int
) -> Cell:
    n = sizes(customers, split)
    rates = (rate, rate * (1 + (lift or 0.0)))
    exact = is_exact(n, rates)
    return Cell(
        "S1",
        {
            "customers": f"{n[0]:,} and {n[1]:,}",
            "rate": f"{rate:.1%}",
            "effect": "none" if lift is None else f"{lift:+.0%}",
            "how": "exact" if exact else "drawn",
        },
        1 if exact else REPEATS,
        partial(simulate, split, n, rates),
        claims(split, n, rate, lift is not None),
        batch=1 if exact else 4_000,
        fast=fast,
    )


def _cells() -> Iterator[Cell]:
    for customers in CUSTOMERS:
        for split in SPLITS:
            n = sizes(customers, split)
            for rate in RATES:
                quick = (customers, rate) == (1_000, 0.01)
                yield _cell(customers, split, rate, None, fast=1 if quick else 0)
                lift = lift_for_power(n, rate)
                if lift is not None and min(n) * rate >= ENOUGH:
                    yield _cell(customers, split, rate, lift, fast=0)
    for rate in (0.05, 0.2):
        yield Cell(
            "S1",
            {"customers": "50 and 50", "rate": f"{rate:.1%}", "effect": "none", "how": "Boschloo"},
            1,
            partial(exact_test, (50, 50), rate),
            (Claim("false alarms", ALPHA, "at_most"),),
            batch=1,
        )


CELLS: tuple[Cell, ...] = tuple(_cells())
