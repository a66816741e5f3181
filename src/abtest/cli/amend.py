"""abtest amend: say why a frozen plan was changed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abtest.cli.formats import ToldAs, tell
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.spec import LoadedSpec
    from abtest.spec.drift import Change
    from abtest.spec.lock import Lock


def amend(
    spec: SpecFile,
    why: Annotated[str, typer.Option(help="Why the plan was changed.")],
    on: Annotated[
        str | None,
        typer.Option(
            help="Since when it holds: 2026-01-12, or a time; now by default. For weights: when "
            "customers first met them."
        ),
    ] = None,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Record how the spec differs from its frozen plan, and why.

    Amendments are added to the lock that `abtest freeze` wrote, and never taken out: results that
    they touch are labelled amended, and show the reason. New weights and coverage hold from the
    given time on, so that the split is judged against what each customer met.
    """
    from abtest.analysis.analyze import check_spec
    from abtest.analysis.archive.past_priors import archive_values
    from abtest.cli.clock import past_moment
    from abtest.cli.output import write_text
    from abtest.errors import AbtestError
    from abtest.spec import draft_spec
    from abtest.spec.drift import changes_of, in_blocks
    from abtest.spec.lock import amended, lock_path, read_lock
    from abtest.spec.weight_history import with_history

    if not why.strip():
        raise typer.BadParameter("--why is empty; it must say why the plan was changed")
    loaded = check_spec(draft_spec(spec), {}, to_analyze=False).require()
    path = lock_path(spec)
    lock = read_lock(path)
    if lock is None:
        hint = f"freeze the plan first: abtest freeze {shlex.quote(str(spec))}"
        raise AbtestError(f"{path} is not there, so there is nothing to amend\n  Hint: {hint}")
    plan = lock.plan_now()
    changes = changes_of(plan, loaded.spec, archive_values(loaded))
    if not changes:
        raise AbtestError(f"{spec} is as {path.name} says: there is nothing to amend")
    _refuse_another(changes, path)
    _refuse_new_caps(changes)
    at = _after_the_last(lock, past_moment(on, loaded.spec.schedule.timezone), loaded)
    lock = amended(lock, changes, on=at, why=why.strip())
    with_history(loaded, lock)  # refuses phases that say something else
    write_text(path, lock.text(), [spec])
    lines = [
        f"{name}: {_shown(change.before)} -> {_shown(change.after)}"
        for name, change in in_blocks(changes, plan).items()
    ]
    data = {
        "file": str(path),
        "amendment": len(lock.amendments),
        "on": at,
        "why": why.strip(),
        "changes": [
            {"path": name, "before": change.before, "after": change.after}
            for name, change in changes.items()
        ],
    }
    lines.append(f"Wrote {path}: amendment {len(lock.amendments)}")
    tell(format, "\n".join(lines), data)


def _after_the_last(lock: Lock, at: str, loaded: LoadedSpec) -> str:
    """The amendment's time; history is added to at its end alone."""
    from abtest.errors import AbtestError
    from abtest.instants import parse_instant

    zone = loaded.spec.schedule.timezone
    last = lock.amendments[-1].on if lock.amendments else lock.frozen_on
    if parse_instant(at, zone) < parse_instant(last, zone):
        raise AbtestError(
            f"{at} is before the last entry of the lock ({last}); an amendment must be later\n"
            "  Hint: history is not rewritten: say when this change was made."
        )
    return at


def _refuse_another(changes: Mapping[str, Change], path: Path) -> None:
    """A key never changes: a lock with another one is another experiment's."""
    from abtest.errors import AbtestError

    if "key" in changes:
        change = changes["key"]
        raise AbtestError(
            f"{path} is the frozen plan of {change.before!r}, not of {change.after!r}\n"
            "  Hint: put the key back, or give each experiment a folder of its own."
        )


def _refuse_new_caps(changes: Mapping[str, Change]) -> None:
    """A cap from history is computed once, when the plan is frozen."""
    from abtest.errors import AbtestError
    from abtest.spec.plan_values import steps_of

    for path, change in changes.items():
        if steps_of(path)[2:] == ("winsorize", "upper") and change.after is not None:
            raise AbtestError(
                f"{path} is {change.after}; caps from history are computed when a plan is frozen, "
                "not when it is amended\n  Hint: write the cap itself: `winsorize: {cap: 480}`"
            )


def _shown(value: object) -> str:
    import json

    return "-" if value is None else json.dumps(value, ensure_ascii=False)
