"""What the spec can say and this version cannot do yet: refused, never silently left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.metrics.base import EventMetric
from abtest.metrics.sum import SumMetric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec import Spec


_NOT_YET = ("dunnett", "gate_holm")


def unsupported_in(spec: Spec) -> list[Fault]:
    """One fault for each thing that the spec asks for and this version cannot do."""
    return list(_unsupported(spec))


def _unsupported(spec: Spec) -> Iterator[Fault]:
    correction = spec.analysis.correction
    asked: dict[tuple[str | int, ...], bool] = {
        ("factors",): spec.factors is not None,
        ("decision", "value"): spec.decision is not None and spec.decision.value is not None,
        ("cluster",): spec.cluster is not None,
        ("assignment", "phases"): bool(spec.assignment.phases),
        ("assignment", "stratify"): spec.assignment.stratify is not None,
        ("analysis", "covariates"): bool(spec.analysis.covariates),
        ("analysis", "segments"): bool(spec.analysis.segments),
        ("analysis", "sequential"): spec.analysis.sequential is not None,
        ("analysis", "correction", "primary"): correction.primary in _NOT_YET,
        ("analysis", "correction", "secondary"): correction.secondary in _NOT_YET,
        ("analysis", "correction", "exploratory"): correction.exploratory in _NOT_YET,
    }
    for i, metric in enumerate(spec.metrics):
        censored = isinstance(metric, EventMetric) and metric.maturity == "censored"
        asked["metrics", i, "maturity"] = censored
        capped = isinstance(metric, SumMetric) and metric.winsorize is not None
        asked["metrics", i, "winsorize"] = capped
    hint = "take it out of the spec to analyse the rest"
    for path, is_asked in asked.items():
        if is_asked:
            yield Fault(path, "is not analysed by this version of abtest", hint)
