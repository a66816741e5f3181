"""What the spec can say and this version cannot do yet: refused, never silently left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.strata import entry_weights
from abtest.errors import Fault
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
        # Without times of assignment nobody knows under which weights a unit entered.
        ("assignment", "phases"): spec.data.assignments is None and len(entry_weights(spec)) > 1,
        ("analysis", "segments"): bool(spec.analysis.segments),
        ("analysis", "sequential"): spec.analysis.sequential is not None,
        ("analysis", "correction", "primary"): correction.primary in _NOT_YET,
        ("analysis", "correction", "secondary"): correction.secondary in _NOT_YET,
        ("analysis", "correction", "exploratory"): correction.exploratory in _NOT_YET,
    }
    for i, metric in enumerate(spec.metrics):
        capped = isinstance(metric, SumMetric) and metric.winsorize is not None
        asked["metrics", i, "winsorize"] = capped
    for name, stream in spec.data.events.items():
        asked["data", "events", name, "net"] = stream.net is not None
    hint = "take it out of the spec to analyse the rest"
    for path, is_asked in asked.items():
        if is_asked:
            yield Fault(path, "is not analysed by this version of abtest", hint)
