"""What must hold for a spec's split: phases, slots of a layer, strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.instants import parse_instant
from abtest.spec.cells import factor_faults, weights_of
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec.experiment import Spec
    from abtest.spec.variants import Phase


def split_faults(spec: Spec) -> Iterator[Fault]:
    """Every rule of the split that the spec breaks."""
    broken = list(factor_faults(spec))
    yield from broken
    yield from _slots(spec)
    if not broken:  # without factors that agree there are no cells to weigh
        yield from _phases(spec)
    if spec.assignment.stratify is not None and spec.cluster is not None:
        message = "is of units; a spec with clusters cannot be stratified"
        yield Fault(("assignment", "stratify"), message)


def _slots(spec: Spec) -> Iterator[Fault]:
    if spec.assignment.layer is None:
        return
    path = ("assignment", "layer", "slots")
    reached = -1
    for first, last in sorted(spec.assignment.layer.slots):
        if last < first:
            hint = "Both ends are inside the range: slots 0 to 4,999 are [0, 4999]."
            yield Fault(path, f"has the range [{first}, {last}], which ends first", hint)
        elif first <= reached:
            yield Fault(path, f"lists slot {first} twice; each slot must be listed once")
        reached = max(reached, last)


def _phases(spec: Spec) -> Iterator[Fault]:
    before = None
    for i, phase in enumerate(spec.assignment.phases):
        path = ("assignment", "phases", i)
        yield from _weights(spec, phase, i)
        if phase.coverage is None and phase.weights is None:
            yield Fault(path, "changes nothing; it must set coverage or weights")
        try:
            start = parse_instant(phase.from_, spec.schedule.timezone)
        except ValueError as error:
            yield Fault((*path, "from"), str(error))
            continue
        if before is not None and start <= before:
            yield Fault((*path, "from"), "is not after the phase before it; it must be later")
        before = start


def _weights(spec: Spec, phase: Phase, index: int) -> Iterator[Fault]:
    if phase.weights is None:
        return
    names = list(weights_of(spec))
    path = ("assignment", "phases", index, "weights")
    for name in phase.weights:
        if names and name not in names:
            yield Fault((*path, name), "is no variant", nearest(name, names))
    missing = [name for name in names if name not in phase.weights]
    if missing:
        yield Fault(
            path, f"has no weight for {', '.join(missing)}", "Write 0 where none is wanted."
        )
    if phase.weights and not any(phase.weights.values()):
        yield Fault(path, "sum to 0; at least one must be positive")
