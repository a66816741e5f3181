"""abtest simulate, and everything that is then done with what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import SPEC, run
from support import ROOT

EXAMPLE = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
EFFECT = "coupon:repeat_purchase_30d=+30%"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_campaign_is_rehearsed_from_end_to_end(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "rehearsal"
    options = ("--effect", EFFECT, "--customers", "9000", "--seed", "4", "-f", ending)
    made = run("simulate", EXAMPLE, "-o", folder, *options).worked()
    lines = made.err.splitlines()
    assert lines[0] == "repeat_purchase_30d: 0.21, as planned"
    assert lines[1].startswith("refund_rate_30d: no closed form, so the planned 0.006")
    assert lines[-1] == f"Wrote {folder}"
    spec = folder / "experiment.yaml"
    run("validate", spec).worked()

    split = tmp_path / f"split.{ending}"
    customers = folder / f"customers.{ending}"
    at = "2026-01-06T09:00:00+01:00"
    assigned = run("assign", spec, "--customers", customers, "-o", split, "--at", at)
    assert assigned.code == 0, assigned

    out = run("analyze", spec, "-f", "json", "--save").worked().out
    result = json.loads(out)
    assert result["decision"]["verdict"] == "ship"
    assert result["decision"]["variant"] == "coupon"
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    told = next(one for one in truth["metrics"] if one["variant"] == "coupon")
    found = next(one for one in result["results"] if one["variant"] == "coupon")
    assert told["metric"] == found["metric"] == "repeat_purchase_30d"
    assert told["lift"] == pytest.approx(0.3)
    assert found["lift_ci_low"] < 0.3 < found["lift_ci_high"]
    run("decide", spec, "--verdict", "ship", "--variant", "coupon", "--why", "it works").worked()


def test_a_factorial_campaign_has_an_effect_in_each_cell(tmp_path: Path) -> None:
    start, end = SPEC.index("variants:"), SPEC.index("schedule:")
    factors = """factors:
  order: [discount_pct, gift]
  levels: {discount_pct: [0, 5], gift: [false, true]}
  control: {discount_pct: 0, gift: false}
"""
    spec = tmp_path / "experiment.yaml"
    spec.write_text(SPEC[:start] + factors + SPEC[end:], encoding="utf-8")
    both = "discount_pct=5,gift=true:bought_30d=+30%"
    run("simulate", spec, "-o", tmp_path / "made", "--effect", both, "--customers", "3000").worked()
    truth = json.loads((tmp_path / "made" / "truth.json").read_text(encoding="utf-8"))
    lifts = {
        one["variant"]: one["lift"] for one in truth["metrics"] if one["metric"] == "bought_30d"
    }
    assert lifts == {
        "discount_pct=0,gift=true": pytest.approx(0, abs=1e-9),
        "discount_pct=5,gift=false": pytest.approx(0, abs=1e-9),
        "discount_pct=5,gift=true": pytest.approx(0.3),
    }
    run("validate", tmp_path / "made" / "experiment.yaml").worked()


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        run("simulate", EXAMPLE, "-o", tmp_path / name, "--customers", "200", "-f", "csv").worked()
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--effect", "nothing=+5%"], 1, "'nothing', which is no metric"),
        (["--effect", "repeat_purchase_30d"], 1, "cannot be read"),
        (["--customers", "0"], 2, "--customers"),
        (["--format", "xlsx"], 2, "xlsx"),
    ],
)
def test_bad_usage(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    folder = tmp_path / "out"
    assert message in run("simulate", EXAMPLE, "-o", folder, *arguments).failed(code)
    assert not folder.exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine", encoding="utf-8")
    run("simulate", EXAMPLE, "-o", path, "--customers", "10").failed()
    assert path.read_text(encoding="utf-8") == "mine"


def test_the_spec_itself_is_never_written_over(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    spec = tmp_path / "experiment.yaml"
    spec.write_text(text, encoding="utf-8")
    message = run("simulate", spec, "-o", tmp_path, "--customers", "10").failed()
    assert "and no truth.json says that they were invented" in message
    assert spec.read_text(encoding="utf-8") == text


def test_real_tables_are_never_written_over(tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("real", encoding="utf-8")
    arguments = ("simulate", EXAMPLE, "-o", tmp_path, "--customers", "10", "-f", "csv")
    assert "holds orders.csv" in run(*arguments).failed()
    assert orders.read_text(encoding="utf-8") == "real"
    orders.unlink()
    run(*arguments).worked()
    run(*arguments).worked()  # what was invented may be invented anew
