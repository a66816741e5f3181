"""The JSON Schema of the spec: what editors complete and check."""

from __future__ import annotations

from typing import Any

from abtest.spec.experiment import Spec

# By the key, or by the model and the key where one word means several things.
_EXAMPLES: dict[str, tuple[Any, ...]] = {
    "Spec.key": ("winback-incentive-mix",),
    "Spec.hypothesis": ("Lapsed customers who are given free shipping buy again more often.",),
    "Spec.owner": ("crm@example.com",),
    "Spec.title": ("Win-back incentive mix",),
    "Spec.unit": ("customer_id", None),
    "Spec.cluster": ("household_id",),
    "Spec.variants": (
        [
            {"key": "control", "control": True, "weight": 50},
            {"key": "coupon", "weight": 50, "payload": {"discount_pct": 10}},
        ],
    ),
    "Assignment.coverage": (1.0, 0.1),
    "Assignment.overrides": ({"C000123": "coupon"},),
    "Assignment.phases": ([{"from": "2026-01-08", "coverage": 1.0}],),
    "Assignment.seed": ("winback-2026-01",),
    "Assignment.stratify": ("value_tier",),
    "Layer.slots": ([[0, 4999]],),
    "Schedule.enrol_until": ("2026-01-19",),
    "Schedule.start": ("2026-01-05",),
    "Schedule.timezone": ("Europe/Berlin", "Asia/Tehran"),
    "Data.as_of": ("2026-03-01",),
    "Data.currency": ("EUR",),
    "Data.events": ({"orders": {"path": "orders.csv", "at": "ordered_at", "value": "amount"}},),
    "AssignmentsTable.path": ("assignments.csv", "shop.sqlite"),
    "EventsTable.path": ("orders.parquet", "orders/*.csv"),
    "EventsTable.at": ("ordered_at",),
    "EventsTable.id": ("order_id",),
    "EventsTable.value": ("amount", {"product": ["quantity", "unit_price"]}),
    "EventsTable.keep": ([{"column": "amount", "above": 0}],),
    "UnitsTable.path": ("customers.parquet",),
    "Variant.payload": ({"discount_pct": 10, "free_shipping": True},),
    "Variant.weight": (50,),
    "Analysis.alpha": (0.05,),
    "Analysis.covariates": (["orders_pre_90d"],),
    "Analysis.segments": (["value_tier"],),
    "DecisionBlock.horizon": ("60d",),
    "DecisionBlock.margin_pct": (40,),
    "DecisionBlock.population": (250_000,),
    "Planning.units_per_week": (5_000,),
    "RelativeOrAbsolute.relative": (0.05,),
    "Window.start": ("0d",),
    "Window.end": ("30d", "12h", "4w"),
    "CovariateWindow.start": ("-90d",),
    "InactivityMetric.days": (42,),
    "lag": ("2d",),
    "column": ("amount",),
    "lookback": ("365d",),
}


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, with a description for every key and examples."""
    schema = Spec.model_json_schema(by_alias=True)
    for name, model in {"Spec": schema, **schema["$defs"]}.items():
        for key, value in model.get("properties", {}).items():
            _enrich(value, model, name, key)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "abtest experiment, version 1",
    }


def _enrich(value: dict[str, Any], model: dict[str, Any], name: str, key: str) -> None:
    if key == "kind" and "description" not in value:
        value["description"] = model.get("description", name)
    examples = _EXAMPLES.get(f"{name}.{key}", _EXAMPLES.get(key))
    if examples is not None:
        value["examples"] = list(examples)
