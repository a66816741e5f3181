"""A spec that reads simulated tables: the same experiment, with plain files for its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from abtest.spec.experiment import Spec

# What says how a table is laid out; simulated tables need none of it.
_LAYOUT = (
    *("table", "query", "decimal", "keep", "exclude", "time", "day_zero", "date_format"),
    *("currency", "renewals", "merge", "repeated_ids"),
)


def simulated_spec(spec: Spec, as_of: str, ending: str) -> str:
    """The YAML of the same experiment on simulated tables.

    Args:
        spec: The experiment.
        as_of: Up to when the tables are complete.
        ending: Of the files, such as ``.parquet``.

    Returns:
        A spec whose paths are relative to its own folder.
    """
    given: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    data = given["data"]
    data["as_of"] = as_of
    tables = {"assignments": data["assignments"], **data.get("events", {})}
    for name, table in tables.items():
        for key in _LAYOUT:
            table.pop(key, None)
        table["path"] = f"{name}{ending}"
    if "units" in data:
        unit = {key: value for key, value in data["units"].items() if key == "unit"}
        data["units"] = {"path": f"customers{ending}", **unit}
    return yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=100)
