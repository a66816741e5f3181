"""What a change of the split would do: ``abtest plan --diff``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from abtest.assignment import Experiment
    from abtest.assignment.parts import Split
    from abtest.assignment.ranges import Ranges


def plan_diff(
    diff: tuple[Path, Path],
    units: int | None,
    *,
    write_ranges: bool,
    output: Path | None,
) -> None:
    """Print how many customers would change variant between two versions of a spec.

    The split of each version is that of its last phase. Who is enrolled already keeps the variant
    that was logged; these are the shares that would switch if the formula were asked again, and the
    least that any change to these weights must move. ``write_ranges`` prints ranges for the last
    phase that reach it; ``output`` is where the new spec is written with them.
    """
    from abtest.assignment.switching import fewest_moves, ranges_in, switching
    from abtest.errors import AbtestError
    from abtest.spec.assignable import load_experiment

    old, new = (load_experiment(path) for path in diff)
    if old.seed != new.seed:
        raise AbtestError(
            f"the salts differ ({old.seed!r} and {new.seed!r}): every customer is drawn anew\n"
            "  Hint: never change the seed, or the key where there is no seed, of a running "
            "experiment."
        )
    before, after = _last(old), _last(new)
    _print_switching(before, after, units)
    if not write_ranges and output is None:
        return
    _check_one_new_phase(before, new)
    weights = dict(zip(after.names, after.weights, strict=True))
    ranges = fewest_moves(ranges_in(before), weights)
    share = switching(ranges_in(before), ranges).switched
    typer.echo(f"switch with these ranges: {_share(share, units)}")
    _write(ranges, diff, output)


def _print_switching(before: Split, after: Split, units: int | None) -> None:
    from abtest.assignment.switching import ranges_in, switching

    found = switching(ranges_in(before), ranges_in(after))
    for name in before.names:
        leaving = _share(found.leaving(name), units, " of enrolled customers leave it")
        typer.echo(f"{name}: {leaving}")
        for (source, target), share in found.flows.items():
            if source == name != target:
                typer.echo(f"  to {target}: {_share(share, units)}")
    how = "under the plain formula" if after.ranges is None else "with the ranges of the new spec"
    typer.echo(f"switch {how}: {_share(found.switched, units)}")
    typer.echo(f"unavoidable with these weights: {_share(found.minimum, units)}")
    coverage, raised = before.coverage_parts, after.coverage_parts
    if coverage != raised:
        moved = "moves nobody" if raised > coverage else "puts customers out who were in"
        typer.echo(f"coverage {coverage / 10_000:.2%} to {raised / 10_000:.2%}: {moved}")


def _share(share: Fraction, units: int | None, what: str = "") -> str:
    text = f"{float(share):.2%}{what}"
    return text if units is None else f"{text} (about {round(share * units):,} of {units:,})"


def _last(experiment: Experiment) -> Split:
    """The split of the last phase."""
    at = experiment.phases[-1].start if experiment.phases else None
    return experiment.in_force(at)[1]


def _check_one_new_phase(before: Split, new: Experiment) -> None:
    """Ranges are for one phase, and the phase before it must be what is running."""
    from abtest.assignment.switching import ranges_in, switching
    from abtest.errors import AbtestError

    if not new.phases or (new.phases[-1].weights is None and new.phases[-1].ranges is None):
        raise AbtestError(
            "the last phase of the new spec changes no weights, so there is nothing to write "
            "ranges for\n"
            "  Hint: add a phase with `from` and `weights`; a variant that joins in it is declared "
            "among the variants with weight 0."
        )
    _, running = new.in_force(new.phases[-1].start - timedelta(microseconds=1))
    if switching(ranges_in(before), ranges_in(running)).switched:
        raise AbtestError(
            "the split before the last phase of the new spec is not the last one of the old spec; "
            "it must be\n"
            "  Hint: leave what is running as it is, and plan one phase at a time."
        )


def _write(ranges: Mapping[str, Ranges], diff: tuple[Path, Path], output: Path | None) -> None:
    from abtest.cli.output import write_text
    from abtest.spec.range_text import ranges_lines, with_ranges

    if output is None:
        typer.echo("Paste this into the last phase of the new spec:\n")
        typer.echo("\n".join(ranges_lines(ranges)))
        return
    text = diff[1].read_bytes().decode("utf-8-sig")
    write_text(output, with_ranges(text, ranges), diff)
    typer.echo(f"Wrote {output}", err=True)
