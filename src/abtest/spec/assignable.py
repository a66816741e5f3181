"""From a spec to the prepared experiment that assigns units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.assignment import Experiment
from abtest.assignment.parts import Schedule
from abtest.errors import Fault, SpecError
from abtest.instants import parse_instant

if TYPE_CHECKING:
    from abtest.spec.experiment import Spec


def experiment_of(spec: Spec) -> Experiment:
    """The prepared experiment of a spec.

    Raises:
        SpecError: The spec asks for a way of splitting that this version cannot do.
    """
    unsupported = {
        ("factors",): spec.factors,
        ("cluster",): spec.cluster,
        ("assignment", "layer"): spec.assignment.layer,
        ("assignment", "phases"): spec.assignment.phases,
    }
    faults = [
        Fault(path, "is not assigned by this version of abtest")
        for path, value in unsupported.items()
        if value
    ]
    if faults:
        raise SpecError(faults)
    return Experiment(
        spec.key,
        [(variant.key, variant.weight) for variant in spec.variants or ()],
        seed=spec.seed,
        coverage_parts=round(spec.assignment.coverage * 10_000),
        overrides=spec.assignment.overrides,
        schedule=_schedule(spec),
    )


def _schedule(spec: Spec) -> Schedule | None:
    zone = spec.schedule.timezone
    start, end = (
        parse_instant(text, zone) if text is not None else None
        for text in (spec.schedule.start, spec.schedule.enrol_until)
    )
    return Schedule(start, end) if start is not None or end is not None else None
