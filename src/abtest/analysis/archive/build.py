"""From experiments to the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest import __version__
from abtest.analysis.archive.lifts import (
    CI_LEVEL,
    lifts_in,
    pool_key,
    pool_of,
    pooled_by_kind,
    prior_of,
    shrunk,
)
from abtest.analysis.archive.model import Archive, Entry, KindSummary
from abtest.analysis.archive.reading import read_folder
from abtest.analysis.archive.states import Dates, dates_of, standing_of
from abtest.stats.estimates import proportion_estimate
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from abtest.analysis.archive.model import Fault
    from abtest.analysis.archive.reading import Archived


def archive_folder(folder: Path, on: str, leave_out: Collection[str] = ()) -> Archive:
    """The archive of all experiments under a folder.

    Args:
        folder: Where the experiments are.
        on: The day on which it is asked, as an ISO date.
        leave_out: Keys of experiments whose lifts are not pooled: those that will use the priors.

    Returns:
        The archive, with every file that could not be used.

    Raises:
        DataError: There is no such folder.
    """
    found, faults = read_folder(folder)
    return archive_of(found, on, faults, leave_out)


def archive_of(
    experiments: Sequence[Archived],
    on: str,
    faults: Sequence[Fault] = (),
    leave_out: Collection[str] = (),
) -> Archive:
    """The archive of experiments that were read already; see `archive_folder`."""
    known = [one for one in experiments if one.spec is None or one.spec.key not in leave_out]
    lifts = [lift for one in known for lift in lifts_in(one)]
    pools = pooled_by_kind(lifts)
    priors = {key: prior_of(key, pooled) for key, pooled in pools.items()}
    believed = []
    for lift in lifts:
        key = pool_key(lift.kind, lift.metric_kind, lift.desired_change)
        believed.append(shrunk(lift, priors[key]) if key in priors else lift)
    return Archive(
        on=on,
        abtest_version=__version__,
        ci_level=CI_LEVEL,
        left_out=tuple(sorted(leave_out)),
        experiments=tuple(_entry(one, on) for one in experiments),
        kinds=tuple(_summaries(experiments, on)),
        pools=tuple(pool_of(key, pool) for key, pool in pooled_by_kind(believed).items()),
        lifts=tuple(believed),
        priors=tuple(priors.values()),
        faults=tuple(faults),
    )


def _entry(archived: Archived, on: str) -> Entry:
    spec, newest, decision = archived.spec, archived.newest, archived.decision(on)
    if spec is None:
        standing = standing_of(archived, Dates(), on)
        return Entry(
            experiment=None,
            file=archived.file,
            state=standing.state,
            frozen=archived.frozen,
            next_what=standing.next_what,
            decision=decision,
            decided=decision.sentence() if decision else None,
        )
    dates = dates_of(spec, newest)
    standing = standing_of(archived, dates, on)
    return Entry(
        experiment=spec.key,
        title=spec.title,
        kind=spec.kind,
        owner=spec.owner,
        file=archived.file,
        state=standing.state,
        frozen=archived.frozen,
        next_on=standing.next_on,
        next_what=standing.next_what,
        start=dates.start,
        enrol_until=dates.enrol_until,
        first_readable_on=dates.first_readable,
        readable_on=dates.readable,
        result=archived.results[-1][0] if archived.results else None,
        as_of=newest.as_of if newest else None,
        verdict=newest.decision.verdict if newest else None,
        variant=newest.decision.variant if newest else None,
        reason=newest.decision.reason if newest else None,
        decision=decision,
        decided=decision.sentence() if decision else None,
        report=archived.report,
    )


def _summaries(experiments: Sequence[Archived], on: str) -> list[KindSummary]:
    kinds = sorted({one.spec.kind for one in experiments if one.spec is not None})
    return [
        _summary(kind, [one for one in experiments if one.spec and one.spec.kind == kind], on)
        for kind in kinds
    ]


def _summary(kind: str, experiments: Sequence[Archived], on: str) -> KindSummary:
    verdicts = [one.newest.decision.verdict for one in experiments if one.newest is not None]
    read = [verdict for verdict in verdicts if verdict not in (None, "invalid")]
    decisions = [found for one in experiments if (found := one.decision(on)) is not None]
    won = read.count("ship")
    estimate = proportion_estimate(Proportion(len(read), won), CI_LEVEL)
    return KindSummary(
        kind=kind,
        experiments=len(experiments),
        read=len(read),
        won=won,
        win_rate=estimate.value,
        win_rate_low=estimate.ci.low if estimate.ci else None,
        win_rate_high=estimate.ci.high if estimate.ci else None,
        shipped=sum(decision.verdict == "ship" for decision in decisions),
        against=sum(decision.against for decision in decisions),
    )
