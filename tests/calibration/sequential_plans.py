"""Brownian motion under sequential plans: cells of S3."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import numpy.typing as npt

from abtest.stats.sequential.boundaries import Plan, spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_sequence
from abtest.stats.sequential.planning import plan_cost, power
from abtest.stats.sequential.recursion import crossing_probabilities
from abtest.stats.sequential.spending import Kind, Spending
from abtest.stats.sequential.stagewise import stagewise
from calibration.cells import Cell, Claim, Tally, hits, values

Floats = npt.NDArray[np.float64]
Tallies = dict[str, Tally]

ALPHA = 0.05
RULES: dict[str, Kind] = {
    "O'Brien-Fleming": "obrien_fleming",
    "Pocock": "pocock",
    "Hwang-Shih-DeCani": "hwang_shih_decani",
    "power": "power",
}
EFFECTS = {"none": 0.0, "half": 0.5, "planned": 1.0}
NAIVE, SEQUENCE = "p < 0.05 on any night", "confidence sequence"
FIXED_DRIFT = 2.801585  # found with 80% power by a single look
# Looks in a batch whose stage-wise interval is computed: each takes a tenth of a second at 56.
INTERVALS = {5: 100, 14: 50, 28: 25, 56: 15}


def information_of(looks: int, arrival: str) -> tuple[float, ...]:
    """The information of each look, as a share of the plan's."""
    even = np.arange(1, looks + 1) / looks
    if arrival == "uneven":  # customers ripen late
        even = even**2
    last = {"ends early": 0.8, "over-run": 1.1}.get(arrival, 1.0)
    return tuple(float(t) for t in even * last)


@cache
def plan_of(looks: int, rule: str, arrival: str) -> Plan:
    """The shipped boundaries."""
    information = information_of(looks, arrival)
    return spending_plan(information, Spending(RULES[rule]), ALPHA, final=arrival == "ends early")


@cache
def drift_of(looks: int, rule: str, arrival: str) -> float:
    """The effect that the plan finds with 80%, as the mean of the statistic at information 1."""
    return plan_cost(plan_of(looks, rule, arrival), 0.8).drift


def statistics(
    rng: np.random.Generator, repeats: int, information: tuple[float, ...], drift: float
) -> Floats:
    """The statistic of each experiment at each look: a Brownian motion over its own root."""
    t = np.array(information)
    steps = np.diff(t, prepend=0.0)
    moves = rng.normal(drift * steps, np.sqrt(steps), (repeats, len(t)))
    return np.asarray(np.cumsum(moves, axis=1) / np.sqrt(t))


def stops(z: Floats, bounds: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The look at which each experiment ends, and whether it crossed there."""
    out = np.abs(z) >= bounds
    crossed: npt.NDArray[np.bool_] = np.asarray(out.any(axis=1), dtype=np.bool_)
    return np.where(crossed, out.argmax(axis=1), z.shape[1] - 1), crossed


def simulate_plan(  # noqa: PLR0917 - what a plan is, and the effect
    looks: int, rule: str, arrival: str, effect: str, rng: np.random.Generator, repeats: int
) -> Tallies:
    """Follow a spending plan."""
    plan = plan_of(looks, rule, arrival)
    drift = EFFECTS[effect] * drift_of(looks, rule, arrival)
    t, bounds = np.array(plan.information), np.array(plan.boundaries)
    z = statistics(rng, repeats, plan.information, drift)
    last, crossed = stops(z, bounds)
    end = z[np.arange(repeats), last]
    above = crossed & (end > 0)
    noise = np.abs(z - drift * np.sqrt(t))
    found = {
        "stopped": hits(crossed),
        "stopped above": hits(above),
        "sample used": values(t[last]),
        "every night's interval holds": hits((noise < bounds).all(axis=1)),
    }
    few = min(repeats, INTERVALS[looks])
    return (
        found
        | _intervals(plan, last[:few], end[:few], above[:few], drift)
        | (
            {"exaggeration, plain": values(end[above] / np.sqrt(t[last[above]]) / drift)}
            if drift
            else {}
        )
    )


def _intervals(
    plan: Plan, last: npt.NDArray[np.int64], end: Floats, above: npt.NDArray[np.bool_], drift: float
) -> Tallies:
    """What the report shows at the stop, of the first experiments of a batch."""
    told = [
        stagewise(plan.information[: k + 1], plan.bounds[: k + 1], float(z), 1 - ALPHA)
        for k, z in zip(last, end, strict=True)
    ]
    estimates = np.array([one.estimate for one in told])
    found = {
        "interval holds": hits([drift in one.interval for one in told]),
        "estimate above truth": hits(estimates > drift),
    }
    return found | ({"exaggeration, shown": values(estimates[above] / drift)} if drift else {})


def plan_claims(looks: int, rule: str, arrival: str, effect: str) -> tuple[Claim, ...]:
    """Size, power and sample as the plan promises them, and coverage."""
    plan = plan_of(looks, rule, arrival)
    drift = EFFECTS[effect] * drift_of(looks, rule, arrival)
    above, below = crossing_probabilities(plan.information, plan.bounds, drift)
    chances = np.array(above) + np.array(below)
    chances[-1] = 1 - chances[:-1].sum()
    claims = [
        Claim("stopped", ALPHA if not drift else sum(above) + sum(below), "within"),
        Claim("stopped above", ALPHA / 2 if not drift else power(plan, drift), "within"),
        Claim("sample used", float(chances @ plan.information), "within"),
        Claim("interval holds", 1 - ALPHA, "within"),
        Claim("every night's interval holds", 1 - ALPHA, "within"),
        Claim("estimate above truth", 0.5, "within"),
    ]
    if drift:
        claims += [Claim("exaggeration, plain"), Claim("exaggeration, shown")]
    return tuple(claims)


def plan_cell(looks: int, rule: str, arrival: str, effect: str, fast: int = 0) -> Cell:
    """A spending plan under an effect."""
    return Cell(
        suite="S3",
        settings={"looks": looks, "rule": rule, "data": arrival, "effect": effect},
        repeats=100_000,
        simulate=partial(simulate_plan, looks, rule, arrival, effect),
        claims=plan_claims(looks, rule, arrival, effect),
        batch=5000,
        fast=fast,
    )


@cache
def multipliers(looks: int) -> Floats:
    """How many standard errors the shipped confidence sequence goes, at each look."""
    shares = information_of(looks, "even")
    return np.array([asymptotic_sequence(0.0, 1.0, t, 1.0, ALPHA).multiplier for t in shares])


def simulate_unplanned(
    looks: int, rule: str, effect: str, rng: np.random.Generator, repeats: int
) -> Tallies:
    """Stop on any night: by the confidence sequence, or by a p-value that is made for one look."""
    information, drift = information_of(looks, "even"), EFFECTS[effect] * FIXED_DRIFT
    bounds = multipliers(looks) if rule == SEQUENCE else np.full(looks, 1.959964)
    t = np.array(information)
    z = statistics(rng, repeats, information, drift)
    last, crossed = stops(z, bounds)
    end = z[np.arange(repeats), last]
    above = crossed & (end > 0)
    holds = np.abs(z - drift * np.sqrt(t)) < bounds
    found = {
        "stopped": hits(crossed),
        "stopped above": hits(above),
        "sample used": values(t[last]),
        "interval holds": hits(holds[np.arange(repeats), last]),
        "every night's interval holds": hits(holds.all(axis=1)),
    }
    if drift:
        found["exaggeration, plain"] = values(end[above] / np.sqrt(t[last[above]]) / drift)
    return found


def unplanned_cell(looks: int, rule: str, effect: str) -> Cell:
    """The confidence sequence keeps its promise at all times; peeking is only shown."""
    null, promised = effect == "none", rule == SEQUENCE
    claims = [
        Claim("stopped", ALPHA, "at_most") if promised and null else Claim("stopped"),
        Claim("stopped above", ALPHA / 2, "at_most")
        if promised and null
        else Claim("stopped above"),
        Claim("sample used"),
        *(
            Claim(name, 1 - ALPHA, "at_least") if promised else Claim(name)
            for name in ("interval holds", "every night's interval holds")
        ),
    ]
    if not null:
        claims.append(Claim("exaggeration, plain"))
    return Cell(
        suite="S3",
        settings={"looks": looks, "rule": rule, "data": "even", "effect": effect},
        repeats=100_000,
        simulate=partial(simulate_unplanned, looks, rule, effect),
        claims=tuple(claims),
        batch=20_000,
        fast=20_000 if promised and looks == 28 else 0,
    )
