"""``backlog.yaml``: why customers leave, and what might be done about it, before any experiment.

reasons:
  forgot: {title: They forget us between two orders, share: 0.4, evidence: exit survey of March}
hypotheses:
  - {key: reminder, title: A reminder by SMS brings them back, reason: forgot, kind: messaging,
     metric: repeat_purchase, value: 60000, cost: 4000, weeks: 6}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from abtest.errors import Fault
from abtest.fields import Block, Key
from abtest.spec.experiment import Kind
from abtest.spec.faults import nearest
from abtest.spec.side_file import read_block

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "backlog.yaml"
Title = Annotated[str, Field(min_length=1)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Reason(Block):
    """Why customers leave."""

    title: Title
    """In one sentence."""
    share: Share | None = None
    """The share of those who left to whom it applies."""
    evidence: str | None = None
    """Where that is known from: a survey, calls, a query."""


class Hypothesis(Block):
    """Something that may work, and what is known of it before it is tried."""

    key: Key
    """Its name."""
    title: Title
    """In one sentence: what will change, and what customers will then do."""
    reason: Key | None = None
    """The reason, of those above, that it is about."""
    kind: Kind
    """What kind of experiment tests it."""
    metric: Key
    """The kind of metric that decides, such as repeat_purchase."""
    desired_change: Literal["increase", "decrease"] = "increase"
    """Which way the metric should go."""
    needs: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """It works where the metric changes by more than this share; 0.02 is 2%."""
    probability: Share | None = None
    """The chance that it works, where past experiments do not say."""
    value: Amount
    """What it is worth if it works, over the time that you plan for."""
    cost: Amount = 0.0
    """What trying it costs."""
    weeks: Annotated[float, Field(gt=0)]
    """Weeks until the answer: enrolment, window and lag; `abtest plan` says it."""
    experiment: Key | None = None
    """The key of the experiment that tests it, once there is one."""


class Backlog(Block):
    """What might be tried."""

    currency: str | None = None
    """Of values and costs."""
    reasons: dict[Key, Reason] = {}
    """Why customers leave, by key."""
    hypotheses: tuple[Hypothesis, ...]
    """What may help."""


def load_backlog(path: Path) -> Backlog:
    """Read and check a ``backlog.yaml``.

    Raises:
        SpecError: The file is at fault; the error lists every fault with its line.
    """
    return read_block(path, Backlog, _faults)


def _faults(backlog: Backlog) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, hypothesis in enumerate(backlog.hypotheses):
        path = ("hypotheses", place)
        if hypothesis.key in seen:
            yield Fault((*path, "key"), f"is {hypothesis.key!r} again; each needs its own")
        seen.add(hypothesis.key)
        if hypothesis.reason is not None and hypothesis.reason not in backlog.reasons:
            hint = nearest(hypothesis.reason, list(backlog.reasons))
            yield Fault((*path, "reason"), f"is {hypothesis.reason!r}, which is no reason", hint)
