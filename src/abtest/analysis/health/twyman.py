"""Twyman's law: a figure that looks remarkable is usually wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.result import Check
from abtest.sentences import joined, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Record
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

PRIOR_SDS = 4.0
MDES = 5.0


def twyman(spec: Spec, records: Sequence[Record]) -> Check | None:
    """Primary effects that are clear, and far larger than anybody expected.

    More than 4 standard deviations of the prior of the log lift from its mean, or more than 5 times
    the smallest effect worth acting on. Effects whose interval holds no effect are passed over: few
    units show wild lifts.

    Source:
        Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 3.
    """
    metrics = {metric.key: metric for metric in spec.metrics}
    found = [
        (record, why)
        for record in records
        if record.role == "primary" and record.segment is None and record.contrast == "variant"
        if _is_clear(record) and (why := _too_large(spec, metrics[record.metric], record))
    ]
    if not found:
        return None
    told = [
        sentence("{variant} moves {metric} {why}", variant=r.variant, metric=r.metric, why=why)
        for r, why in found
    ]
    return Check(
        key="twyman",
        status="warn",
        message=sentence("Too good or too bad to be true? {told}.", told=joined("; ", told)),
        hint=sentence(
            "Check the data before you show a winner: are rows, prices, units and dates of both "
            "variants read alike, and does another source say the same?"
        ),
        details={"records": [_details(record) for record, _ in found]},
    )


def _is_clear(record: Record) -> bool:
    low, high = record.difference_ci_low, record.difference_ci_high
    return (low is not None and low > 0) or (high is not None and high < 0)


def _too_large(spec: Spec, metric: Metric, record: Record) -> str | None:
    prior = spec.analysis.bayes.prior.on_log_lift
    if record.log_lift is not None and abs(record.log_lift - prior.mean) > PRIOR_SDS * prior.sd:
        return sentence(
            "by {lift:+.1%}, where the prior expects {sd:.3g} or so on the log scale",
            lift=record.lift or 0.0,
            sd=prior.sd,
        )
    if metric.mde is None:
        return None
    seen = record.lift if metric.mde.relative is not None else record.difference
    size = metric.mde.relative if metric.mde.relative is not None else metric.mde.absolute
    if seen is None or size is None or abs(seen) <= MDES * size:
        return None
    return sentence(
        "{times:.1f} times as much as the smallest effect worth acting on", times=abs(seen) / size
    )


def _details(record: Record) -> dict[str, Any]:
    keys = ("metric", "variant", "lift", "difference", "log_lift", "log_lift_se")
    return {key: getattr(record, key) for key in keys}
