"""How often the health checks warn where nothing is wrong: each against its own level.

Experiments are drawn with a fair split and without any fault, and handed to the checks as they are
shipped. Every check is asked at 0.05 and at its own level.
"""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from abtest.analysis.health import balance, novelty, pre_period, simpson
from abtest.analysis.health.outliers import outliers
from abtest.analysis.health.sample_ratio_parts import late_sample_ratio, sample_ratio_parts
from abtest.analysis.health.twyman import twyman
from abtest.analysis.health.watched import before_key
from abtest.analysis.result import Check, Record
from abtest.analysis.segments.slices import Slice
from abtest.analysis.summaries import Found, MetricCounts, Summaries
from abtest.spec import Spec, draft_mapping
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.health.balance import omnibus
from abtest.stats.health.sample_ratio import sample_ratio
from abtest.stats.health.trend import Spans, lift_trend
from abtest.stats.means.welch import welch
from abtest.stats.summaries import Moments
from support import ROOT

Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]
VARIANTS = ("control", "coupon")
UNITS, DAYS = 2000, 14
LEVELS = {
    "sample_ratio": 0.001,
    "sample_ratio_parts": 0.002,  # a family of days and one of values
    "late_sample_ratio": 0.001,
    "balance": 0.001,
    "pre_period": 0.001,
    "simpson": 0.001,
    "novelty": 0.01,
}
AT = 0.05
MODULES: tuple[ModuleType, ...] = (balance, novelty, pre_period, simpson)
SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "clean",
    "kind": "messaging",
    "unit": "id",
    "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
    "data": {
        "as_of": "2026-06-01",
        "assignments": {"path": "a.csv"},
        "units": {"path": "u.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at", "value": "amount"}},
    },
    "metrics": [
        {"key": "orders", "kind": "count", "events": "orders", "window": {"end": "28d"},
         "role": "primary"},
        {"key": "revenue", "kind": "sum", "events": "orders", "window": {"end": "28d"}},
    ],
    "analysis": {"segments": ["country"], "sample_ratio_alpha": AT},
}  # fmt: skip


class Drawn:
    """One experiment in which nothing is wrong; the coupon makes every week better alike."""

    def __init__(self, rng: np.random.Generator, lift: float) -> None:
        treated = rng.random(UNITS) < 0.5
        each = rng.gamma(2, 0.25, UNITS)  # customers differ, and are the same in all weeks
        better = 1 + lift * treated
        self.sides: tuple[Mask, Mask] = (~treated, treated)
        self.day = rng.integers(0, DAYS, UNITS)
        self.country = rng.choice(["DE", "FR", "NL"], UNITS, p=[0.6, 0.3, 0.1])
        self.weeks: Rows = rng.poisson((each * better)[:, None], (UNITS, 4)).astype(float)
        self.before: Rows = rng.poisson(4 * each).astype(float)
        self.orders: Rows = self.weeks.sum(axis=1)
        self.revenue: Rows = self.orders * rng.lognormal(3, 0.4, UNITS)
        self.known: Mask = rng.random(UNITS) < 0.95
        self.mature: Mask = rng.random(UNITS) < 0.9
        age = rng.lognormal(3.6, 0.3, UNITS)
        gaps = rng.random(UNITS) < 0.1
        self.history: Rows = np.column_stack([self.before, np.where(gaps, 0, age), gaps])

    def counts(self, y: Rows, chosen: Mask) -> MetricCounts:
        own = chosen & self.mature
        seen = y[own & self.known]
        return MetricCounts(
            0, int((chosen & ~self.mature).sum()), int((own & ~self.known).sum()), moments(seen)
        )

    def summaries(self, part: Mask) -> Summaries:
        found: Summaries = {}
        for variant, side in zip(VARIANTS, self.sides, strict=True):
            found["orders", variant] = self.counts(self.orders, side & part)
            found["revenue", variant] = self.counts(self.revenue, side & part)
        return found

    def slice_of(self, name: str, values: NDArray[Any]) -> Slice:
        kinds = sorted(set(values.tolist()))
        assigned = {
            str(kind): {
                variant: int((side & (values == kind)).sum())
                for variant, side in zip(VARIANTS, self.sides, strict=True)
            }
            for kind in kinds
        }
        return Slice(name, assigned, {str(k): self.summaries(values == k) for k in kinds})

    def found(self, spec: Spec) -> Found:
        everybody = np.ones(UNITS, dtype=bool)
        summaries = self.summaries(everybody)
        largest = {}
        for variant, side in zip(VARIANTS, self.sides, strict=True):
            before = MetricCounts(0, 0, 0, moments(self.before[side]))
            summaries[before_key(spec.metrics[0]), variant] = before
            own = side & self.mature & self.known
            for key, y in (("orders", self.orders), ("revenue", self.revenue)):
                largest[key, variant] = tuple(np.sort(y[own])[:-4:-1].tolist())
        days = self.slice_of("day", self.day).assigned
        return Found(
            summaries,
            {},
            {},
            segments=(self.slice_of("country", self.country),),
            weeks=self.slice_of("entry week", self.day // 7),
            days={int(day): counts for day, counts in days.items()},
            largest_values=largest,
        )


def moments(y: Rows) -> Moments:
    return (
        Moments(len(y), float(y.mean()), float(np.square(y - y.mean()).sum()))
        if len(y)
        else (Moments(0, 0.0, 0.0))
    )


def smallest(found: Check | None) -> float:
    """The smallest adjusted p-value of a check that found something at 0.05."""
    if found is None:
        return 1.0
    (rows,) = (value for key, value in found.details.items() if key != "variants")
    return min(float(row["pvalue_adjusted"]) for row in rows)


def pvalues(rng: np.random.Generator, spec: Spec, lift: float) -> tuple[dict[str, float], set[str]]:
    """Each check's smallest p-value on one clean experiment; and the rules that warned."""
    drawn = Drawn(rng, lift)
    found = drawn.found(spec)
    population: Any = SimpleNamespace(clusters=None, by_entry=())
    sizes = [int(side.sum()) for side in drawn.sides]
    columns = Columns(("y",), ("before", "age"), ("age",))
    zeros = np.zeros((UNITS, 1))
    rows = np.hstack([zeros, drawn.history])
    apart = omnibus(*(from_rows(columns, rows[side]) for side in drawn.sides))
    assert apart is not None
    told = {"covariate": None, "variant": "coupon", "pvalue": apart.pvalue}
    smallests = {
        "sample_ratio": sample_ratio(sizes, [1, 1]).pvalue or 1.0,
        "sample_ratio_parts": smallest(sample_ratio_parts(spec, population, found)),
        "late_sample_ratio": smallest(late_sample_ratio(spec, population, found)),
        "balance": smallest(balance.balance_check((told,))),
        "pre_period": smallest(pre_period.pre_period(spec, found)),
        "simpson": smallest(simpson.simpson(spec, found)),
        "novelty": smallest(novelty.novelty((slope(drawn),))),
    }
    rules = {
        key
        for key, check in (
            ("outliers", outliers(spec, found)),
            ("twyman", twyman(spec, [record(spec, found)])),
        )
        if check is not None
    }
    return smallests, rules


def slope(drawn: Drawn) -> dict[str, Any]:
    sides = []
    for side in drawn.sides:
        own = drawn.weeks[side & drawn.mature]
        rest = own - own.mean(axis=0)
        sides.append(Spans(len(own), tuple(own.mean(axis=0)), tuple(map(tuple, rest.T @ rest))))
    trend = lift_trend(*sides)
    assert trend is not None
    line = {"lift_first": trend.first, "lift_last": trend.last, "pvalue": trend.pvalue}
    return {"reading": novelty.SLOPE, "metric": "orders", "variant": "coupon", **line}


def record(spec: Spec, found: Found) -> Record:
    pair = [found.summaries["orders", variant].summary for variant in VARIANTS]
    control, treatment = (one for one in pair if isinstance(one, Moments))
    compared = welch(control, treatment, 0.95)
    ends = compared.difference_ci
    assert ends is not None
    assert compared.lift is not None
    return Record(
        experiment=spec.key, metric="orders", kind="count", role="primary", label="confirmatory",
        contrast="variant", variant="coupon", control="control", n=0, n_assigned=0, ci_level=0.95,
        n_immature=0, n_ineligible=0, lift=compared.lift, log_lift=float(np.log1p(compared.lift)),
        difference_ci_low=ends.low, difference_ci_high=ends.high,
    )  # fmt: skip


def alarms(seed: int, runs: int, lift: float = 0.0) -> tuple[dict[str, Rows], Counter[str]]:
    """The smallest p-values of each check over many clean experiments, and what the rules said."""
    spec = draft_mapping(SPEC).require().spec
    found: dict[str, list[float]] = {key: [] for key in LEVELS}
    rules: Counter[str] = Counter()
    for part in range(runs):
        smallests, warned = pvalues(np.random.default_rng([seed, part]), spec, lift)
        rules.update(warned)
        for key, value in smallests.items():
            found[key].append(value)
    return {key: np.array(values) for key, values in found.items()}, rules


@pytest.fixture(autouse=True)
def asked_at_a_level_that_can_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        monkeypatch.setattr(module, "ALPHA", AT)


def most(level: float, runs: int) -> float:
    """More alarms than this come one time in ten thousand, if the level is right."""
    return float(stats.binom.isf(1e-4, runs, level))


def at_five(key: str) -> float:
    return 2 * AT if key == "sample_ratio_parts" else AT


def test_a_few_clean_experiments() -> None:
    found, rules = alarms(3, 150)
    for key, smallests in found.items():
        assert (smallests < AT).sum() <= most(at_five(key), 150), key
        assert (smallests < LEVELS[key]).sum() <= most(LEVELS[key], 150), key
    assert sum(rules.values()) <= 3, rules


TABLE = re.compile(r"^\| `(\w+)` \| ([\d.]+)% \| ([\d.]+)% \| ([\d.]+)% \|$", re.MULTILINE)
RUNS = 10_000


@pytest.mark.slow
def test_the_table_on_the_page_is_what_is_found() -> None:
    """Ten thousand clean experiments; a level is kept, and not by never saying anything."""
    page = (ROOT / "docs" / "health-checks.md").read_text(encoding="utf-8")
    table = {row[0]: [float(cell) for cell in row[1:]] for row in TABLE.findall(page)}
    found, rules = alarms(20, RUNS)
    assert table.keys() == found.keys()
    for key, smallests in found.items():
        loose, strict = (smallests < AT).mean(), (smallests < LEVELS[key]).mean()
        assert table[key] == [
            pytest.approx(100 * LEVELS[key]),
            pytest.approx(100 * strict, abs=0.005),
            pytest.approx(100 * loose, abs=0.05),
        ], (key, strict, loose)
        assert (smallests < LEVELS[key]).sum() <= most(LEVELS[key], RUNS), key
        assert (smallests < AT).sum() <= most(at_five(key), RUNS), key
        assert loose > 0.01, key
    assert rules["outliers"] / RUNS < 0.001, rules
    assert rules["twyman"] / RUNS < 0.001, rules


@pytest.mark.slow
def test_an_effect_that_stays_is_no_novelty_and_no_fault() -> None:
    found, rules = alarms(21, 2_000, lift=0.15)
    for key, smallests in found.items():
        assert (smallests < AT).sum() <= most(at_five(key), 2_000), key
    assert rules["outliers"] <= 2
