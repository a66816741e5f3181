"""Many replays: on all cores, resumed where a run was interrupted."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from abtest.analysis.rehearsal.replay import Replay
from abtest.analysis.rehearsal.summary import (
    Rehearsal,
    metrics_of,
    money_of_replays,
    rule_lines_of,
    shipped_of,
    verdicts_of,
)
from abtest.analysis.strata import entry_weights
from abtest.methods.bayes import HURDLE
from abtest.spec.variants import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.rehearsal.effects import Planted
    from abtest.analysis.rehearsal.outcomes import Outcomes
    from abtest.spec import Spec

_CHUNK = 8  # replays that a process makes before it reports


def replay_of(spec: Spec, outcomes: Outcomes, planted: tuple[Planted, ...], seed: int) -> Replay:
    """What makes replays of a spec: its metrics that can be replayed, on a plain split.

    Phases, strata, segments and several looks belong to a real run and are left out: see
    `not_rehearsed`. So is the decision in money where the past does not say what units brought.
    """
    replayed = {outcome.metric for outcome in outcomes.metrics}
    columns = outcomes.columns
    analysis = {
        "covariates": columns.covariates if columns is not None else (),
        "segments": (),
        "sequential": None,
        "bayes": spec.analysis.bayes.model_copy(update={"models": _of_moments(spec)}),
    }
    decision = spec.decision
    if decision is not None and outcomes.amounts is None:
        decision = decision.model_copy(update={"value": None})
    changed = {
        "metrics": tuple(metric for metric in spec.metrics if metric.key in replayed),
        "assignment": Assignment(),
        "analysis": spec.analysis.model_copy(update=analysis),
        "decision": decision,
    }
    replayed_spec = spec.model_copy(update=changed)
    return Replay(replayed_spec, outcomes, planted, seed, tuple(not_rehearsed(spec, outcomes)))


def _of_moments(spec: Spec) -> dict[str, str]:
    """The Bayesian models that need no other reading of a metric than its own."""
    return {key: model for key, model in spec.analysis.bayes.models.items() if model != HURDLE}


def not_rehearsed(spec: Spec, outcomes: Outcomes) -> Iterator[tuple[str, str]]:
    """What of a spec its replays leave out, with the reason."""
    split = spec.assignment
    if split.stratify is not None:
        yield "assignment.stratify", "units are dealt out one by one; strata would narrow intervals"
    if split.rerandomised is not None:
        yield "assignment.rerandomised", "replays use any seed, not the best balanced of several"
    if len(entry_weights(spec)) > 1:
        yield "assignment.phases", "the weights of the spec itself are used throughout"
    if spec.analysis.sequential is not None:
        yield "analysis.sequential", "each replay is read once, at its end"
    if spec.analysis.segments:
        yield "analysis.segments", "segments decide nothing"
    models = [key for key in spec.analysis.bayes.models if key not in _of_moments(spec)]
    if models:
        yield (
            "analysis.bayes.models",
            f"{', '.join(models)} has the default model: {HURDLE} is not replayed",
        )
    known = outcomes.columns.covariates if outcomes.columns is not None else ()
    missing = [key for key in spec.analysis.covariates if key not in known]
    if missing:
        yield "analysis.covariates", f"the history does not have {', '.join(missing)}"
    if spec.decision is not None and spec.decision.value is not None and outcomes.amounts is None:
        yield "decision.value", "the history does not say what units brought"


def replays(
    replay: Replay, numbers: Sequence[int], *, processes: int = 1
) -> Iterator[dict[str, Any]]:
    """Make replays, in the order of their numbers.

    Args:
        replay: What makes them.
        numbers: Which ones; replay k is the same whatever else is replayed.
        processes: On how many cores.
    """
    chunks = [list(numbers[i : i + _CHUNK]) for i in range(0, len(numbers), _CHUNK)]
    if processes == 1 or len(chunks) < 2:
        yield from (replay.run(number) for number in numbers)
        return
    # Forking a process that has threads (of the engine) may hang; a new one reads the arrays once.
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, _keep, (replay,)) as pool:
        for made in pool.map(_run, chunks):
            yield from made


_kept: list[Replay] = []


def _keep(replay: Replay) -> None:
    """What a process replays, sent once when it starts."""
    _kept.append(replay)


def _run(numbers: list[int]) -> list[dict[str, Any]]:
    return [_kept[0].run(number) for number in numbers]


def rehearsal_of(replay: Replay, made: Sequence[dict[str, Any]]) -> Rehearsal:
    """What replays come to."""
    spec = replay.spec
    return Rehearsal(
        experiment=spec.key,
        replays=len(made),
        units=replay.outcomes.units,
        alpha=spec.analysis.alpha,
        seed=replay.seed,
        verdicts=verdicts_of(made),
        rule_lines=rule_lines_of(made),
        shipped=shipped_of(made, [variant.key for variant in spec.treatments]),
        metrics=metrics_of(made, replay.planted, spec.analysis.alpha),
        money=money_of_replays(made, replay.money) if replay.money is not None else None,
        left_out=replay.outcomes.left_out,
        not_rehearsed=replay.not_rehearsed,
    )
