"""The page on nightly looks shows what the command prints, and its YAML is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from abtest.spec.analysis import Sequential
from abtest.stats.sequential.boundaries import spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_rho, multiplier
from abtest.stats.sequential.planning import peeking_error, plan_cost
from abtest.stats.sequential.spending import Spending
from command_line import run
from nights import make_nights, night
from support import ROOT

PAGES = [
    ROOT / "docs" / "how-to" / "monitor-every-night.md",
    ROOT / "docs" / "methods" / "group_sequential.md",
    ROOT / "docs" / "methods" / "confidence_sequence.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_yaml_is_valid(page: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        Sequential.model_validate(yaml.safe_load(block)["analysis"]["sequential"])


def test_the_table_is_what_is_printed(tmp_path: Path) -> None:
    spec = make_nights(tmp_path / "offer", lift=0.06)
    # The nights before it, which the intervals that are watched take their ends from.
    for number in (8, 9, 15):
        run("monitor", spec, "--as-of", night(number), "--no-report").worked()
    found = run("monitor", spec, "--as-of", night(22), "--no-report").worked()
    printed = found.out.splitlines()[:4]
    page = PAGES[0].read_text(encoding="utf-8")
    for line in printed:
        assert line in page


def test_the_figures_on_the_pages() -> None:
    looks = [look / 28 for look in range(1, 29)]
    assert peeking_error(looks, 0.05) == pytest.approx(0.27, abs=0.005)
    cost = plan_cost(spending_plan(looks, Spending(), 0.05), 0.8)
    assert cost.inflation == pytest.approx(1.05, abs=0.005)
    assert cost.expected_sample == pytest.approx(0.78, abs=0.005)
    rho2 = asymptotic_rho(100, 0.05) ** 2
    assert multiplier(100 * rho2, 0.05) == pytest.approx(3.04, abs=0.005)
    assert multiplier(25 * rho2, 0.05) == pytest.approx(3.26, abs=0.005)
    assert multiplier(100 * rho2, 0.05) / 1.959964 == pytest.approx(1.55, abs=0.005)
