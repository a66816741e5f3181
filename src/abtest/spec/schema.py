"""The JSON Schema of the spec: what editors complete and check."""

from __future__ import annotations

from typing import Any

from abtest.spec.experiment import Spec


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, with a description for every key."""
    schema = Spec.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "abtest experiment, version 1",
    }
