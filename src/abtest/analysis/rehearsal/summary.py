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
    from abtest.analysis.rehearsal.money import MoneyReplay


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


class VariantTruth(_Frozen):
    """What is true of a treatment's money, and how often its interval says so.

    Attributes:
        difference: By how much it really changes the contribution of an assigned unit.
        worth: What launching it is really worth.
        covered: The share of replays whose interval of the difference holds the truth.
        mean_difference: The mean of the differences.
    """

    variant: str
    difference: float
    worth: float
    covered: Share | None
    mean_difference: float | None


class MoneyRehearsal(_Frozen):
    """What the replays say of the decision in money.

    Attributes:
        currency: The currency's label; None where the spec names none.
        population: For how many units a decision is; None where worth is per assigned unit.
        variants: By treatment.
        best: What the best decision is worth: launching the best treatment, or none.
        mean_worth: What the decisions were worth on average; one that does not ship is worth 0.
        mean_regret: How much less that is than the best.
        false_ships: The share of replays that shipped a treatment that loses money.
        missed: The share that shipped none though one pays.
        redeemed: The share of a treatment's orders that was taken to redeem, as the past has no
            redemptions; None where it has, or nothing is redeemed.
    """

    currency: str | None
    population: int | None
    variants: tuple[VariantTruth, ...]
    best: float
    mean_worth: float
    mean_regret: float
    false_ships: Share
    missed: Share
    redeemed: float | None = None


class Rehearsal(_Frozen):
    """What the replays come to.

    Attributes:
        replays: How many there are.
        units: Units that were dealt out each time.
        alpha: The error rate of the spec.
        seed: Where chance started.
        verdicts: The share of replays with each verdict.
        rule_lines: The share with each verdict by the line of the rule that decided, such as
            ``rollback: value``.
        shipped: The share that shipped each treatment.
        metrics: By metric and treatment.
        money: What the decision in money came to; None where it was not replayed.
        left_out: Metrics that were not replayed, with the reason.
        not_rehearsed: Other parts of the spec that were not replayed, with the reason.
    """

    schema_: str = "abtest-rehearsal/v1"
    experiment: str
    replays: int
    units: int
    alpha: float
    seed: int
    verdicts: dict[str, Share]
    rule_lines: dict[str, Share]
    shipped: dict[str, Share]
    metrics: tuple[MetricRehearsal, ...]
    money: MoneyRehearsal | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    not_rehearsed: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The rehearsal as plain JSON types, with the key ``schema`` first."""
        data = self.model_dump(mode="json")
        return {"schema": data.pop("schema_"), **data}


def verdicts_of(replays: Sequence[Mapping[str, Any]]) -> dict[str, Share]:
    """The share of replays with each verdict."""
    counts = Counter(replay["verdict"] for replay in replays)
    return {verdict: share(n, len(replays)) for verdict, n in sorted(counts.items())}


def rule_lines_of(replays: Sequence[Mapping[str, Any]]) -> dict[str, Share]:
    """The share of replays with each verdict by the line of the rule that decided."""
    counts = Counter(f"{replay['verdict']}: {replay['rule_line']}" for replay in replays)
    return {line: share(n, len(replays)) for line, n in sorted(counts.items())}


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


def money_of_replays(replays: Sequence[Mapping[str, Any]], money: MoneyReplay) -> MoneyRehearsal:
    """What decisions were worth, held against what is true."""
    truth, worth = money.truth(), money.worth()
    best = max(0.0, *worth.values())
    launched = [one["variant"] if one["verdict"] == "ship" else None for one in replays]
    gained = [0.0 if variant is None else worth[variant] for variant in launched]
    mean = float(np.mean(gained))
    return MoneyRehearsal(
        currency=money.spec.data.currency,
        population=money.population,
        variants=tuple(
            _of_money(variant, replays, difference, worth[variant])
            for variant, difference in truth.items()
        ),
        best=best,
        mean_worth=mean,
        mean_regret=best - mean,
        false_ships=share(sum(gain < 0 for gain in gained), len(replays)),
        missed=share(sum(v is None for v in launched) if best > 0 else 0, len(replays)),
        redeemed=money.amounts.redeemed,
    )


def _of_money(
    variant: str, replays: Sequence[Mapping[str, Any]], truth: float, worth: float
) -> VariantTruth:
    found = [one for replay in replays for one in replay["money"] if one["variant"] == variant]
    differences = [one["difference"] for one in found if one["difference"] is not None]
    bounded = [one for one in found if None not in (one["ci_low"], one["ci_high"])]
    held = sum(one["ci_low"] <= truth <= one["ci_high"] for one in bounded)
    return VariantTruth(
        variant=variant,
        difference=truth,
        worth=worth,
        covered=share(held, len(bounded)) if bounded else None,
        mean_difference=float(np.mean(differences)) if differences else None,
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
