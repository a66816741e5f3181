"""Event logs of many experiments at once, read by the shipped analysis.

An analysis from files takes most of a second, and a suite needs thousands. So the experiments of a
batch stand in one log, and each customer's row says which one it is in, as a segment would. The
tables are read, joined, checked for maturity and added up once, by the code that reads any
experiment and sums up any segment; then each experiment's sums are compared on their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from abtest.analysis.clock import Cutoff
from abtest.analysis.facts import Facts, outcome_columns
from abtest.analysis.health.watched import watched
from abtest.analysis.population import population_of
from abtest.analysis.records import Comparer, Contrast
from abtest.analysis.segments.columns import segment_column
from abtest.analysis.segments.slices import PART, part_summaries
from abtest.sources.open_engine import EngineOptions, open_engine
from abtest.spec import Draft, Spec, draft_mapping
from abtest.stats.comparison import Comparison
from calibration.cells import Tally, hits, values

Array: TypeAlias = npt.NDArray[Any]
START = np.datetime64("2026-01-05T00:00:00", "us")
CONTROL, COUPON = 0, 1


@dataclass(frozen=True)
class Customers:
    """The customers of a batch of experiments.

    Attributes:
        experiment: Which experiment each is in, from 0.
        variant: ``CONTROL`` or ``COUPON``.
        entered: Days from the start to each one's assignment.
    """

    experiment: Array
    variant: Array
    entered: Array

    def tables(self, **columns: Array) -> dict[str, pd.DataFrame]:
        """Their assignments and attributes; more columns are more attributes."""
        ids = np.arange(len(self.experiment))
        variants = pd.Categorical.from_codes(
            self.variant.astype(np.int8), pd.Index(["control", "coupon"])
        )
        assigned = {"customer_id": ids, "variant": variants, "assigned_at": moments(self.entered)}
        units = {"customer_id": ids, "experiment": self.experiment, **columns}
        return {"assignments": pd.DataFrame(assigned), "units": pd.DataFrame(units)}


def moments(days: Array) -> Array:
    """Days from the start as instants."""
    return START + np.round(days * 86_400e6).astype("timedelta64[us]")


def date_after(days: int) -> str:
    """The date that many days from the start."""
    return str((START + np.timedelta64(days, "D")).astype("datetime64[D]"))


def orders(customer: Array, days: Array, amount: Array | None = None) -> pd.DataFrame:
    """Orders of customers, some days from the start."""
    paid = np.ones(len(customer)) if amount is None else amount
    return pd.DataFrame({"customer_id": customer, "ordered_at": moments(days), "amount": paid})


def spec_of(metrics: Sequence[Mapping[str, Any]], as_of: str, **changes: Any) -> dict[str, Any]:
    """The spec of each of the experiments; ``changes`` replace or add keys."""
    analysis = {"segments": ["experiment"], **changes.pop("analysis", {})}
    return {
        "spec": "abtest/v1",
        "key": "simulated",
        "kind": "incentive_mix",
        "unit": "customer_id",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": {
            "as_of": as_of,
            "assignments": {"path": "assignments.parquet"},
            "units": {"path": "units.parquet"},
            "events": {"orders": {"path": "orders.parquet", "at": "ordered_at", "value": "amount"}},
        },
        "metrics": list(metrics),
        "analysis": analysis,
        **changes,
    }


def draft_of(spec: Mapping[str, Any]) -> Draft:
    """The spec as the analysis reads it, with what is wrong with it."""
    return draft_mapping(spec)


def read_experiments(
    spec: Spec, tables: Mapping[str, pd.DataFrame], experiments: int
) -> list[Comparer]:
    """One comparer for each experiment, whatever the spec says of the rest."""
    data, zone = spec.data, spec.schedule.timezone
    draft = draft_mapping(spec.to_dict())
    engine = open_engine("duckdb", draft.loaded.folder, zone, tables, EngineOptions())
    try:
        cutoff = Cutoff.parse(data.as_of or "", zone)
        population = population_of(spec, engine, cutoff, outcome_columns(spec))
        facts = Facts(watched(spec), engine, population, cutoff)
        frame = engine.materialize(facts.frame().rename({segment_column("experiment"): PART}))
        names = [str(number) for number in range(experiments)]
        found = part_summaries(spec, engine, frame, facts, names)
    finally:
        engine.close()
    return [Comparer(spec, population, found[name], {}) for name in names]


def contrasts_of(comparers: Sequence[Comparer], spec: Spec, metric: str) -> list[Contrast]:
    """Coupon against control in each experiment, by the method that the analysis chooses."""
    (found,) = [one for one in spec.metrics if one.key == metric]
    return [comparer.contrasts_of(found)[0] for comparer in comparers]


def alarms(compared: Sequence[Comparison], alpha: float = 0.05) -> Tally:
    """How often p is below alpha; a comparison without a p-value does not alarm."""
    return hits([one.pvalue is not None and one.pvalue < alpha for one in compared])


def covered(compared: Sequence[Comparison], difference: float) -> Tally:
    """How often the interval of the difference holds the true one."""
    return hits(
        [one.difference_ci is not None and difference in one.difference_ci for one in compared]
    )


def lift_covered(compared: Sequence[Comparison], lift: float) -> Tally:
    """How often the interval of the lift holds the true one."""
    return hits([one.lift_ci is not None and lift in one.lift_ci for one in compared])


def bias(compared: Sequence[Comparison], difference: float) -> Tally:
    """The mean error of the difference."""
    known = [one.difference for one in compared if one.difference is not None]
    return values(np.array(known) - difference)
