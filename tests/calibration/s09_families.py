"""Several variants and several metrics.

Two to five variants, one or two primary and four secondary metrics that go together (correlation
0, 0.5 or 0.9), all means of customers; some variants truly work on the primary metric. The defaults
are Dunnett's test over the variants for the primary metric (Bonferroni over several), a gate and
Holm's correction for the secondary ones, and Benjamini and Hochberg for exploratory ones.

"Any false claim" is how often at least one thing is announced that is not so, among primary and
secondary metrics together: at most 5%. "All intervals hold" is how often the adjusted intervals of
the primary metric hold the truth all at once. The rows *explored* are twenty exploratory metrics of
which some truly move: the mean share of the announced ones that are false ("false leads") and of
the adjusted intervals of the announced ones that miss ("missed leads"), at most 5%. "Uncorrected"
is what p below 0.05 on its own would have announced falsely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from abtest.analysis.families import adjust_families
from abtest.analysis.records import Comparer
from abtest.spec import Spec
from abtest.stats.summaries import Moments, Summary
from calibration.cells import Cell, Claim, Tally, hits, values
from calibration.shipped import Floats, comparer, spec_of, variant_names

ALPHA, LEVEL, REPEATS = 0.05, 0.95, 3_000
CUSTOMERS = 1_000  # in control, and in each other variant times its weight
SECONDARY, LEADS = 4, 20
STRONG = 0.4  # an effect in standard deviations of a customer, which is always found
WEAK = 0.12
# Weights, correlation of metrics, and how many variants work.
SETTINGS = (
    *(((1, 1), correlation, works) for correlation in (0.0, 0.5, 0.9) for works in (0, 1)),
    *(((1, 1, 1), correlation, works) for correlation in (0.0, 0.5, 0.9) for works in (0, 1)),
    *(((1, 1, 1, 1, 1), 0.5, works) for works in (0, 1, 2)),
    ((1, 1, 1, 1, 1), 0.9, 0),
    *(((5, 1, 3, 2), 0.5, works) for works in (0, 1, 2)),
)


@cache
def _spec(weights: tuple[int, ...], primary: int, secondary: int, exploratory: int) -> Spec:
    roles = ["primary"] * primary + ["secondary"] * secondary + ["exploratory"] * exploratory
    metrics = [
        {"key": f"m{place}", "kind": "mean", "role": role} for place, role in enumerate(roles)
    ]
    return spec_of(metrics, weights)


def summaries(
    weights: tuple[int, ...], correlation: float, effects: Floats, rng: np.random.Generator
) -> dict[tuple[str, str], Summary]:
    """Correlated means with their sums of squares; effects by variant (control first) and metric.

    Means of normal values are normal and independent of their variances: drawn so, customers need
    not be drawn one by one. Their variance, which hardly differs from the true one, is that:
    experiments then share the work of finding Dunnett's critical value.
    """
    metrics = effects.shape[1]
    found: dict[tuple[str, str], Summary] = {}
    for place, key in enumerate(variant_names(weights)):
        n = CUSTOMERS * weights[place] // weights[0]
        common = np.sqrt(correlation) * rng.normal()
        noise = common + np.sqrt(1 - correlation) * rng.normal(size=metrics)
        means = 10 + effects[place] + noise / np.sqrt(n)
        for metric in range(metrics):
            found[f"m{metric}", key] = Moments(n, float(means[metric]), float(n - 1))
    return found


def claimed(
    spec: Spec, found: dict[tuple[str, str], Summary]
) -> list[tuple[int, int, float, float | None, float, float]]:
    """Variant, metric, p-value, adjusted p-value and adjusted interval of every contrast."""
    made: Comparer = comparer(spec, found)
    contrasts = [one for metric in spec.metrics for one in made.contrasts_of(metric)]
    variance = made._variance  # as records() hands it on
    adjusted = adjust_families(spec, contrasts, variance)
    return [
        (
            int(one.variant[1:]),
            int(one.metric.key[1:]),
            one.comparison.pvalue if one.comparison.pvalue is not None else 1.0,
            adjusted[place]["pvalue_adjusted"],
            adjusted[place]["difference_ci_low_adjusted"],
            adjusted[place]["difference_ci_high_adjusted"],
        )
        for place, one in enumerate(contrasts)
    ]


@dataclass(frozen=True)
class Setting:
    """Weights, primary metrics, correlation of metrics, and how many variants work."""

    weights: tuple[int, ...]
    primary: int
    correlation: float
    works: int


def simulate(setting: Setting, rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """Primary and secondary metrics; the first variants work on the primary ones."""
    weights, primary, works = setting.weights, setting.primary, setting.works
    spec = _spec(weights, primary, SECONDARY, 0)
    effects = np.zeros((len(weights), primary + SECONDARY))
    effects[1 : works + 1, :primary] = STRONG
    false, naive, hold, found = [], [], [], []
    for _ in range(repeats):
        rows = claimed(spec, summaries(weights, setting.correlation, effects, rng))
        nothing = [row for row in rows if effects[row[0], row[1]] == 0]
        false.append(any(row[3] is not None and row[3] < ALPHA for row in nothing))
        naive.append(any(row[2] < ALPHA for row in nothing))
        first = [row for row in rows if row[1] < primary]
        hold.append(all(row[4] <= effects[row[0], row[1]] <= row[5] for row in first))
        found += [row[3] is not None and row[3] < ALPHA for row in first if row[0] <= works]
    tallies = {
        "any false claim": hits(false),
        "uncorrected": hits(naive),
        "all intervals hold": hits(hold),
    }
    return tallies | ({"power": hits(found)} if works else {})


def explored(
    correlation: float, moved: int, rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """Exploratory metrics of one variant, the first of which move."""
    spec = _spec((1, 1), 1, 0, LEADS)
    effects = np.zeros((2, 1 + LEADS))
    effects[1, 1 : 1 + moved] = WEAK
    false, missed, naive, power = [], [], [], []
    for _ in range(repeats):
        rows = claimed(spec, summaries((1, 1), correlation, effects, rng))[1:]
        leads = [row for row in rows if row[3] is not None and row[3] < ALPHA]
        raw = [row for row in rows if row[2] < ALPHA]
        false.append(_share(effects[1, row[1]] == 0 for row in leads))
        naive.append(_share(effects[1, row[1]] == 0 for row in raw))
        missed.append(_share(not row[4] <= effects[1, row[1]] <= row[5] for row in leads))
        power += [row in leads for row in rows[:moved]]
    return {
        "false leads": values(false),
        "missed leads": values(missed),
        "uncorrected": values(naive),
        "power": hits(power),
    }


def _share(flags: Iterator[bool]) -> float:
    """The share of what was announced; 0 where nothing was."""
    found = list(flags)
    return sum(map(bool, found)) / len(found) if found else 0.0


def _cell(
    weights: tuple[int, ...], primary: int, correlation: float, works: int, fast: int = 0
) -> Cell:
    simple = primary == 1 and works == 0
    return Cell(
        "S9",
        {
            "weights": ":".join(map(str, weights)),
            "primary metrics": primary,
            "correlation": correlation,
            "variants that work": works,
        },
        REPEATS,
        partial(simulate, Setting(weights, primary, correlation, works)),
        (
            Claim("any false claim", ALPHA, "within" if simple else "at_most"),
            Claim("uncorrected"),
            Claim("all intervals hold", LEVEL, "within" if primary == 1 else "at_least"),
            *((Claim("power"),) if works else ()),
        ),
        batch=500,
        fast=fast,
    )


def _cells() -> Iterator[Cell]:
    for weights, correlation, works in SETTINGS:
        quick = weights == (1, 1, 1) and correlation == 0.5
        yield _cell(weights, 1, correlation, works, fast=200 if quick else 0)
    for works in (0, 1):
        yield _cell((1, 1, 1), 2, 0.5, works)
    for correlation, moved in ((0.0, 0), (0.5, 0), (0.0, 5), (0.5, 5), (0.9, 5), (0.0, 15)):
        yield Cell(
            "S9",
            {
                "weights": "1:1, explored",
                "primary metrics": 1,
                "correlation": correlation,
                "variants that work": f"{moved} of {LEADS} metrics",
            },
            REPEATS,
            partial(explored, correlation, moved),
            (
                Claim("false leads", ALPHA, "at_most"),
                Claim("missed leads", ALPHA, "at_most"),
                Claim("uncorrected"),
                *((Claim("power"),) if moved else ()),
            ),
            batch=500,
        )


CELLS: tuple[Cell, ...] = tuple(_cells())
