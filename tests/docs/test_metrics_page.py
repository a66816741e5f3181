"""The pages on metrics: every kind has one, its example is right, and so is its number by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from abtest import analyze
from abtest.metrics import AnyMetric
from specs import COLUMNS, EVENTS, changed, faults
from support import ROOT

PAGES = ROOT / "docs" / "metrics"
KINDS = [
    get_args(metric.model_fields["kind"].annotation)[0]
    for metric in get_args(get_args(AnyMetric)[0])
]
STREAMS = (
    "    redemptions: {path: r.csv, at: at}\n    surveys: {path: s.csv, at: at, value: score}\n"
)
ON_EVENTS = changed(EVENTS, ("    refunds:", f"{STREAMS}    refunds:"))
WORLD = """\
spec: abtest/v1
key: by-hand
kind: messaging
unit: customer_id
variants: [{key: control, control: true}, {key: other}]
"""


def _text(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def _blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _text(name), flags=re.DOTALL)


EXAMPLES = [example for page in ("index", *KINDS) for example in _blocks(page, "yaml")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_right(example: str) -> None:
    on_columns = re.search(r"column:|duration:", example)
    base = COLUMNS.replace("key: retained", "key: first") if on_columns else ON_EVENTS
    assert faults(base + re.sub("(?m)^", "  ", example).rstrip(" ")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_page(kind: str) -> None:
    text = _text(kind)
    assert f"(`{kind}`)" in text.splitlines()[0]
    assert f"kind: {kind}" in "".join(_blocks(kind, "yaml"))
    assert "| compared by |" in text
    assert f"]({kind}.md)" in _text("index")


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_by_hand_is_what_is_computed(kind: str, tmp_path: Path) -> None:
    orders, surveys, rows = _blocks("index", "csv")
    (tmp_path / "orders.csv").write_text(orders)
    (tmp_path / "surveys.csv").write_text(surveys)
    (tmp_path / "units.csv").write_text(
        rows.replace("\n", ",control\n").replace("left,control", "left,variant") + "E,1,1,1,1,other"
    )
    units = "".join(f"{unit},control,2026-01-05\n" for unit in "ABCD") + "E,other,2026-01-05\n"
    (tmp_path / "assignments.csv").write_text(f"customer_id,variant,assigned_at\n{units}")
    metrics = yaml.safe_load(_blocks(kind, "yaml")[0])
    metrics[-1]["role"] = "primary"
    on_columns = "column" in metrics[0] or "duration" in metrics[0]
    spec = {**yaml.safe_load(WORLD), "metrics": metrics, "data": _data(on_columns=on_columns)}
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(spec))
    key = next(metric["key"] for metric in metrics if metric["kind"] == kind)
    [found] = [
        estimate.value
        for estimate in analyze(path).estimates
        if (estimate.metric, estimate.variant) == (key, "control")
    ]
    [by_hand] = re.findall(r"= \*\*([0-9.]+)\*\*", _text(kind))
    assert found == pytest.approx(float(by_hand), rel=1e-4)


def _data(*, on_columns: bool) -> dict[str, object]:
    if on_columns:
        return {"units": {"path": "units.csv", "variant": "variant"}}
    return {
        "as_of": "2026-06-01",
        "assignments": {"path": "assignments.csv"},
        "events": {
            "orders": {"path": "orders.csv", "at": "ordered_at", "value": "amount"},
            "surveys": {"path": "surveys.csv", "at": "answered_at", "value": "score"},
        },
    }
