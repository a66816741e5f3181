"""Customers, whole nights and the check of the split under sequential plans: cells of S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from abtest.analysis.decision import decide
from abtest.analysis.population import Population
from abtest.analysis.records import Comparer
from abtest.analysis.sequential.endpoints import statistic_of
from abtest.analysis.sequential.interim import within_plan
from abtest.analysis.sequential.looks import Look, LookLog, LookRow
from abtest.analysis.summaries import MetricCounts
from abtest.methods import Method, MiettinenNurminen, Welch
from abtest.spec import Spec, draft_mapping
from abtest.stats.health.sample_ratio import sample_ratio
from abtest.stats.moments import Moments, Proportion
from abtest.stats.sequential.split_process import split_log_e_value
from calibration.cells import Cell, Claim, hits, values
from calibration.sequential_plans import (
    ALPHA,
    SEQUENCE,
    Tallies,
    multipliers,
    plan_of,
    stops,
)

PER_NIGHT = 200  # customers of each variant who mature each night
RATES = {"raw, 2% return": 0.02, "raw, 20% return": 0.2}
REVENUE = "raw, revenue"
BUYERS = 0.03


def _rates(rng: np.random.Generator, looks: int, rate: float) -> list[tuple[Proportion, ...]]:
    """Both variants at each look."""
    n = PER_NIGHT * np.arange(1, looks + 1)
    events = np.cumsum(rng.binomial(PER_NIGHT, rate, (2, looks)), axis=1)
    return [tuple(Proportion(int(n[k]), int(side[k])) for side in events) for k in range(looks)]


def _revenue(rng: np.random.Generator, looks: int) -> list[tuple[Moments, ...]]:
    """The same for revenue: few buy, and what they spend is log-normal."""
    nights: list[list[Moments]] = [[] for _ in range(looks)]
    for _ in range(2):
        so_far = Moments(0, 0.0, 0.0)
        for night in nights:
            y = np.zeros(PER_NIGHT)
            bought = int(rng.binomial(PER_NIGHT, BUYERS))
            y[:bought] = rng.lognormal(3.0, 1.0, bought)
            so_far += Moments(PER_NIGHT, float(y.mean()), float(((y - y.mean()) ** 2).sum()))
            night.append(so_far)
    return [tuple(night) for night in nights]


def _statistics(rng: np.random.Generator, looks: int, data: str) -> list[float]:
    """The statistic of one experiment in which nothing differs, at each look."""
    method: Method = Welch() if data == REVENUE else MiettinenNurminen()
    pairs: Any = _revenue(rng, looks) if data == REVENUE else _rates(rng, looks, RATES[data])
    return [statistic_of(method.compare(pair[0], pair[1], 1 - ALPHA)) or 0.0 for pair in pairs]


def simulate_raw(
    looks: int, rule: str, data: str, rng: np.random.Generator, repeats: int
) -> Tallies:
    """Nobody is affected; customers with rates, or with revenue that few have."""
    bounds = multipliers(looks) if rule == SEQUENCE else plan_of(looks, rule, "even").boundaries
    z = np.array([_statistics(rng, looks, data) for _ in range(repeats)])
    last, crossed = stops(z, np.array(bounds))
    return {
        "stopped": hits(crossed),
        "stopped above": hits(crossed & (z[np.arange(repeats), last] > 0)),
        "sample used": values((last + 1) / looks),
    }


def raw_cell(looks: int, rule: str, data: str, fast: int = 0) -> Cell:
    """Rates and revenue instead of Brownian motion."""
    band: Literal["at_most", "within"] = "at_most" if rule == SEQUENCE else "within"
    return Cell(
        suite="S3",
        settings={"looks": looks, "rule": rule, "data": data, "effect": "none"},
        repeats=20_000,
        simulate=partial(simulate_raw, looks, rule, data),
        claims=(
            Claim("stopped", ALPHA, band),
            Claim("stopped above", ALPHA / 2, band),
            Claim("sample used"),
        ),
        fast=fast,
    )


CONTROL, TREATMENT = "control", "coupon"
ENGINES = {
    SEQUENCE: {"engine": "confidence_sequence"},
    "O'Brien-Fleming": {"engine": "lan_demets"},
}


@cache
def _spec(rule: str, units: int) -> Spec:
    draft = draft_mapping(
        {
            "spec": "abtest/v1",
            "key": "nightly",
            "kind": "messaging",
            "unit": "id",
            "variants": [{"key": CONTROL, "control": True}, {"key": TREATMENT}],
            "data": {"units": {"path": "units.csv", "variant": "variant"}},
            "metrics": [
                {"key": "returned", "kind": "proportion", "column": "y", "role": "primary"}
            ],
            "decision": {"rule": {"require": ["primary"]}},
            "analysis": {"sequential": {**ENGINES[rule], "max_units": units}},
        }
    )
    if draft.faults:
        raise ValueError(str(draft.faults))
    return draft.loaded.spec


def _night(
    spec: Spec, counts: Mapping[str, Proportion], log: Sequence[Look]
) -> tuple[Look, str | None]:
    """One night as the analysis reads it: its line of the log, and the verdict."""
    as_of = f"2026-01-{len(log) + 1:02}T00:00:00+00:00"
    nobody = nw.from_native(pd.DataFrame()).lazy()  # everything is added up already
    assigned = {variant: side.n for variant, side in counts.items()}
    population = Population(nobody, assigned, sum(assigned.values()))
    summaries = {
        ("returned", variant): MetricCounts(0, 0, 0, side) for variant, side in counts.items()
    }
    comparer = Comparer(spec, population, summaries, {})
    records, looks = within_plan(spec, comparer, comparer.records(), LookLog(tuple(log)), as_of)
    rows = tuple(LookRow.model_validate(row) for row in looks if row["as_of"] == as_of)
    look = Look(
        type="look",
        experiment=spec.key,
        as_of=as_of,
        plan={},
        rows=rows,
        spec_fingerprint="",
        abtest_version="",
    )
    return look, decide(spec, (), records).verdict


def _followed(
    spec: Spec, rng: np.random.Generator, looks: int, rates: Sequence[float]
) -> tuple[list[LookRow], str | None]:
    """An experiment, night by night, until it has stopped; its rows and the last verdict."""
    events, n = [0, 0], [0, 0]
    verdict: str | None = None
    log: list[Look] = []
    for _ in range(looks):
        for side, rate in enumerate(rates):
            came = PER_NIGHT if len(log) + 1 == looks else int(rng.poisson(PER_NIGHT))
            n[side] += came
            events[side] += int(rng.binomial(came, rate))
        sides = [Proportion(*pair) for pair in zip(n, events, strict=True)]
        look, verdict = _night(spec, dict(zip((CONTROL, TREATMENT), sides, strict=True)), log)
        log.append(look)
        if look.rows[0].state != "running":
            break
    return [look.rows[0] for look in log], verdict


def _within(rows: Sequence[LookRow], truth: float) -> bool:
    """Whether the interval of the last night holds the truth."""
    last = rows[-1]
    final = last.final
    low = final.difference_ci_low if final is not None else last.ci_low
    high = final.difference_ci_high if final is not None else last.ci_high
    return (low is None or low <= truth) and (high is None or truth <= high)


def simulate_nights(
    looks: int, rule: str, rates: tuple[float, float], rng: np.random.Generator, repeats: int
) -> Tallies:
    """Everything that a night does, and the decision."""
    spec = _spec(rule, 2 * looks * PER_NIGHT)
    done = [_followed(spec, rng, looks, rates) for _ in range(repeats)]
    return {
        "stopped": hits([rows[-1].crossed for rows, _ in done]),
        "stopped above": hits([verdict == "ship" for _, verdict in done]),
        "sample used": values([len(rows) / looks for rows, _ in done]),
        "interval holds": hits([_within(rows, rates[1] - rates[0]) for rows, _ in done]),
    }


def night_cell(
    looks: int, rule: str, rates: tuple[float, float], repeats: int, fast: int = 0
) -> Cell:
    """Whole nights; customers come as they like."""
    null = rates[0] == rates[1]
    size: Any = "at_most" if rule == SEQUENCE else "within"
    held: Any = "at_least" if rule == SEQUENCE else "within"
    changed = "none" if null else f"{rates[0]:.3g} to {rates[1]:.3g}"
    return Cell(
        suite="S3",
        settings={
            "looks": looks,
            "rule": rule,
            "data": f"whole nights, {rates[0]:.1%} return",
            "effect": changed,
        },
        repeats=repeats,
        simulate=partial(simulate_nights, looks, rule, rates),
        claims=(
            Claim("stopped", ALPHA, size) if null else Claim("stopped"),
            Claim("stopped above", ALPHA / 2, size) if null else Claim("stopped above"),
            Claim("sample used"),
            Claim("interval holds", 1 - ALPHA, held),
        ),
        batch=100,
        fast=fast,
    )


SPLIT_ALPHA = 0.001


def _alarms(counts: npt.NDArray[np.int64], shares: Sequence[float], limit: float) -> bool:
    """Whether the check of the split, made every night, ever alarms."""
    found: Sequence[Sequence[int]] = counts.tolist()
    return any(split_log_e_value(night, shares) >= limit for night in found)


def _chi_square_alarms(counts: npt.NDArray[np.int64], shares: Sequence[float]) -> bool:
    """The same by the check that is made for one look."""
    found: Sequence[Sequence[int]] = counts.tolist()
    return any((sample_ratio(night, shares).pvalue or 1.0) < SPLIT_ALPHA for night in found)


def simulate_split(
    looks: int, shares: tuple[float, ...], lost: float, rng: np.random.Generator, repeats: int
) -> Tallies:
    """2,000 customers a night; the last variant loses some."""
    kept = np.array([*shares[:-1], shares[-1] * (1 - lost)])
    nights = rng.multinomial(2000, kept / kept.sum(), (repeats, looks)).cumsum(axis=1)
    few = nights[: repeats // 10]
    return {
        "alarm": hits([_alarms(one, shares, -np.log(SPLIT_ALPHA)) for one in nights]),
        "alarm at 5%": hits([_alarms(one, shares, -np.log(ALPHA)) for one in nights]),
        "alarm, chi-square on any night": hits([_chi_square_alarms(one, shares) for one in few]),
    }


def split_cell(looks: int, shares: tuple[float, ...], lost: float, fast: int = 0) -> Cell:
    """The check of the split."""
    claims = [
        Claim("alarm", SPLIT_ALPHA, "at_most") if not lost else Claim("alarm"),
        Claim("alarm at 5%", ALPHA, "at_most") if not lost else Claim("alarm at 5%"),
        Claim("alarm, chi-square on any night"),
    ]
    return Cell(
        suite="S3",
        settings={
            "looks": looks,
            "rule": "check of the split",
            "data": " / ".join(f"{share:.0%}" for share in shares),
            "effect": f"{lost:.0%} lost" if lost else "none",
        },
        repeats=20_000 if not lost else 2000,
        simulate=partial(simulate_split, looks, shares, lost),
        claims=tuple(claims),
        fast=fast,
    )
