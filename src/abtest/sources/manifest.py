"""What stands beside an assigned list: enough to say later how it came about."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from abtest.assignment.formula import FORMULA
from abtest.sources.duckdb_population import POPULATION_HASH
from abtest.stats.health.sample_ratio import sample_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abtest.sources.duckdb_assign import AssignedCounts, Plan

FORMAT = "abtest-manifest/v1"


def manifest(
    plan: Plan,
    counts: AssignedCounts,
    spec_fingerprint: str,
    inputs: Mapping[str, str],
    balance: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest as plain data; the same run gives the same bytes.

    Args:
        plan: How the list was assigned.
        counts: What came of it.
        spec_fingerprint: Of the spec with every default filled in.
        inputs: SHA-256 of each file that was read.
        balance: Attributes by variant.
    """
    experiment = plan.experiment
    phase, split = experiment.in_force(plan.at)
    observed = [counts.variants.get(name, 0) for name in split.names]
    return {
        "format": FORMAT,
        "experiment": experiment.key,
        "spec_fingerprint": spec_fingerprint,
        "formula": FORMULA,
        "salt": experiment.seed,
        "hashed": plan.column,
        "assigned_at": plan.at.isoformat(),
        "phase": phase,
        "by": "hash" if plan.stratify is None else "blocks",
        "stratify": plan.stratify,
        "truth": _truth(plan),
        "rows": counts.rows,
        "population": {POPULATION_HASH: counts.population},
        "inputs": dict(sorted(inputs.items())),
        "rows_that_repeat_a_customer": counts.repeated,
        "left_out": counts.left_out,
        "check_ids": plan.check_ids,
        "dirty_ids": counts.dirt,
        "reasons": dict(sorted(counts.reasons.items())),
        "variants": {
            name: {"n": n, "weight": weight}
            for name, n, weight in zip(split.names, observed, split.weights, strict=True)
        },
        "sample_ratio_pvalue": sample_ratio(observed, split.weights).pvalue,
        "balance": dict(balance),
    }


def _truth(plan: Plan) -> str:
    if plan.stratify is None:
        return "the formula: any customer can be assigned again alone, in SQL or in another list"
    return (
        "the output file: variants were dealt out in blocks over this list, so no customer can be "
        "assigned again alone"
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
