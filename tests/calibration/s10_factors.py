"""Factors: discount, free shipping and gift, each with and without.

Eight cells (2 x 2 x 2) of skewed values or of rates, where factors interact: the discount works
without free shipping and harms with it, so that its main effect is nothing, and the gift adds a
little everywhere. Groups of 25 to 60 customers a cell, or of 400 to 800. "... held" is the share of
95% intervals that hold the true effect: main effects, interactions, and simple effects such as the
discount's where shipping is free. "False main effect" is how often the discount's, which is
nothing, has p below 0.05; "any false interaction" how often one of the two that are nothing is
claimed after Holm's correction; "joint test" how often the test of all interactions at once finds
the one that is there; where there is none, how often it errs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from abtest.analysis.factorial import effect_records
from abtest.analysis.summaries import MetricCounts
from abtest.spec import Spec, draft_mapping
from abtest.spec.cells import cell_key, with_cells
from abtest.stats.summaries import Moments, Proportion
from calibration.cells import Band, Cell, Claim, Tally, hits
from calibration.shipped import KINDS, METRIC, Floats

ALPHA, LEVEL, REPEATS = 0.05, 0.95, 2_000
FACTORS = ("discount", "shipping", "gift")
DESIGN = tuple(itertools.product((0, 1), repeat=3))
SIZES = {"25 to 60": (25, 61), "400 to 800": (400, 801)}
# Of one step: what the discount changes without and with free shipping, and what the gift adds.
STEP = {"mean": 0.5, "share": 0.05}
BASE = {"mean": 10.0, "share": 0.3}
COUNTS = ("n", "n_assigned", "n_immature", "n_ineligible")


@cache
def spec_of_factors(kind: str) -> Spec:
    """Three factors, one primary metric, everything else by default."""
    factors = {
        "order": list(FACTORS),
        "levels": {name: [False, True] for name in FACTORS},
        "control": dict.fromkeys(FACTORS, False),
    }
    metric = {"key": METRIC, "kind": KINDS[kind], "column": METRIC, "role": "primary"}
    mapping: dict[str, Any] = {
        "spec": "abtest/v1",
        "key": "calibration",
        "kind": "incentive_mix",
        "unit": "id",
        "factors": factors,
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [metric],
    }
    return with_cells(draft_mapping(mapping).require().spec)


def truth(kind: str, cell: tuple[int, ...], interacts: int) -> float:
    """The true value of a cell."""
    turned = 1 - 2 * cell[1]
    return BASE[kind] + STEP[kind] * (interacts * cell[0] * turned + cell[2])


def true_effect(kind: str, contrast: str, interacts: int) -> float:
    """The true value of one of the report's effects, over cells that count the same."""
    family, _, rest = contrast.partition(":")
    named, _, where = rest.partition("|")
    fixed = {}
    if where:
        factor, _, level = where.partition("=")
        fixed[factor] = int(level == "true")
    if family == "interaction":
        one, other = named.split("*")
        return (
            _average(kind, {one: 1, other: 1}, interacts)
            - _average(kind, {one: 0, other: 1}, interacts)
            - (
                _average(kind, {one: 1, other: 0}, interacts)
                - _average(kind, {one: 0, other: 0}, interacts)
            )
        )
    return _average(kind, {named: 1, **fixed}, interacts) - _average(
        kind, {named: 0, **fixed}, interacts
    )


def _average(kind: str, fixed: Mapping[str, int], interacts: int) -> float:
    chosen = [
        cell
        for cell in DESIGN
        if all(cell[FACTORS.index(name)] == level for name, level in fixed.items())
    ]
    return float(np.mean([truth(kind, cell, interacts) for cell in chosen]))


def summaries(
    kind: str, size: tuple[int, int], interacts: int, rng: np.random.Generator
) -> dict[tuple[str, str], MetricCounts]:
    """One experiment: gamma values whose spread hangs on the discount, or events."""
    found = {}
    for cell in DESIGN:
        n, mean = int(rng.integers(*size)), truth(kind, cell, interacts)
        named = {name: bool(level) for name, level in zip(FACTORS, cell, strict=True)}
        key = METRIC, cell_key(named, FACTORS)
        if kind == "share":
            summary: Moments | Proportion = Proportion(n, int(rng.binomial(n, mean)))
        else:
            scale = 2.0 + cell[0]
            y: Floats = mean + rng.gamma(2, scale, n) - 2 * scale
            summary = Moments(n, float(y.mean()), float(((y - y.mean()) ** 2).sum()))
        found[key] = MetricCounts(0, 0, 0, summary)
    return found


def simulate(
    kind: str, size: tuple[int, int], interacts: int, rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """The report's effects of factors."""
    spec = spec_of_factors(kind)
    who = partial(_who, kind)
    found = [
        effect_records(spec, summaries(kind, size, interacts, rng), who) for _ in range(repeats)
    ]
    held: dict[str, list[bool]] = {"main": [], "interaction": [], "simple": []}
    for record in itertools.chain(*found):
        family = record.contrast.partition(":")[0]
        if record.contrast == "interaction:joint" or record.difference_ci_low is None:
            continue
        value = true_effect(kind, record.contrast, interacts)
        low, high = record.difference_ci_low, record.difference_ci_high
        held[family].append(low <= value <= (high if high is not None else np.inf))
    by_name = [{record.contrast: record for record in own} for own in found]
    nothing = ("interaction:discount*gift", "interaction:shipping*gift")
    return {
        **{f"{family} held": _per_experiment(flags, repeats) for family, flags in held.items()},
        "false main effect": hits([_below(own["main:discount"].pvalue) for own in by_name]),
        "any false interaction": hits(
            [any(_below(own[one].pvalue_adjusted) for one in nothing) for own in by_name]
        ),
        "joint test": hits([_below(own["interaction:joint"].pvalue) for own in by_name]),
    }


def _who(kind: str, _metric: object, cell: str) -> dict[str, Any]:
    """Names and counts that a record needs; nothing hangs on them."""
    named = {"experiment": "calibration", "metric": METRIC, "kind": KINDS[kind], "variant": cell}
    said = {"role": "primary", "label": "confirmatory", "contrast": "variant", "ci_level": LEVEL}
    return {**dict.fromkeys(COUNTS, 1), **named, **said}


def _below(pvalue: float | None) -> bool:
    return pvalue is not None and pvalue < ALPHA


def _per_experiment(flags: list[bool], repeats: int) -> Tally:
    """Intervals of one experiment share its cells: only experiments are independent."""
    return Tally(sum(flags) / len(flags) * repeats, float(repeats))


def _cell(kind: str, size: str, interacts: int) -> Cell:
    few = size == "25 to 60"
    band: Band = "shown" if interacts or few else "within"
    return Cell(
        "S10",
        {
            "metric": {"mean": "mean", "share": "rate"}[kind],
            "customers a cell": size,
            "interaction": "discount with shipping" if interacts else "none",
        },
        REPEATS,
        partial(simulate, kind, SIZES[size], interacts),
        (
            Claim("main held", LEVEL, "within"),
            Claim("interaction held", LEVEL, "within"),
            Claim("simple held", LEVEL, "within"),
            Claim("false main effect", ALPHA, "within"),
            Claim("any false interaction", ALPHA, "at_most"),
            Claim("joint test", ALPHA, band),
        ),
        batch=500,
        fast=100 if (kind, few, interacts) == ("mean", True, 1) else 0,
    )


def _cells() -> Iterator[Cell]:
    for kind, size, interacts in itertools.product(KINDS, SIZES, (1, 0)):
        yield _cell(kind, size, interacts)


CELLS: tuple[Cell, ...] = tuple(_cells())
