"""From a spec to the prepared experiment that assigns units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abtest.assignment import Experiment
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule
from abtest.errors import AssignmentError, Fault, SpecError
from abtest.flags import Flag
from abtest.instants import parse_instant
from abtest.spec.cells import cells, weights_of
from abtest.spec.faults import nearest
from abtest.spec.layers import Layers, layers_for
from abtest.spec.load import load_spec

if TYPE_CHECKING:
    from os import PathLike

    from abtest.spec.experiment import Spec
    from abtest.spec.load import LoadedSpec


def load_experiment(path: str | PathLike[str]) -> Experiment:
    """The prepared experiment of a spec's file; ``Experiment.from_spec`` calls this.

    Raises:
        SpecError: The spec or its ``layers.yaml`` is at fault, or the spec is stratified.
    """
    return experiment_in(load_spec(Path(path)))


def load_flag(path: str | PathLike[str]) -> Flag:
    """The flag of a spec's file; ``Flag.from_spec`` calls this.

    Raises:
        SpecError: The spec or its ``layers.yaml`` is at fault, or the spec is stratified.
    """
    loaded = load_spec(Path(path))
    spec = loaded.spec
    payloads: dict[str, Any]
    if spec.factors is not None:
        payloads = dict(cells(spec.factors))
    else:
        payloads = {variant.key: variant.payload for variant in spec.variants or ()}
    return Flag(
        experiment_in(loaded),
        payloads,
        fingerprint=spec.fingerprint(),
        unit=spec.unit or "",
        cluster=spec.cluster,
    )


def experiment_in(loaded: LoadedSpec, *, blocked: bool = False) -> Experiment:
    """The prepared experiment of a loaded spec, with the ``layers.yaml`` above its folder.

    Args:
        loaded: The spec.
        blocked: Whether the caller assigns a whole list in blocks. Only then may the spec be
            stratified: one unit by itself has no place in a block.

    Raises:
        SpecError: The spec is at fault, with its line.
    """
    if loaded.spec.assignment.stratify is not None and not blocked:
        raise SpecError([loaded.document.placed(_stratified())])
    try:
        return experiment_of(loaded.spec, layers_for(loaded.folder))
    except SpecError as error:
        if any(fault.file for fault in error.faults):
            raise
        raise SpecError([loaded.document.placed(fault) for fault in error.faults]) from error


def experiment_of(spec: Spec, layers: Layers | None = None) -> Experiment:
    """The prepared experiment of a spec.

    Args:
        spec: The spec.
        layers: The layers and the holdout that it shares with others, or None for none.

    Raises:
        SpecError: The spec names a layer that is not declared, or parts that do not fit.
    """
    layers = layers or Layers()
    weights = weights_of(spec)
    holdout = layers.holdout
    try:
        return Experiment(
            spec.key,
            list(weights.items()),
            seed=spec.seed,
            coverage_parts=_parts(spec.assignment.coverage),
            layer=_layer(spec, layers),
            holdout=None if holdout is None else Holdout(holdout.salt, _parts(holdout.share)),
            overrides=spec.assignment.overrides,
            phases=_phases(spec, tuple(weights)),
            schedule=_schedule(spec),
        )
    except AssignmentError as error:
        raise SpecError([Fault(("assignment",), str(error))]) from error


def hashed_column(spec: Spec) -> str:
    """The column that is hashed: the cluster where there is one, else the unit.

    Raises:
        SpecError: The spec has no unit.
    """
    if spec.unit is None:
        raise SpecError([Fault(("unit",), "is null; only units with an id can be assigned")])
    return spec.cluster or spec.unit


def _stratified() -> Fault:
    return Fault(
        ("assignment", "stratify"),
        "asks for blocks over a whole list, which one unit or one statement cannot see",
        "Assign the list with `abtest assign`; the file that it writes is the truth.",
    )


def _parts(share: float) -> int:
    return round(share * 10_000)


def _layer(spec: Spec, layers: Layers) -> Layer | None:
    wanted = spec.assignment.layer
    if wanted is None:
        return None
    block = layers.layers.get(wanted.key)
    if block is None:
        hint = nearest(wanted.key, list(layers.layers)) or "Declare it in experiments/layers.yaml."
        message = f"is {wanted.key!r}, which no layers.yaml above the spec declares"
        raise SpecError([Fault(("assignment", "layer", "key"), message, hint)])
    if block.unit != hashed_column(spec):
        message = f"is of units {block.unit!r}; the spec hashes {hashed_column(spec)!r}"
        raise SpecError([Fault(("assignment", "layer", "key"), message)])
    # The YAML names the last slot, the code the first one that is too high.
    return Layer(block.salt, [(first, last + 1) for first, last in wanted.slots])


def _phases(spec: Spec, names: tuple[str, ...]) -> list[Phase]:
    return [
        Phase(
            parse_instant(phase.from_, spec.schedule.timezone),
            None if phase.coverage is None else _parts(phase.coverage),
            None if phase.weights is None else [phase.weights[name] for name in names],
            None if phase.ranges is None else [phase.ranges.get(name, ()) for name in names],
        )
        for phase in spec.assignment.phases
    ]


def _schedule(spec: Spec) -> Schedule | None:
    zone = spec.schedule.timezone
    start, end = (
        parse_instant(text, zone) if text is not None else None
        for text in (spec.schedule.start, spec.schedule.enrol_until)
    )
    return Schedule(start, end) if start is not None or end is not None else None
