"""From YAML to an experiment: cells, layers, holdout, phases, clusters."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from abtest import Experiment, assign
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule
from abtest.errors import SpecError
from abtest.spec import load_spec, parse_spec
from abtest.spec.assignable import experiment_of, hashed_column
from abtest.spec.cells import cells

PLAIN = """\
spec: abtest/v1
key: {key}
kind: messaging
unit: customer_id
{more}
data: {{units: {{path: customers.csv, variant: variant}}}}
metrics: [{{key: bought, kind: proportion, column: bought, role: primary}}]
"""
TWO = "variants: [{key: control, control: true}, {key: coupon}]"
LAYERS = """\
holdout: {salt: holdout-2026, share: 0.05}
layers:
  offers: {salt: offers-2026, unit: customer_id}
  homes: {salt: homes-2026, unit: household_id}
"""
PHASE = "{from: 2026-01-02, coverage: 1}"
FACTORS = """\
factors:
  order: [discount_pct, free_shipping, gift]
  levels: {discount_pct: [0, 5, 10], free_shipping: [false, true], gift: [false, true]}
  control: {discount_pct: 0, free_shipping: false, gift: false}
"""


def write(folder: Path, more: str = TWO, key: str = "winback") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "experiment.yaml"
    path.write_text(PLAIN.format(key=key, more=more), encoding="utf-8")
    return path


def test_a_plain_spec_is_the_experiment_that_one_would_write_by_hand(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert Experiment.from_spec(path) == Experiment("winback", [("control", 1), ("coupon", 1)])
    assert Experiment.from_spec(str(path)) == Experiment.from_spec(path)


def test_layer_and_holdout_come_from_the_nearest_layers_yaml_above(tmp_path: Path) -> None:
    (tmp_path / "layers.yaml").write_text("holdout: {salt: wrong, share: 1.0}")
    inner = tmp_path / "experiments"
    more = f"{TWO}\nassignment: {{layer: {{key: offers, slots: [[0, 4999], [9000, 9999]]}}}}"
    path = write(inner / "a", more)
    (inner / "layers.yaml").write_text(LAYERS)
    experiment = Experiment.from_spec(path)
    # Slots are inclusive in YAML and half-open in code.
    assert experiment.layer == Layer("offers-2026", [(0, 5_000), (9_000, 10_000)])
    assert experiment.holdout == Holdout("holdout-2026", 500)


def test_two_experiments_of_a_layer_share_nobody_and_the_holdout_gets_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "layers.yaml").write_text(LAYERS)
    both = []
    for key, slots in (("one", "[[0, 4999]]"), ("two", "[[5000, 9999]]")):
        more = f"{TWO}\nassignment: {{layer: {{key: offers, slots: {slots}}}}}"
        both.append(Experiment.from_spec(write(tmp_path / key, more, key)))
    for number in range(2_000):
        reasons = sorted(assign(experiment, number).reason for experiment in both)
        assert reasons in (["layer", "split"], ["holdout", "holdout"])


def test_phases_and_schedule_are_read_in_the_specs_zone(tmp_path: Path) -> None:
    more = f"""{TWO}
schedule: {{start: 2026-01-05, enrol_until: 2026-01-19, timezone: Europe/Berlin}}
assignment:
  coverage: 0
  phases:
    - {{from: 2026-01-05, coverage: 0.1}}
    - {{from: 2026-01-08T12:00, coverage: 1.0, weights: {{coupon: 3, control: 1}}}}"""
    experiment = Experiment.from_spec(write(tmp_path, more))
    start = datetime(2026, 1, 4, 23, tzinfo=UTC)
    noon = datetime(2026, 1, 8, 11, tzinfo=UTC)
    assert experiment.phases == (Phase(start, 1_000), Phase(noon, 10_000, (1, 3)))
    assert experiment.schedule == Schedule(start, datetime(2026, 1, 18, 23, tzinfo=UTC))
    assert experiment.coverage_parts == 0


def test_ranges_are_read_by_name_and_may_leave_out_who_takes_nobody(tmp_path: Path) -> None:
    more = """\
variants:
  - {key: control, control: true, weight: 1}
  - {key: coupon, weight: 1}
  - {key: gift, weight: 0}
assignment:
  phases:
    - from: 2026-01-05
      ranges: {coupon: [[0, 2251799813685248]], control: [[2251799813685248, 4503599627370496]]}"""
    found = Experiment.from_spec(write(tmp_path, more)).phases[0]
    assert found.ranges == (((2**51, 2**52),), ((0, 2**51),), ())


RANGED = "assignment:\n  phases:\n  - from: 2026-01-02\n    weights: {control: 1, coupon: 1}\n"


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        (
            "control: [[0, 9]]\n      coupon: [[9, 4503599627370496]]",
            (
                r":11: assignment.phases.0.ranges.control: has 9 of .* for its weight, 1 "
                r"of 2, it must have 2251799813685248 .50.0000%.\n  Hint: `abtest plan --diff"
            ),
        ),
        (
            "control: [[0, 2251799813685249]]\n      coupon: [[9, 4503599627370496]]",
            r":12: .*phases.0.ranges.coupon: has the range \[9, .* overlaps one of control",
        ),
        (
            "control: [[0, 9]]",
            r":10: assignment.phases.0.ranges: leave out \[9, 4503599627370496\]",
        ),
        ("cupon: [[0, 9]]", r':11: .*ranges.cupon: is no variant\n  Hint: did you mean "coupon"'),
        ("control: [[9, 0]]", r":11: .*ranges.control: has the range \[9, 0\], which must end"),
        ("control: [[0, 4503599627370497]]", ":11: .*it must be at most 4,503,599,627,370,496"),
        ("control: [[0, 0.5]]", ":11: .*it must be a whole number"),
        ("control: [5]", ":11: .*is 5; it must be a list"),
    ],
)
def test_faults_of_ranges_name_line_and_variant(tmp_path: Path, ranges: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Experiment.from_spec(write(tmp_path, f"{TWO}\n{RANGED}    ranges:\n      {ranges}"))


def test_ranges_must_agree_with_the_weights_in_force(tmp_path: Path) -> None:
    half = "{control: [[0, 2251799813685248]], coupon: [[2251799813685248, 4503599627370496]]}"
    fine = f"{TWO}\n{RANGED}  - {{from: 2026-01-03, ranges: {half}}}"
    assert len(Experiment.from_spec(write(tmp_path, fine)).phases) == 2
    with pytest.raises(
        SpecError, match=r"phases.1.ranges.control: has .*its weight, 1 of 4, it must"
    ):
        Experiment.from_spec(write(tmp_path, fine.replace("coupon: 1}", "coupon: 3}")))
    with pytest.raises(SpecError, match=r"weights: has no weight for coupon\n.*wanted.$"):
        # Nothing is said of ranges whose weights are at fault.
        Experiment.from_spec(write(tmp_path, fine.replace(", coupon: 1}", "}")))


def test_ranges_have_no_effect_in_blocks(tmp_path: Path) -> None:
    more = f"{TWO}\nassignment: {{stratify: tier, phases: [{{from: 2026-01-02, ranges: {{}}}}]}}"
    with pytest.raises(SpecError, match="ranges: have no effect with stratify"):
        Experiment.from_spec(write(tmp_path, more))


def test_cells_are_named_in_factor_order_and_every_margin_is_balanced(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, FACTORS)).spec
    assert spec.factors is not None
    found = cells(spec.factors)
    assert list(found)[:3] == [
        "discount_pct=0,free_shipping=false,gift=false",
        "discount_pct=0,free_shipping=false,gift=true",
        "discount_pct=0,free_shipping=true,gift=false",
    ]
    assert len(found) == 12
    experiment = experiment_of(spec)
    assert [name for name, _ in experiment.variants] == list(found)
    for factor, levels in spec.factors.levels.items():
        weights = [
            sum(weight for name, weight in experiment.variants if found[name][factor] == level)
            for level in levels
        ]
        assert len(set(weights)) == 1


def test_the_cluster_is_hashed(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, f"cluster: household_id\n{TWO}")).spec
    assert hashed_column(spec) == "household_id"
    assert hashed_column(load_spec(write(tmp_path)).spec) == "customer_id"


def test_without_a_unit_nobody_can_be_assigned() -> None:
    spec = parse_spec(
        {
            "spec": "abtest/v1",
            "key": "rows",
            "kind": "messaging",
            "unit": None,
            "variants": [{"key": "a", "control": True}, {"key": "b"}],
            "data": {"units": {"path": "rows.csv", "variant": "v"}},
            "metrics": [{"key": "m", "kind": "mean", "column": "x", "role": "primary"}],
        }
    ).spec
    with pytest.raises(SpecError, match="unit: is null; only units with an id can be assigned"):
        hashed_column(spec)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "assignment: {layer: {key: ofers, slots: [[0, 1]]}}",
            r"yaml:6: assignment.layer.key: is 'ofers', which no layers.yaml.*\n.*mean \"offers\"",
        ),
        (
            "assignment: {layer: {key: homes, slots: [[0, 1]]}}",
            "is of units 'household_id'; the spec hashes 'customer_id'",
        ),
        (
            "assignment: {seed: offers-2026, layer: {key: offers, slots: [[0, 1]]}}",
            "layer.salt is 'offers-2026'; it must differ from seed",
        ),
        ("assignment: {stratify: value_tier}", "asks for blocks over a whole list"),
        (
            "assignment: {layer: {key: offers, slots: [[4999, 0]]}}",
            r"has the range \[4999, 0\], which ends first",
        ),
        (
            "assignment: {layer: {key: offers, slots: [[0, 10], [10, 20]]}}",
            "lists slot 10 twice",
        ),
        (
            f"assignment: {{phases: [{PHASE}, {PHASE}]}}",
            "assignment.phases.1.from: is not after the phase before it",
        ),
        ("assignment: {phases: [{from: 2026-01-02}]}", "phases.0: changes nothing"),
        (
            "assignment: {phases: [{from: 2026-01-02, weights: {control: 1}}]}",
            "weights: has no weight for coupon",
        ),
        (
            "assignment: {phases: [{from: 2026-01-02, weights: {control: 1, cupon: 1}}]}",
            'is no variant\n.*did you mean "coupon"',
        ),
        (
            "assignment: {phases: [{from: 2026-01-02, weights: {control: 0, coupon: 0}}]}",
            "sum to 0",
        ),
    ],
)
def test_faults_of_the_split(tmp_path: Path, more: str, message: str) -> None:
    (tmp_path / "layers.yaml").write_text(LAYERS)
    with pytest.raises(SpecError, match=message):
        Experiment.from_spec(write(tmp_path, f"{TWO}\n{more}"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("order: [discount_pct, ", "order: [gift, discount_pct, ", "names 'gift' 2 times"),
        ("order: [discount_pct, ", "order: [", "factors.order lacks 'discount_pct'"),
        ("[0, 5, 10]", "[0, 5, 5]", "has 5 2 times"),
        ("[0, 5, 10]", '[0, "5,gift=true"]', "no comma and no equals sign"),
        ("control: {discount_pct: 0", "control: {discount_pct: 7", "is 7; it must be one of 0, 5"),
    ],
)
def test_faults_of_factors(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Experiment.from_spec(write(tmp_path, FACTORS.replace(old, new)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("holdout: {salt: h, share: 0.00005}", "layers.yaml:1: holdout.share"),
        ("holdout: {salt: h, part: 0.1}", "holdout.part: unknown key"),
        ("layers: {a: {salt: s, unit: u}, b: {salt: s, unit: u}}", "is 's', the salt of layer a"),
        ("holdout: {salt: s, share: 0}\nlayers: {a: {salt: s, unit: u}}", "the salt of the hold"),
    ],
)
def test_faults_of_layers_yaml(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "layers.yaml").write_text(text)
    with pytest.raises(SpecError, match=message):
        Experiment.from_spec(write(tmp_path))


def test_the_compiled_spec_needs_no_third_party_package(tmp_path: Path) -> None:
    (tmp_path / "layers.yaml").write_text(LAYERS)
    experiment = Experiment.from_spec(write(tmp_path))
    path = tmp_path / "winback.json"
    path.write_text(experiment.to_json())
    code = (
        "import sys; from pathlib import Path; from abtest import Experiment\n"
        "found = Experiment.from_json(Path(sys.argv[1]).read_text())\n"
        "print([found.variant(unit) for unit in range(50)])\n"
        "assert not {'pydantic', 'yaml', 'numpy', 'duckdb'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str([experiment.variant(unit) for unit in range(50)])
    assert json.loads(path.read_text())["holdout"] == {"salt": "holdout-2026", "share_parts": 500}
