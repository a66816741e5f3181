"""Units that were seen in several variants: in which one they are analysed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import Experiment, analyze
from abtest.spec.load import parse_spec
from analysis.by_hand import CONVERSION, assigned, check_of, spec_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from abtest import Result

SEED = "a-seed-of-its-own"
SPLIT = Experiment("by-hand", [("control", 1), ("coupon", 1)], seed=SEED)
OTHER = {"control": "coupon", "coupon": "control"}
FIRST, SECOND = "2026-01-05 10:00", "2026-01-06 10:00"

Row = tuple[Any, str, str]


def run_with(rows: Sequence[Row], assignment: dict[str, Any] | None = None, **more: Any) -> Result:
    data = {
        "as_of": "2026-03-01",
        "assignments": {"path": "a.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at"}},
    }
    if assignment is not None:
        more["assignment"] = assignment
    spec = spec_for(data, [CONVERSION], **more)
    frames = {
        "assignments": pd.DataFrame(rows, columns=["id", "variant", "assigned_at"]),
        "orders": pd.DataFrame({"id": [rows[0][0]], "at": [SECOND]}),
    }
    return analyze(spec, data=frames)


def log_of(units: Sequence[Any], crossed: int) -> list[Row]:
    """Each unit in the variant of the hash; the first few in the other one before that."""
    rows: list[Row] = []
    for place, unit in enumerate(units):
        variant = SPLIT.variant(unit)
        assert variant is not None
        if place < crossed:
            rows.append((unit, OTHER[variant], FIRST))
        rows.append((unit, variant, SECOND))
    return rows


def by_the_hash(units: Sequence[Any]) -> dict[str, int]:
    variants = [SPLIT.variant(unit) for unit in units]
    return {key: variants.count(key) for key in OTHER}


def by_the_first(rows: Sequence[Row]) -> dict[str, int]:
    firsts: dict[Any, str] = {}
    for unit, variant, _ in sorted(rows, key=lambda row: row[2]):
        firsts.setdefault(unit, variant)
    return {key: list(firsts.values()).count(key) for key in OTHER}


@pytest.mark.parametrize("ids", [range(2_000), [f"{n:06}" for n in range(2_000)], ["é 🎁", "7"]])
def test_a_crossed_unit_is_where_the_hash_puts_it(ids: Sequence[Any]) -> None:
    """Numbers are hashed as their digits, texts as they stand, zeros and all."""
    units = list(ids)
    rows = log_of(units, crossed=len(units) // 2)
    result = run_with(rows, {"seed": SEED})
    assert assigned(result) == by_the_hash(units)
    check = check_of(result, "crossover")
    n = len(units) // 2
    assert check.details == {"units": len(units), "crossed": n, "share": 0.5}
    assert f"{n:,} of {len(units):,} units (50.00%) are in two variants" in check.message
    assert "they are analysed in the variant of the hash." in check.message


def test_without_an_assignment_block_it_is_where_it_was_first() -> None:
    units = list(range(500))
    rows = log_of(units, crossed=100)
    result = run_with(rows)
    assert assigned(result) == by_the_first(rows) != by_the_hash(units)
    assert "they are analysed in the first." in check_of(result, "crossover").message


@pytest.mark.parametrize("assignment", [None, {"seed": SEED}])
def test_the_same_spec_in_another_form_gives_the_same(assignment: dict[str, Any] | None) -> None:
    """A spec with its defaults filled in is the same spec, with the same fingerprint."""
    rows = log_of(range(300), crossed=60)
    result = run_with(rows, assignment)
    frames = {
        "assignments": pd.DataFrame(rows, columns=["id", "variant", "assigned_at"]),
        "orders": pd.DataFrame({"id": [0], "at": [SECOND]}),
    }
    for spec in (result.spec, parse_spec(result.spec)):
        again = analyze(spec, data=frames)
        assert again.spec_fingerprint == result.spec_fingerprint
        assert assigned(again) == assigned(result)


def test_a_variant_that_was_never_logged_is_not_made_up() -> None:
    """With three variants the hash may say one that a unit never saw: then the first counts."""
    keys = ["control", "coupon", "gift"]
    split = Experiment("by-hand", [(key, 1) for key in keys], seed=SEED)
    rows: list[Row] = []
    wanted = dict.fromkeys(keys, 0)
    for unit in range(600):
        logged = [keys[unit % 3], keys[(unit + 1) % 3]]
        rows += [(unit, logged[0], FIRST), (unit, logged[1], SECOND)]
        variant = split.variant(unit)
        wanted[variant if variant in logged else logged[0]] += 1
    variants = [{"key": key, "control": key == "control"} for key in keys]
    result = run_with(rows, {"seed": SEED}, variants=variants)
    assert assigned(result) == wanted
    by_hash = sum(split.variant(n) in (keys[n % 3], keys[(n + 1) % 3]) for n in range(600))
    sentence = f"they are analysed in the variant of the hash ({by_hash:,}) or in the first."
    assert sentence in check_of(result, "crossover").message


def test_the_hash_is_asked_as_of_the_first_assignment() -> None:
    """Weights changed in between: the phase in which the unit came decides."""
    phases = [{"from": "2026-01-06", "weights": {"control": 1, "coupon": 9}}]
    rows: list[Row] = []
    for unit in range(400):
        rows += [(unit, "control", FIRST), (unit, "coupon", SECOND)]
    result = run_with(rows, {"seed": SEED, "phases": phases})
    assert assigned(result) == by_the_hash(range(400))


def test_overrides_and_layers_are_no_part_of_the_hash() -> None:
    units = [str(n) for n in range(400)]
    rows = log_of(units, crossed=80)
    overrides = dict.fromkeys(units[:20], "coupon")
    result = run_with(rows, {"seed": SEED, "overrides": overrides})
    assert assigned(result) == by_the_hash(units)


def test_a_crossed_unit_keeps_its_earliest_anchor() -> None:
    """An order between its two assignments counts, whichever variant it is in."""
    unit = next(n for n in range(100) if SPLIT.variant(n) == "coupon")
    rows: list[Row] = [(unit, "control", "2026-01-05"), (unit, "coupon", "2026-01-20")]
    rows.append((100_000, "control", FIRST))
    result = run_with(rows, {"seed": SEED})
    values = {found.variant: found.value for found in result.estimates}
    assert values == {"control": 0.0, "coupon": 1.0}


@pytest.mark.parametrize("passed_as", ["polars", "csv"])
def test_files_and_engines_agree(tmp_path: Path, passed_as: str) -> None:
    rows = log_of([f"{n:04}" for n in range(300)], crossed=50)
    frame = pd.DataFrame(rows, columns=["id", "variant", "assigned_at"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "o.csv").write_text("id,at\n0001,2026-01-07\n", encoding="utf-8")
    spec = spec_for(
        {
            "as_of": "2026-03-01",
            "assignments": {"path": str(tmp_path / "a.csv")},
            "events": {"orders": {"path": str(tmp_path / "o.csv"), "at": "at"}},
        },
        [CONVERSION],
        assignment={"seed": SEED},
    )
    result = analyze(spec, engine="polars" if passed_as == "polars" else None)
    assert assigned(result) == by_the_hash([f"{n:04}" for n in range(300)])


@pytest.mark.parametrize(
    ("crossed", "status"), [(0, "pass"), (1, "pass"), (2, "warn"), (10, "warn"), (11, "fail")]
)
def test_the_check_warns_above_a_thousandth_and_fails_above_a_hundredth(
    crossed: int, status: str
) -> None:
    assert check_of(run_with(log_of(range(1_000), crossed)), "crossover").status == status
