"""abtest decide: what people made of a result, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from abtest.cli.formats import ToldAs, tell
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from abtest.analysis.archive.decisions import (
        Decided,
        Decisions,
        HumanDecision,
        Recommendation,
    )
    from abtest.spec import LoadedSpec, Spec

Choice = Literal["ship", "rollback", "neutral", "inconclusive"]


def decide(
    spec: SpecFile,
    verdict: Annotated[Choice | None, typer.Option(help="What was decided.")] = None,
    variant: Annotated[
        str | None,
        typer.Option(help="Which variant; needed to ship where the result does not name it."),
    ] = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="The experiment ends without an answer; say why.")
    ] = False,
    why: Annotated[
        str | None,
        typer.Option(help="The reason; needed against the recommendation, and to abandon."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decided.")] = None,
    on: Annotated[
        str | None, typer.Option(help="The day of the decision; today is the default.")
    ] = None,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Record what was decided, beside the result that it was decided on.

    decision.json in the spec's folder is a history: a new decision is added, none is changed. One
    against the recommendation needs --why, is asked for it on a terminal, and is shown as such in
    every report, status and archive of the experiment from then on.
    """
    from abtest.analysis.archive.decisions import FILE, Decisions, read_decisions
    from abtest.cli.clock import past_day
    from abtest.cli.output import write_text
    from abtest.cli.saving import refuse_shared
    from abtest.spec import load_spec

    if (verdict is None) != abandon:
        raise typer.BadParameter("give either --verdict or --abandon")
    loaded = load_spec(spec)
    refuse_shared(spec, FILE)
    history = read_decisions(loaded.folder) or Decisions(experiment=loaded.spec.key)
    _check_owner(history.experiment, loaded.spec, loaded.folder / FILE)
    recommended = _recommended(loaded.spec, loaded.folder, needed=not abandon)
    if on is not None:
        _refuse_earlier(past_day(on), history, loaded)
    told = (why, by, past_day(on))
    found = _decision(loaded.spec, recommended, verdict or "abandoned", variant, told)
    if history.decisions and history.decisions[-1] == found:
        _tell(format, found, loaded.folder / FILE, "Already in")
        return
    grown = history.model_copy(update={"decisions": (*history.decisions, found)})
    write_text(loaded.folder / FILE, grown.to_json(), [spec])
    _tell(format, found, loaded.folder / FILE, "Wrote")


def _tell(told: ToldAs, found: HumanDecision, path: Path, done: str) -> None:
    data = {
        "file": str(path),
        "written": done == "Wrote",
        "decision": found.model_dump(mode="json"),
    }
    tell(told, f"{found.sentence()}\n{done} {path}", data)


def _decision(
    spec: Spec,
    recommended: Recommendation | None,
    verdict: Decided,
    variant: str | None,
    told: tuple[str | None, str | None, str],
) -> HumanDecision:
    """Check what was decided; ``told`` is why, by whom and on which day."""
    from abtest.analysis.archive.decisions import HumanDecision, is_against

    why, by, on = told
    variant = _variant(spec, verdict, variant, recommended)
    against = is_against(verdict, variant, recommended)
    if against or verdict == "abandoned":
        why = why if why and why.strip() else _ask(verdict, recommended if against else None)
    return HumanDecision(
        verdict=verdict,
        variant=variant,
        on=on,
        by=by,
        why=why.strip() or None if why else None,
        against=against,
        recommended=recommended,
    )


def _check_owner(experiment: str, spec: Spec, path: Path) -> None:
    from abtest.errors import AbtestError

    if experiment != spec.key:
        raise AbtestError(
            f"{path} holds the decisions on {experiment!r}, not on {spec.key!r}\n"
            "  Hint: give each experiment a folder of its own."
        )


def _refuse_earlier(on: str, history: Decisions, loaded: LoadedSpec) -> None:
    """Refuse a day before the plan was frozen, or before the last decision."""
    from abtest.analysis.frozen_plan.comparing import lock_of
    from abtest.errors import AbtestError
    from abtest.instants import parse_instant

    lock = lock_of(loaded)
    before = [(one.on, "the last decision") for one in history.decisions[-1:]]
    if lock is not None:
        frozen = parse_instant(lock.frozen_on, loaded.spec.schedule.timezone)
        before.append((frozen.date().isoformat(), "the plan was frozen"))
    for day, what in before:
        if on < day:
            raise AbtestError(
                f"{on} is before {what} ({day}); a decision must be later\n"
                "  Hint: history is not rewritten: say on which day it was decided."
            )


def _recommended(spec: Spec, folder: Path, *, needed: bool) -> Recommendation | None:
    """What the newest saved result recommends."""
    from abtest.analysis.archive.decisions import recommendation_of
    from abtest.analysis.archive.saved_results import FOLDER, saved_results
    from abtest.errors import AbtestError

    results, faults = saved_results(folder)
    if faults and needed:
        raise AbtestError(
            "\n".join(problem for _, problem in faults)
            + "\n  Hint: mend or remove it: it may be the newest result."
        )
    own = [(file, result) for file, result in results.items() if result.experiment == spec.key]
    if not own and needed:
        raise AbtestError(
            f"{folder / FOLDER} holds no result of {spec.key!r} to decide on\n"
            "  Hint: run `abtest analyze` first, or --abandon the experiment."
        )
    return recommendation_of(own[-1][1], own[-1][0]) if own else None


def _variant(
    spec: Spec, verdict: Decided, variant: str | None, recommended: Recommendation | None
) -> str | None:
    """The variant that is meant; the one that is recommended, or the only one, if none is named."""
    names = [one.key for one in spec.treatments]
    if variant is not None:
        if variant not in names:
            raise typer.BadParameter(f"--variant is {variant!r}; it must be {_either(names)}")
        return variant
    if verdict not in ("ship", "rollback"):
        return None
    if recommended is not None and recommended.verdict == verdict:
        return recommended.variant
    if verdict == "ship" and len(names) != 1:
        raise typer.BadParameter(f"--verdict ship needs --variant: {_either(names)}")
    return names[0] if len(names) == 1 else None


def _either(names: list[str]) -> str:
    return " or ".join(names) if names else "left out: nothing is compared"


def _ask(verdict: Decided, against: Recommendation | None) -> str:
    """The reason, from whoever sits at the terminal."""
    import sys

    if against is None:
        needs = "--abandon needs --why"
    else:
        needs = (
            f"{verdict} is against the recommendation of {against.result}, which is "
            f"{against.named}; it needs --why"
        )
    if not sys.stdin.isatty():
        raise typer.BadParameter(needs)
    typer.echo(needs, err=True)
    while True:
        why: str = typer.prompt("Why", err=True)
        if why.strip():
            return why
