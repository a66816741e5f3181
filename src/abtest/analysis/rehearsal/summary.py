"""What many replays come to: error rates, power, coverage, exaggeration and verdicts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from abtest.stats.estimates import proportion_estimate
from abtest.stats.health.uniform import uniform_pvalue
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.rehearsal.effects import Planted


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Share(_Frozen):
    """A share of the replays, with its 95% interval (Wilson), which says what chance allows."""

    value: float
    low: float
    high: float


class MetricRehearsal(_Frozen):
    """What the replays say of one metric and treatment.

    Attributes:
        planted: The lift that was planted; 0 where none was.
        truth: The difference that there really is.
        replays: Replays in which there was a p-value.
        rejected: The share with p < alpha before any correction: without an effect the rate of
            false positives, with one the power.
        rejected_adjusted: The same after correction.
        covered: The share whose interval of the difference holds the truth.
        mean_difference: The mean of the differences.
        exaggeration: The mean size of the differences that were significant, over the truth; None
            where nothing is true or nothing was significant.
        uniform_pvalue: Kolmogorov and Smirnov's test of whether the p-values are uniform, as they
            are without an effect; None with one.
    """

    metric: str
    variant: str
    planted: float
    truth: float
    replays: int
    rejected: Share | None
    rejected_adjusted: Share | None
    covered: Share | None
    mean_difference: float | None
    exaggeration: float | None
    uniform_pvalue: float | None


class Rehearsal(_Frozen):
    """What the replays come to.

    Attributes:
        replays: How many there are.
        units: Units that were dealt out each time.
        alpha: The error rate of the spec.
        seed: Where chance started.
        verdicts: The share of replays with each verdict.
        shipped: The share that shipped each treatment.
        metrics: By metric and treatment.
        left_out: Metrics that were not replayed, with the reason.
    """

    schema_: str = "abtest-rehearsal/v1"
    experiment: str
    replays: int
    units: int
    alpha: float
    seed: int
    verdicts: dict[str, Share]
    shipped: dict[str, Share]
    metrics: tuple[MetricRehearsal, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The rehearsal as plain JSON types, with the key ``schema`` first."""
        data = self.model_dump(mode="json")
        return {"schema": data.pop("schema_"), **data}


def verdicts_of(replays: Sequence[Mapping[str, Any]]) -> dict[str, Share]:
    """The share of replays with each verdict."""
    counts = Counter(replay["verdict"] for replay in replays)
    return {verdict: share(n, len(replays)) for verdict, n in sorted(counts.items())}


def shipped_of(replays: Sequence[Mapping[str, Any]], treatments: Sequence[str]) -> dict[str, Share]:
    """The share of replays that shipped each treatment."""
    counts = Counter(replay["variant"] for replay in replays if replay["verdict"] == "ship")
    return {variant: share(counts[variant], len(replays)) for variant in treatments}


def metrics_of(
    replays: Sequence[Mapping[str, Any]], planted: Sequence[Planted], alpha: float
) -> tuple[MetricRehearsal, ...]:
    """What the replays say of each metric and treatment, in the order of the records."""
    lifts = {one.metric: one for one in planted}
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for replay in replays:
        for record in replay["records"]:
            found.setdefault((record["metric"], record["variant"]), []).append(record)
    return tuple(
        _of_metric(metric, variant, records, lifts.get(metric), alpha)
        for (metric, variant), records in found.items()
    )


def _of_metric(
    metric: str,
    variant: str,
    records: Sequence[Mapping[str, Any]],
    planted: Planted | None,
    alpha: float,
) -> MetricRehearsal:
    truth = planted.difference if planted is not None else 0.0
    tested = [record for record in records if record["pvalue"] is not None]
    pvalues = np.array([record["pvalue"] for record in tested])
    adjusted = [r["pvalue_adjusted"] for r in tested if r["pvalue_adjusted"] is not None]
    bounded = [r for r in records if r["difference_ci_low"] is not None]
    bounded = [r for r in bounded if r["difference_ci_high"] is not None]
    held = [r["difference_ci_low"] <= truth <= r["difference_ci_high"] for r in bounded]
    differences = np.array([r["difference"] for r in tested if r["difference"] is not None])
    claimed = [abs(r["difference"]) for r in tested if r["pvalue"] < alpha]
    return MetricRehearsal(
        metric=metric,
        variant=variant,
        planted=planted.lift if planted is not None else 0.0,
        truth=truth,
        replays=len(tested),
        rejected=share(int((pvalues < alpha).sum()), len(tested)) if tested else None,
        rejected_adjusted=share(sum(p < alpha for p in adjusted), len(adjusted))
        if adjusted
        else None,
        covered=share(sum(held), len(held)) if held else None,
        mean_difference=float(differences.mean()) if len(differences) else None,
        exaggeration=float(np.mean(claimed)) / abs(truth) if truth and claimed else None,
        uniform_pvalue=uniform_pvalue(pvalues) if not truth and tested else None,
    )


def share(count: int, total: int) -> Share:
    """A share of replays with its interval."""
    interval = proportion_estimate(Proportion(total, count)).ci
    low, high = (interval.low, interval.high) if interval is not None else (0.0, 1.0)
    return Share(value=count / total, low=low, high=high)
