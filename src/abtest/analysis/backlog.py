"""What to try next: hypotheses ranked by what they can be expected to bring per week."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

from abtest.analysis.archive.model import State  # noqa: TC001 - pydantic reads it
from abtest.analysis.archive.saved_results import Kept
from abtest.stats.bayes.normal import Normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.archive import Archive
    from abtest.analysis.archive.model import Entry
    from abtest.spec.backlog import Backlog, Hypothesis

Source = Literal["archive", "backlog", "default"]

DEFAULT = Normal(0.0, 0.05)
"""The prior on the log lift where neither the archive nor the team says anything."""
_OPEN = ("draft", "frozen")


class Ranked(Kept):
    """One hypothesis, with what can be expected of it.

    Attributes:
        rank: Its place, 1 for the best; None where an experiment has answered it or is about to.
        reason: Why customers leave that it is about, as the backlog words it.
        probability: The chance that it works.
        source: Where that is from: past experiments, the backlog, or N(0, 0.05^2) on the log lift.
        past: How many past experiments that is.
        expected: probability * value - cost.
        per_week: The same per week until the answer, which ranks.
        experiment: The experiment that tests it.
        state: Where that one stands.
    """

    rank: int | None
    hypothesis: str
    title: str
    reason: str | None
    kind: str
    metric: str
    probability: float
    source: Source
    past: int = 0
    value: float
    cost: float
    weeks: float
    expected: float
    per_week: float
    experiment: str | None = None
    state: State | None = None


class OpenReason(Kept):
    """A reason why customers leave about which nothing is being tried.

    Attributes:
        share: The share of those who left to whom it applies.
    """

    reason: str
    title: str
    share: float | None


class RankedBacklog(Kept):
    """The backlog, the best first.

    Attributes:
        hypotheses: Those that wait, by rank, then those that experiments are about.
        open_reasons: Reasons without a hypothesis, the most frequent first.
        drafts: Experiments that have not begun and that no hypothesis names, so that nobody has
            said what they are worth.
    """

    schema_: Literal["abtest-backlog/v1"] = "abtest-backlog/v1"
    on: str
    currency: str | None
    hypotheses: tuple[Ranked, ...]
    open_reasons: tuple[OpenReason, ...]
    drafts: tuple[str, ...]

    def to_json(self) -> str:
        """The backlog as JSON, indented by two."""
        data = self.model_dump(mode="json")
        data = {"schema": data.pop("schema_"), **data}
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def rank_backlog(backlog: Backlog, archive: Archive) -> RankedBacklog:
    """Rank what has not been tried.

    By (probability * value - cost) / weeks: one experiment after the other, this order brings the
    most the earliest (Smith 1956, Naval Research Logistics Quarterly 3, 59-66).

    Args:
        backlog: The hypotheses.
        archive: Past experiments, whose priors say how often something like it works, and where
            each experiment stands.
    """
    states = {entry.experiment: entry for entry in archive.experiments if entry.experiment}
    found = [
        _read(one, backlog, archive, states.get(one.experiment or "")) for one in backlog.hypotheses
    ]
    waiting = sorted(
        (one for one in found if one.state in (None, *_OPEN)),
        key=lambda one: (-one.per_week, one.hypothesis),
    )
    ranked = [one.model_copy(update={"rank": place}) for place, one in enumerate(waiting, 1)]
    return RankedBacklog(
        on=archive.on,
        currency=backlog.currency,
        hypotheses=(*ranked, *(one for one in found if one.state not in (None, *_OPEN))),
        open_reasons=tuple(_open_reasons(backlog)),
        drafts=tuple(_drafts(backlog, archive.experiments)),
    )


def _read(one: Hypothesis, backlog: Backlog, archive: Archive, entry: Entry | None) -> Ranked:
    probability, source, past = _probability(one, archive)
    expected = probability * one.value - one.cost
    return Ranked(
        rank=None,
        hypothesis=one.key,
        title=one.title,
        reason=backlog.reasons[one.reason].title if one.reason is not None else None,
        kind=one.kind,
        metric=one.metric,
        probability=probability,
        source=source,
        past=past,
        value=one.value,
        cost=one.cost,
        weeks=one.weeks,
        expected=expected,
        per_week=expected / one.weeks,
        experiment=one.experiment,
        state=entry.state if entry is not None else None,
    )


def _probability(one: Hypothesis, archive: Archive) -> tuple[float, Source, int]:
    """The chance that it works: by past experiments of its kind, else as the backlog says it."""
    wanted = (one.kind, one.metric, one.desired_change)
    for prior in archive.priors:
        own = one.experiment in prior.experiments
        if (prior.kind, prior.metric_kind, prior.desired_change) == wanted and not own:
            return _beyond(one, Normal(prior.mean, prior.sd)), "archive", prior.k
    if one.probability is not None:
        return one.probability, "backlog", 0
    return _beyond(one, DEFAULT), "default", 0


def _beyond(one: Hypothesis, prior: Normal) -> float:
    """The chance of a lift that is larger than what is needed, in the desired direction."""
    if one.desired_change == "decrease":
        return 1 - prior.above(math.log1p(-one.needs))
    return prior.above(math.log1p(one.needs))


def _open_reasons(backlog: Backlog) -> Iterator[OpenReason]:
    about = {one.reason for one in backlog.hypotheses}
    left = [(key, reason) for key, reason in backlog.reasons.items() if key not in about]
    for key, reason in sorted(left, key=lambda pair: -(pair[1].share or 0.0)):
        yield OpenReason(reason=key, title=reason.title, share=reason.share)


def _drafts(backlog: Backlog, entries: Sequence[Entry]) -> Iterator[str]:
    named = {one.experiment for one in backlog.hypotheses}
    for entry in entries:
        if entry.experiment and entry.state in _OPEN and entry.experiment not in named:
            yield entry.experiment
