"""What must hold between experiments that run side by side."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from abtest.errors import Fault, SpecError
from abtest.spec.assignable import experiment_in
from abtest.spec.layers import layers_for, salts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.spec.load import LoadedSpec


def faults_between(specs: Sequence[LoadedSpec]) -> list[Fault]:
    """Every fault that shows only when specs are seen together, and with their layers."""
    faults = [fault for spec in specs for fault in _alone(spec)]
    for one, other in itertools.combinations(specs, 2):
        faults += (other.document.placed(fault) for fault in _pair(one, other))
    return faults


def _alone(loaded: LoadedSpec) -> Iterator[Fault]:
    """Faults of one spec with its ``layers.yaml``."""
    try:
        layers = layers_for(loaded.folder)
    except SpecError as error:
        yield from error.faults
        return
    seed, path = loaded.spec.seed, _seed_path(loaded)
    owners = {key: f"layer {key}" for key in layers.layers} | salts_of(layers)
    if seed in owners:
        message = f"is {seed!r}, which is also the name or salt of {owners[seed]}"
        hint = "With one salt for both, the same units always come first in both: set another seed."
        yield loaded.document.placed(Fault(path, message, hint))
        return
    try:
        experiment_in(loaded, blocked=True)
    except SpecError as error:
        yield from error.faults


def _pair(one: LoadedSpec, other: LoadedSpec) -> Iterator[Fault]:
    name = one.document.file or one.spec.key
    if one.spec.seed == other.spec.seed:
        message = f"is {other.spec.seed!r}, which is also the salt of {name}"
        hint = "With one salt for both, each unit gets the same variant in both: set another seed."
        yield Fault(_seed_path(other), message, hint)
    mine, theirs = one.spec.assignment.layer, other.spec.assignment.layer
    if mine is None or theirs is None or mine.key != theirs.key or _apart(one, other):
        return
    for (first, last), (start, end) in itertools.product(mine.slots, theirs.slots):
        if first <= end and start <= last:
            both = f"[{max(first, start)}, {min(last, end)}]"
            message = f"share {both} of layer {mine.key} with {name}"
            hint = "Slots are free again once the other experiment's enrol_until is past."
            yield Fault(("assignment", "layer", "slots"), message, hint)


def _apart(one: LoadedSpec, other: LoadedSpec) -> bool:
    """Whether one's enrolment ends before the other's begins, so that slots may be reused.

    Days are compared as written: experiments of one layer share a zone.
    """
    first, second = one.spec.schedule, other.spec.schedule
    return any(
        a.enrol_until is not None and b.start is not None and a.enrol_until <= b.start
        for a, b in ((first, second), (second, first))
    )


def _seed_path(loaded: LoadedSpec) -> tuple[str, ...]:
    return ("assignment", "seed") if loaded.spec.assignment.seed else ("key",)
