"""What a sequential plan cannot be made of: refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.metrics.base import EventMetric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec import Spec


def plan_faults(spec: Spec) -> Iterator[Fault]:
    """One fault for each thing that several looks would get wrong."""
    plan = spec.analysis.sequential
    if plan is None:
        return
    path: tuple[str | int, ...] = ("analysis", "sequential")
    if plan.engine == "lan_demets" and plan.max_units is None:
        message = "is missing; alpha is spent as a share of the planned information"
        hint = "how many units of all variants will be mature at the end? `abtest plan` says"
        yield Fault((*path, "max_units"), message, hint)
    if spec.factors is not None:
        message = "is not analysed for factors: main effects and interactions have one look"
        yield Fault(path, message, "take it out of the spec")
    elif spec.control is None:
        yield Fault(path, "needs a control: without one nothing is compared")
    for place, metric in enumerate(spec.metrics):
        reading = metric.readings[0] if isinstance(metric, EventMetric) else "complete"
        if reading == "all":
            message = (
                "counts units whose window is not over: looked at night by night it finds an "
                "effect where there is none up to 33 times in 100"
            )
            hint = "leave maturity out: each unit then counts once, when its window is over"
            yield Fault(("metrics", place, "maturity"), message, hint)
        elif reading == "censored" and metric.role == "primary":
            message = (
                "cannot be the first reading of a primary metric that is looked at every night"
            )
            yield Fault(("metrics", place, "maturity"), message, "write [complete, censored]")
