"""Invented campaigns put through simulate, assign, analyze and decide: is their truth found?

Every command is the one that a team runs. The split that is analysed is the one that `abtest
assign` makes of the list of customers, not the one that came with the data.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from command_line import run

SPEC = """\
spec: abtest/v1
key: campaign
kind: messaging
unit: customer_id
variants: [{{key: control, control: true, weight: 40}}, {{key: coupon, weight: 60}}]
assignment: {{seed: campaign-{seed}}}
schedule: {{start: 2026-03-16, enrol_until: 2026-03-30, timezone: Europe/Berlin}}
data:
  assignments: {{path: assignments.csv}}
  events:
    orders: {{path: orders.csv, at: ordered_at, value: amount, lag: 1d}}
metrics:
  - {{key: again_30d, kind: repeat_purchase, events: orders, window: {{end: 30d}}, role: primary}}
  - {{key: revenue_30d, kind: sum, events: orders, window: {{end: 30d}}}}
plan: {{baselines: {{again_30d: {{value: 0.3}}, revenue_30d: {{value: 20.0, sd: 70.0}}}}}}
"""
EFFECTS = ("--effect", "again_30d=+25%", "--effect", "revenue_30d=+40%")
AT = "2026-03-17T09:00:00+01:00"


@dataclass(frozen=True)
class Campaign:
    """What one campaign came to.

    Attributes:
        held: Whether each metric's interval holds its true difference.
        verdict: What was decided.
    """

    held: tuple[bool, ...]
    verdict: str


def campaign(folder: Path, seed: int, customers: int) -> Campaign:
    folder.mkdir()
    written = folder / "experiment.yaml"
    written.write_text(SPEC.format(seed=seed), encoding="utf-8")
    made = folder / "made"
    how = ("--customers", str(customers), "--seed", str(seed), "-f", "csv")
    run("simulate", written, "-o", made, *how, *EFFECTS).worked()
    spec = made / "experiment.yaml"
    split_by_assign(made)
    result = json.loads(run("analyze", spec, "-f", "json", "--save").worked().out)
    decided = result["decision"]
    named = ("--variant", decided["variant"]) if decided["variant"] else ()
    told = run("decide", spec, "--verdict", decided["verdict"], *named, "--why", "the rule")
    assert told.worked()
    truth = json.loads((made / "truth.json").read_text(encoding="utf-8"))["metrics"]
    differences = {one["metric"]: one["difference"] for one in truth}
    held = tuple(
        one["difference_ci_low"] <= differences[one["metric"]] <= one["difference_ci_high"]
        for one in result["results"]
    )
    return Campaign(held, decided["verdict"])


def split_by_assign(made: Path) -> None:
    """The split of `abtest assign` in place of the one that was simulated, which it equals."""
    split = made / "split.csv"
    customers = made / "customers.csv"
    run(
        "assign", made / "experiment.yaml", "--customers", customers, "-o", split, "--at", AT
    ).worked()
    table = pd.read_csv(made / "assignments.csv", dtype=str)
    assigned = pd.read_csv(split, dtype=str).set_index("customer_id")["variant"]
    variants = assigned.reindex(table["customer_id"]).to_numpy()
    assert list(variants) == list(table["variant"])
    table.assign(variant=variants).to_csv(made / "assignments.csv", index=False)


def test_a_truth_is_found_fast(tmp_path: Path) -> None:
    found = [campaign(tmp_path / str(seed), seed, 1500) for seed in range(2)]
    assert sum(all(one.held) for one in found) >= 1
    assert {one.verdict for one in found} <= {"ship", "inconclusive"}


@pytest.mark.slow
def test_intervals_of_200_campaigns_hold_their_truth(tmp_path: Path) -> None:
    found = [campaign(tmp_path / str(seed), seed, 2000) for seed in range(200)]
    for metric in (0, 1):
        held = sum(one.held[metric] for one in found) / len(found)
        assert held == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / len(found)))
    verdicts = Counter(one.verdict for one in found)
    assert verdicts["rollback"] == 0
    assert verdicts["ship"] > 150  # the power of +25% in 2,000 customers is about 95%
