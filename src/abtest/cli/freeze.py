"""abtest freeze: write down the plan before anybody looks."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from abtest.cli.formats import ToldAs, tell
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time


def freeze(
    spec: SpecFile,
    on: Annotated[
        str | None, typer.Option(help="When it is frozen: 2026-01-04, or a time; now by default.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(
            help="Data from before the start: orders=orders.parquet. May be repeated. It gives "
            "`winsorize: {upper, from: history}` its cap, and a skewed mean with a small variant "
            "the test that decides it."
        ),
    ] = None,
    history_end: Annotated[
        str | None,
        typer.Option(help="Up to when the history is complete; the schedule's start by default."),
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(min=1, help="How many will be enrolled; as many as history has by default."),
    ] = None,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Freeze the plan: write experiment.lock.json (for experiment.yaml) beside the spec.

    It holds every value that may not move once results can be seen. `abtest analyze` finds it,
    compares, and exits with 5 where the spec differs and `abtest amend` was not told why. Commit it
    with the spec.
    """
    from abtest import __version__
    from abtest.analysis.analyze import check_spec
    from abtest.analysis.archive.past_priors import archive_values
    from abtest.analysis.frozen_plan.fixing import Earlier, fixed_by_history
    from abtest.cli.clock import check_moment, past_moment
    from abtest.cli.output import write_text
    from abtest.cli.tables import named_tables
    from abtest.errors import AbtestError
    from abtest.spec import draft_spec
    from abtest.spec.lock import lock_path, new_lock
    from abtest.spec.plan_values import plan_values

    if history_end is not None:
        check_moment(history_end, "--history-end")
    path = lock_path(spec)
    if path.exists():
        raise AbtestError(
            f"{path} is already there; a frozen plan is not frozen again\n"
            f'  Hint: say what changed and why: abtest amend {shlex.quote(str(spec))} --why "..."'
        )
    loaded = check_spec(draft_spec(spec), {}, to_analyze=False).require()
    named = loaded.spec.data
    tables = [*named.events, *(["units"] if named.units is not None else [])]
    earlier = Earlier(named_tables(history or [], tables), history_end, units)
    fixed = fixed_by_history(loaded, earlier)
    lock = new_lock(
        {**plan_values(loaded.spec), **archive_values(loaded)},
        fixed,
        experiment=loaded.spec.key,
        frozen_on=past_moment(on, loaded.spec.schedule.timezone),
        version=__version__,
    )
    write_text(path, lock.text(), [spec])
    lines = [f"{name}: {value}" for name, value in sorted(fixed.items())]
    data = {"file": str(path), "frozen_on": lock.frozen_on, "sha256": lock.sha256, "fixed": fixed}
    tell(format, "\n".join([*lines, f"Wrote {path}; commit it with the spec"]), data)
