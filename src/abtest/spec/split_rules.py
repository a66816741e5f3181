"""What must hold for a spec's split: phases, slots of a layer, strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.assignment.ranges import range_faults
from abtest.errors import Fault
from abtest.instants import parse_instant
from abtest.spec.cells import factor_faults, weights_of
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    if spec.assignment.stratify is not None and spec.assignment.stratify == spec.unit:
        message = f"is {spec.unit!r}, the unit itself; it must be a column that units share"
        yield Fault(("assignment", "stratify"), message, "Name a tier, a country or a store.")
    yield from _balanced(spec)


def _balanced(spec: Spec) -> Iterator[Fault]:
    """A seed that was chosen for its balance needs an analysis that takes account of it."""
    chosen = spec.assignment.rerandomised
    for name in chosen.covariates if chosen is not None else ():
        if name not in spec.analysis.covariates:
            message = f"names {name!r}, which analysis.covariates does not"
            hint = "Adjust for what was balanced: a test that does not would be conservative."
            yield Fault(("assignment", "rerandomised", "covariates"), message, hint)


def split_advice(spec: Spec) -> Iterator[Fault]:
    """What of the split is allowed but probably not meant."""
    ranged = False
    for i, phase in enumerate(spec.assignment.phases):
        if ranged and phase.weights is not None and phase.ranges is None:
            message = "bring the formula's intervals back: customers change variant who need not"
            hint = "`abtest plan --diff OLD NEW --write-ranges` writes ranges for this phase too."
            yield Fault(("assignment", "phases", i, "weights"), message, hint)
        ranged = phase.ranges is not None or (ranged and phase.weights is None)


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
    weights = weights_of(spec)
    for i, phase in enumerate(spec.assignment.phases):
        path = ("assignment", "phases", i)
        broken = list(_weights(spec, phase, i))
        yield from broken
        weights = {} if broken else phase.weights or weights
        yield from _ranges(spec, phase, i, weights)
        if phase.coverage is None and phase.weights is None and phase.ranges is None:
            yield Fault(path, "changes nothing; it must set coverage, weights or ranges")
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


def _ranges(spec: Spec, phase: Phase, index: int, weights: Mapping[str, int]) -> Iterator[Fault]:
    """What is wrong with a phase's ranges; nothing is said of weights that are at fault."""
    if phase.ranges is None:
        return
    names = list(weights_of(spec))
    path = ("assignment", "phases", index, "ranges")
    if spec.assignment.stratify is not None:
        yield Fault(path, "have no effect with stratify, which deals variants out in blocks")
    unknown = [name for name in phase.ranges if names and name not in names]
    for name in unknown:
        yield Fault((*path, name), "is no variant", nearest(name, names))
    if unknown or not any(weights.values()):
        return
    hint = "`abtest plan --diff OLD NEW --write-ranges` writes ranges that fit."
    for name, message in range_faults(phase.ranges, weights):
        yield Fault((*path, name) if name else path, message, hint)
