"""26 real experiments, looked at on each of their days: who is ever significant.

The data are moments of each day, cumulative, of experiments at ASOS (CC BY 4.0); they are not part
of the project. The counts are in docs/methods/group_sequential.md. The metric is the first of four;
an experiment with several variants is taken with its first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from abtest import analyze
from abtest.analysis.sequential.interim import FEWEST_UNITS, LEAST_GAIN
from abtest.analysis.sequential.looks import Look, LookLog, LookRow
from abtest.stats.means.welch import welch
from abtest.stats.moments import Moments
from abtest.stats.sequential.boundaries import spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_sequence
from abtest.stats.sequential.spending import Spending
from abtest.stats.tails import normal_quantile
from support import ROOT

METRIC = 1
# Experiments, of 26, by how they are watched; `end` is one look at the last day.
EVER_SIGNIFICANT = {"naive": 16, "lan_demets": 11, "confidence_sequence": 7, "end": 10}


@dataclass(frozen=True)
class Day:
    control: Moments
    treatment: Moments

    @property
    def information(self) -> float:
        return self.control.n * self.treatment.n / self.units

    @property
    def units(self) -> int:
        return self.control.n + self.treatment.n


@pytest.fixture(scope="module")
def experiments(shared_data: Path) -> dict[str, list[Day]]:
    """The days of each experiment, in order."""
    frame = pl.read_parquet(shared_data / "asos_dev_experiments.parquet")
    frame = frame.filter(pl.col("metric_id") == METRIC).sort("time_since_start")
    first = frame.group_by("experiment_id").agg(variant_id=pl.col("variant_id").min())
    found: defaultdict[str, list[Day]] = defaultdict(list)
    for row in frame.join(first, on=["experiment_id", "variant_id"]).iter_rows(named=True):
        control, treatment = (
            Moments(int(row[f"count_{side}"]), row[f"mean_{side}"], row[f"variance_{side}"])
            for side in "ct"
        )
        days = found[row["experiment_id"]]
        days.append(Day(_centred(control), _centred(treatment)))
        days.sort(key=lambda day: day.units)
    return dict(sorted(found.items()))


def _centred(found: Moments) -> Moments:
    return Moments(found.n, found.mean, found.m2 * (found.n - 1))


def z_of(day: Day) -> float:
    pvalue = welch(day.control, day.treatment, 0.95).pvalue
    return 0.0 if pvalue is None else normal_quantile(1 - max(pvalue, 1e-15))


def crosses(days: list[Day]) -> dict[str, bool]:
    """Whether it is ever significant, by how it is watched."""
    zs, last = [z_of(day) for day in days], days[-1]
    information: list[float] = []
    at: list[float] = []
    for day, z in zip(days, zs, strict=True):
        t = day.information / (last.units / 4)  # the plan is an even split
        if t - (information[-1] if information else 0) >= LEAST_GAIN:
            information.append(t)
            at.append(z)
    plan = spending_plan(information, Spending(), 0.05)
    always_valid = [
        asymptotic_sequence(z, 1.0, day.units, last.units, 0.05).pvalue
        for day, z in zip(days, zs, strict=True)
        if min(day.control.n, day.treatment.n) >= FEWEST_UNITS
    ]
    return {
        "naive": any(z > normal_quantile(0.95) for z in zs),
        "end": zs[-1] > normal_quantile(0.95),
        "lan_demets": any(z >= bound for z, bound in zip(at, plan.boundaries, strict=True)),
        "confidence_sequence": min(always_valid) < 0.05,
    }


def test_ever_significant(experiments: dict[str, list[Day]]) -> None:
    found = [crosses(days) for days in experiments.values()]
    assert len(found) == 26
    assert {key: sum(one[key] for one in found) for key in EVER_SIGNIFICANT} == EVER_SIGNIFICANT


def spec_of(engine: str, days: list[Day]) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "asos",
        "kind": "messaging",
        "unit": None,
        "variants": [{"key": "control", "control": True}, {"key": "treatment"}],
        "data": {
            "moments": {
                "path": "moments.parquet",
                "variant": "variant",
                "n": "n",
                "mean": "mean",
                "variance": "variance",
            }
        },
        "metrics": [{"key": "outcome", "kind": "mean", "role": "primary"}],
        "analysis": {"sequential": {"engine": engine, "max_units": days[-1].units}},
    }


def monitored(engine: str, days: list[Day]) -> bool:
    """Whether a boundary is ever crossed, night by night through the moments source."""
    spec = spec_of(engine, days)
    looks: tuple[Look, ...] = ()
    for place, day in enumerate(days):
        sides = {"control": day.control, "treatment": day.treatment}
        frame = pl.DataFrame(
            [
                {"variant": key, "n": m.n, "mean": m.mean, "variance": m.m2 / (m.n - 1)}
                for key, m in sides.items()
            ]
        )
        as_of = (date(2026, 1, 1) + timedelta(days=place)).isoformat()
        result = analyze(spec, data={"moments": frame}, as_of=as_of, log=LookLog(looks))
        row = LookRow.model_validate(result.looks[-1])
        if row.crossed:
            return True
        look = Look(
            type="look",
            experiment="asos",
            as_of=row.as_of,
            plan={},
            rows=(row,),
            spec_fingerprint="",
            abtest_version="",
        )
        looks = (*looks, look)
    return False


ENGINES = ("lan_demets", "confidence_sequence")


def test_some_through_the_moments_source(experiments: dict[str, list[Day]]) -> None:
    """The shortest that crosses under both engines, and the shortest that never does."""
    by_length = sorted(experiments.values(), key=len)
    for wanted in (True, False):
        days = next(
            days for days in by_length if all(crosses(days)[key] is wanted for key in ENGINES)
        )
        assert [monitored(engine, days) for engine in ENGINES] == [wanted, wanted]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_all_through_the_moments_source(experiments: dict[str, list[Day]], engine: str) -> None:
    for days in experiments.values():
        assert monitored(engine, days) == crosses(days)[engine]


def test_the_page_prints_the_counts() -> None:
    page = (ROOT / "docs" / "methods" / "group_sequential.md").read_text(encoding="utf-8")
    for count in EVER_SIGNIFICANT.values():
        assert f"| {count} |" in page
