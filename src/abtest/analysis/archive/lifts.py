"""Past lifts: as they were seen, combined by kind, and as they should be believed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.analysis.archive.model import PastLift, PastPrior, Pool
from abtest.stats.bayes.normal import Normal, update
from abtest.stats.past.meta_analysis import RandomEffects, random_effects
from abtest.stats.past.past_effects import ENOUGH_TESTS, conditional_estimate, prior_from
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abtest.analysis.archive.reading import Archived
    from abtest.analysis.result import Record, Result
    from abtest.metrics import AnyMetric
    from abtest.spec import Spec

CI_LEVEL = 0.95

PoolKey = tuple[str, str, str]


def pool_key(kind: str, metric_kind: str, desired_change: str) -> PoolKey:
    """What lifts must share to be compared: the lever, the kind of metric and its direction."""
    return kind, metric_kind, desired_change


def lifts_in(archived: Archived) -> list[PastLift]:
    """The lifts of an experiment's newest result on its primary metrics.

    An invalid result has none; nor has a record that is descriptive, or without a log lift. The
    first contrast of each kind of metric is pooled: the others share its control. It is the first
    in the spec's order, whatever it found.
    """
    spec, result = archived.spec, archived.newest
    if spec is None or result is None or result.decision.verdict == "invalid":
        return []
    metrics = {metric.key: metric for metric in spec.metrics}
    seen: set[PoolKey] = set()
    found = []
    for record in result.results:
        metric = metrics.get(record.metric)
        if metric is None or not _is_primary(record):
            continue
        key = pool_key(spec.kind, record.kind, metric.desired_change)
        first = key not in seen
        seen.add(key)
        if record.label != "descriptive" and record.log_lift is not None and record.log_lift_se:
            found.append(_lift(spec, result, record, metric, pooled=first))
    return found


def _is_primary(record: Record) -> bool:
    whole = record.segment is None and record.contrast in ("variant", record.variant)
    return record.role == "primary" and whole and record.control is not None


def _lift(
    spec: Spec, result: Result, record: Record, metric: AnyMetric, *, pooled: bool
) -> PastLift:
    estimate, se = record.log_lift or 0.0, record.log_lift_se or 0.0
    half = normal_quantile(CI_LEVEL) * se
    won = result.decision.verdict == "ship" and result.decision.variant == record.variant
    corrected = conditional_estimate(estimate, se, spec.analysis.alpha) if won else None
    return PastLift(
        experiment=spec.key,
        kind=spec.kind,
        metric=record.metric,
        metric_kind=record.kind,
        desired_change=metric.desired_change,
        variant=record.variant,
        as_of=result.as_of,
        n=record.n,
        n_control=record.n_control,
        log_lift=estimate,
        log_lift_se=se,
        lift=math.expm1(estimate),
        lift_low=math.expm1(estimate - half),
        lift_high=math.expm1(estimate + half),
        pooled=pooled,
        won=won,
        conditional_lift=None if corrected is None else math.expm1(corrected),
        forecast_lift=_forecast(metric, record),
        prior_mean=record.prior_mean,
        prior_sd=record.prior_sd,
    )


def _forecast(metric: AnyMetric, record: Record) -> float | None:
    """The smallest effect worth acting on, as a lift in the direction that is wanted."""
    if metric.mde is None:
        return None
    size = metric.mde.relative
    if size is None:
        if not record.value_control or record.value_control < 0:
            return None
        size = (metric.mde.absolute or 0.0) / record.value_control
    return size if metric.desired_change == "increase" else -min(size, 1.0)


def pooled_by_kind(lifts: Iterable[PastLift]) -> dict[PoolKey, list[PastLift]]:
    """The lifts that are pooled, by what they share; keys in alphabetical order."""
    pools: dict[PoolKey, list[PastLift]] = {}
    for lift in lifts:
        if lift.pooled:
            key = pool_key(lift.kind, lift.metric_kind, lift.desired_change)
            pools.setdefault(key, []).append(lift)
    return dict(sorted(pools.items()))


def prior_of(key: PoolKey, lifts: Sequence[PastLift]) -> PastPrior:
    """The prior that past lifts imply for the next experiment."""
    prior = prior_from([one.log_lift for one in lifts], [one.log_lift_se for one in lifts])
    kind, metric_kind, desired_change = key
    return PastPrior(
        kind=kind,
        metric_kind=metric_kind,
        desired_change=desired_change,
        mean=prior.mean,
        sd=prior.sd,
        k=len(lifts),
        experiments=tuple(one.experiment for one in lifts),
        how="archive" if len(lifts) >= ENOUGH_TESTS else "shrunk",
    )


def shrunk(lift: PastLift, prior: PastPrior) -> PastLift:
    """The lift drawn to what its kind usually brings: the winner's curse, undone on average.

    Normal and normal: m + (y - m) tau^2 / (tau^2 + se^2), Efron & Morris (1973), JASA 68, 117-130.
    """
    found = update(lift.log_lift, lift.log_lift_se, Normal(prior.mean, prior.sd))
    low, high = found.interval(CI_LEVEL)
    return lift.model_copy(
        update={
            "shrunk_lift": math.expm1(found.mean),
            "shrunk_low": math.expm1(low),
            "shrunk_high": math.expm1(high),
        }
    )


def pool_of(key: PoolKey, lifts: Sequence[PastLift]) -> Pool:
    """The random-effects meta-analysis of one pool, and how its forecasts did."""
    found = _combined(lifts)
    planned = [one for one in lifts if one.forecast_lift is not None and one.forecast_lift > -1]
    logs = [math.log1p(one.forecast_lift or 0.0) for one in planned]
    kind, metric_kind, desired_change = key
    with_prior = [one for one in lifts if one.prior_mean is not None and one.prior_sd is not None]
    ahead = (found.prediction_low, found.prediction_high)
    low, high = (None if end is None else math.expm1(end) for end in ahead)
    return Pool(
        kind=kind,
        metric_kind=metric_kind,
        desired_change=desired_change,
        k=found.k,
        experiments=tuple(one.experiment for one in lifts),
        log_mean=found.mean,
        log_se=found.se,
        tau=found.tau,
        lift=math.expm1(found.mean),
        lift_low=math.expm1(found.ci_low),
        lift_high=math.expm1(found.ci_high),
        prediction_low=low,
        prediction_high=high,
        q=found.q,
        df=found.df,
        q_pvalue=found.q_pvalue,
        i2=found.i2,
        forecasts=len(planned),
        forecast_lift=math.expm1(math.fsum(logs) / len(logs)) if logs else None,
        realised_lift=math.expm1(_combined(planned).mean) if planned else None,
        reached=sum(_reached(one) for one in planned),
        prior_inside=sum(_is_expected(one) for one in with_prior),
        prior_of=len(with_prior),
    )


def _combined(lifts: Sequence[PastLift]) -> RandomEffects:
    return random_effects([one.log_lift for one in lifts], [one.log_lift_se for one in lifts])


def _reached(lift: PastLift) -> bool:
    """Whether the lift, as it should be believed, is as large as the forecast."""
    believed, forecast = lift.shrunk_lift, lift.forecast_lift
    if believed is None or forecast is None:
        return False
    return believed >= forecast if lift.desired_change == "increase" else believed <= forecast


def _is_expected(lift: PastLift) -> bool:
    """Whether the lift lies where the prior of its analysis expects 95% of what is seen."""
    mean, sd = lift.prior_mean or 0.0, lift.prior_sd or 0.0
    half = normal_quantile(CI_LEVEL) * math.hypot(sd, lift.log_lift_se)
    return abs(lift.log_lift - mean) <= half
