"""Real data whose answers are known: statsmodels' and scipy's, printed in ../shared/data/README.md.

Each answer is asked of the command line and of Python. The data are not part of the project; where
they are absent these tests skip.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abtest import Result, analyze
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPECS = ROOT / "tests" / "real"


def by_command_line(name: str) -> Result:
    path = (SPECS / f"{name}.yaml").relative_to(ROOT)
    command = [sys.executable, "-m", "abtest", "analyze", str(path), "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Result.from_dict(json.loads(done.stdout))


def by_python(name: str) -> Result:
    return analyze(SPECS / f"{name}.yaml")


@pytest.fixture(scope="module", params=[by_command_line, by_python])
def run(request: pytest.FixtureRequest, shared_data: Path) -> Callable[[str], Result]:
    """One of the two ways in; each spec is analysed once per way."""
    assert shared_data.is_dir()
    done: dict[str, Result] = {}

    def cached(name: str) -> Result:
        if name not in done:
            done[name] = request.param(name)
        return done[name]

    return cached


def record(result: Result, metric: str, variant: str | None = None) -> Any:
    found = [r for r in result.results if r.metric == metric and variant in (None, r.variant)]
    assert len(found) == 1
    return found[0]


def printed(value: float, text: str) -> bool:
    """Whether a value is what was printed, to its last digit."""
    digits = text.lower().partition("e")[0].lstrip("+-0.").replace(".", "")
    return float(f"{value:.{len(digits)}g}") == pytest.approx(float(text), rel=1e-15)


def decimals(value: float, text: str) -> bool:
    """The same for numbers that were printed to a fixed number of decimals."""
    return f"{value:.{len(text.partition('.')[2])}f}".lstrip("-0") == text.lstrip("+-0")


def pvalue_of(result: Result, check: str) -> float:
    pvalue = next(found for found in result.checks if found.key == check).details["pvalue"]
    assert isinstance(pvalue, float)
    return pvalue


def test_cookie_cats(run: Callable[[str], Result]) -> None:
    result = run("cookie_cats")
    week, day, rounds = (record(result, m) for m in ("retention_7", "retention_1", "rounds"))
    assert (week.n_control, week.n) == (44700, 45489)
    assert decimals(week.value_control, ".190201342")
    assert decimals(week.value, ".182000044")
    assert decimals(week.difference, ".008201298")
    assert week.difference < 0
    assert decimals(day.value_control, ".448187919")
    assert decimals(day.value, ".442282750")
    assert printed(week.pvalue, ".001554343672")
    assert printed(day.pvalue, ".0744112623")
    assert printed(rounds.pvalue, ".375924384")
    assert printed(pvalue_of(result, "sample_ratio"), ".00860799")


def test_cookie_cats_without_the_outlier(shared_data: Path) -> None:
    """One player of 49,854 rounds; the spec says who is left out."""
    spec = yaml.safe_load((SPECS / "cookie_cats.yaml").read_text(encoding="utf-8"))
    spec["data"]["units"]["path"] = str(shared_data / "cookie_cats.csv")
    spec["data"]["units"]["keep"] = [{"column": "sum_gamerounds", "below": 40000}]
    rounds = record(analyze(spec), "rounds")
    assert rounds.n_control + rounds.n == 90188
    assert printed(rounds.pvalue, ".949468622")


@pytest.mark.parametrize(
    ("variant", "metric", "difference", "pvalue"),
    [
        ("Mens E-Mail", "visit", "+.076589564", "5.71906107e-112"),
        ("Mens E-Mail", "conversion", "+.006805007", "1.52421587e-13"),
        ("Mens E-Mail", "spend", "+.769827156", "1.16381497e-07"),
        ("Womens E-Mail", "visit", "+.045233107", "3.18970055e-44"),
        ("Womens E-Mail", "conversion", "+.003111058", ".000157133059"),
        ("Womens E-Mail", "spend", "+.424412216", ".0011293971"),
    ],
)
def test_hillstrom(
    run: Callable[[str], Result], variant: str, metric: str, difference: str, pvalue: str
) -> None:
    found = record(run("hillstrom"), metric, variant)
    assert decimals(found.difference, difference)
    assert found.difference > 0
    assert printed(found.pvalue, pvalue)
    control = {"visit": ".106167277", "conversion": ".005726087", "spend": ".652789355"}
    assert decimals(found.value_control, control[metric])


def test_hillstrom_whole(run: Callable[[str], Result]) -> None:
    result = run("hillstrom")
    assert printed(record(result, "spend", "Mens E-Mail").se, ".145246560")
    assert printed(record(result, "spend", "Womens E-Mail").se, ".130332859")
    assert printed(pvalue_of(result, "sample_ratio"), ".903693")
    assigned = {step.variant: step.n for step in result.waterfall if step.step == "assigned"}
    # 6,562 rows repeat others; each is a customer of its own.
    assert assigned == {"Mens E-Mail": 21307, "Womens E-Mail": 21387, "No E-Mail": 21306}


@pytest.mark.parametrize(
    ("metric", "returned", "mature"),
    [("repeat_30d", 767, 4086), ("repeat_60d", 1302, 3741), ("repeat_90d", 1530, 3370)],
)
def test_online_retail(
    run: Callable[[str], Result], metric: str, returned: int, mature: int
) -> None:
    found = record(run("online_retail"), metric)
    assert (found.n, found.value) == (mature, returned / mature)
    assert found.n_immature == 4338 - mature
    assert found.n_assigned == 4338


def test_the_naive_rate_is_had_only_by_asking_for_it(run: Callable[[str], Result]) -> None:
    result = run("online_retail")
    naive = record(result, "repeat_90d_naive")
    assert (naive.n, naive.value) == (4338, 1828 / 4338)
    assert "maturity: all" in " ".join(naive.notes)
    asked = {m["key"] for m in result.spec["metrics"] if m["maturity"] == "all"}
    assert {found.metric for found in result.results if found.n == 4338} == asked


def test_online_retail_order_value(run: Callable[[str], Result]) -> None:
    result = run("online_retail_value")
    invoices, order_value = record(result, "invoices"), record(result, "order_value")
    assert invoices.n == 4338
    assert invoices.n * invoices.value == pytest.approx(18532, rel=1e-12)
    assert decimals(order_value.value, "480.865956")


@pytest.mark.parametrize(
    ("metric", "returned", "rate"),
    [
        ("repeat_30d", 403, ".170980"),
        ("repeat_60d", 594, ".252015"),
        ("repeat_90d", 686, ".291048"),
    ],
)
def test_cdnow(run: Callable[[str], Result], metric: str, returned: int, rate: str) -> None:
    found = record(run("cdnow"), metric)
    assert (found.n, found.value) == (2357, returned / 2357)
    assert decimals(found.value, rate)
    assert found.n_immature == 0


def test_fast_food(run: Callable[[str], Result]) -> None:
    """The store is the unit; its four weeks are averaged."""
    result = run("fast_food")
    found = record(result, "sales", "1")
    assert decimals(found.difference, "10.7695967")
    assert found.difference > 0
    assert printed(found.pvalue, ".00127768802")
    assert found.n + found.n_control + record(result, "sales", "3").n == 137


def test_specs_name_no_folder_of_one_machine() -> None:
    for path in SPECS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert "path: ../../../shared/data/" in text
        assert "path: /" not in text
