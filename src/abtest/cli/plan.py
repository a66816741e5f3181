"""abtest plan: what a change of the split would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from abtest.assignment import Experiment


def plan(
    diff: Annotated[
        tuple[Path, Path],
        typer.Option(help="Two versions of a spec: what its new weights would do to customers."),
    ],
) -> None:
    """Say how many customers would change variant between two versions of a spec.

    The split of each version is that of its last phase. Who is enrolled already keeps the variant
    that was logged; these are the shares that would switch if the plain formula were asked again,
    and the least that any change to these weights must move.
    """
    from abtest.assignment.switching import switching
    from abtest.errors import AbtestError
    from abtest.spec.assignable import load_experiment

    old, new = (load_experiment(path) for path in diff)
    if old.seed != new.seed:
        raise AbtestError(
            f"the salts differ ({old.seed!r} and {new.seed!r}): every customer is drawn anew\n"
            "  Hint: never change the seed, or the key where there is no seed, of a running "
            "experiment."
        )
    (before, coverage), (after, raised) = _last(old), _last(new)
    found = switching(before, after)
    for name in before:
        typer.echo(f"{name}: {float(found.leaving(name)):.2%} of enrolled customers leave it")
        for (source, target), share in found.flows.items():
            if source == name != target:
                typer.echo(f"  to {target}: {float(share):.2%}")
    typer.echo(f"switch under the plain formula: {float(found.switched):.2%}")
    typer.echo(f"unavoidable with these weights: {float(found.minimum):.2%}")
    if coverage != raised:
        moved = "moves nobody" if raised > coverage else "puts customers out who were in"
        typer.echo(f"coverage {coverage / 10_000:.2%} to {raised / 10_000:.2%}: {moved}")


def _last(experiment: Experiment) -> tuple[dict[str, int], int]:
    """Weights and coverage after the last phase."""
    at = experiment.phases[-1].start if experiment.phases else None
    _, split = experiment.in_force(at)
    return dict(zip(split.names, split.weights, strict=True)), split.coverage_parts
