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
