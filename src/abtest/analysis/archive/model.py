"""What the archive says: ``abtest-archive/v1``."""

from __future__ import annotations

import json
from typing import Literal

from abtest.analysis.archive.decisions import HumanDecision  # noqa: TC001 - pydantic reads it
from abtest.analysis.archive.saved_results import Kept
from abtest.analysis.result import Verdict  # noqa: TC001

State = Literal[
    "draft", "frozen", "enrolling", "observing", "readable", "decided", "abandoned", "unknown"
]


class Fault(Kept):
    """A file that the archive could not use.

    Attributes:
        file: Where it is, relative to the folder.
        kind: ``broken`` (one of ours that cannot be read) or ``foreign`` (none of ours).
        problem: What is wrong with it.
    """

    file: str
    kind: Literal["broken", "foreign"]
    problem: str


class Entry(Kept):
    """One experiment.

    Attributes:
        experiment: Its key; None where its spec cannot be read, so that nobody knows it.
        file: Its spec, relative to the folder.
        frozen: Whether its plan is frozen.
        next_on: The date of what comes next; None where that has no date.
        next_what: What comes next.
        first_readable_on: When the first customers' windows are over.
        readable_on: When all of them are.
        result: The newest result, relative to the experiment's folder.
        as_of: Up to when its data were complete.
        verdict: What it recommends.
        decision: What was decided.
        decided: The decision in one sentence.
        report: The page that ``abtest analyze`` wrote, relative to the folder.
    """

    experiment: str | None
    title: str | None = None
    kind: str | None = None
    owner: str | None = None
    file: str
    state: State
    frozen: bool
    next_on: str | None = None
    next_what: str | None = None
    start: str | None = None
    enrol_until: str | None = None
    first_readable_on: str | None = None
    readable_on: str | None = None
    result: str | None = None
    as_of: str | None = None
    verdict: Verdict | None = None
    variant: str | None = None
    reason: str | None = None
    decision: HumanDecision | None = None
    decided: str | None = None
    report: str | None = None


class PastLift(Kept):
    """One variant's effect on a primary metric, as it was seen and as it should be believed.

    Attributes:
        pooled: Whether it is in the meta-analysis: one lift of each experiment and kind of metric,
            the first in the spec's order, because variants share a control.
        won: Whether the result recommends to ship this variant.
        shrunk_lift: The lift drawn to the mean of its pool, by as much as it is uncertain.
        conditional_lift: A winner's lift corrected for having been significant; None for others.
        forecast_lift: What the spec set out to find (``mde``), with its direction.
        prior_mean: Mean of the prior on the log lift that the analysis used.
        prior_sd: Its standard deviation.
    """

    experiment: str
    kind: str
    metric: str
    metric_kind: str
    desired_change: str
    variant: str
    as_of: str | None
    n: int
    n_control: int | None
    log_lift: float
    log_lift_se: float
    lift: float
    lift_low: float
    lift_high: float
    pooled: bool
    won: bool
    shrunk_lift: float | None = None
    shrunk_low: float | None = None
    shrunk_high: float | None = None
    conditional_lift: float | None = None
    forecast_lift: float | None = None
    prior_mean: float | None = None
    prior_sd: float | None = None


class KindSummary(Kept):
    """How often experiments of a kind win.

    Attributes:
        experiments: How many there are.
        read: How many have a result that says something: valid, with a verdict.
        won: How many of those recommend to ship.
        win_rate: won / read; None where none was read.
        win_rate_low: Lower end of Wilson's 95% interval.
        win_rate_high: Upper end.
        shipped: How many were decided to ship.
        against: How many were decided against the recommendation.
    """

    kind: str
    experiments: int
    read: int
    won: int
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    shipped: int
    against: int


class Pool(Kept):
    """The meta-analysis of one kind of experiment and one kind of metric.

    Lifts are relative (0.05 is 5%); ``log_mean`` and ``tau`` are on the scale of log lifts.

    Attributes:
        k: How many experiments.
        lift: The mean lift, exp(log_mean) - 1, with its interval.
        prediction_low: Lower end of where the next experiment's true lift lies.
        forecasts: How many of them had an ``mde``.
        forecast_lift: The mean of those.
        realised_lift: The mean lift of the same experiments.
        reached: How many of them reached their forecast, going by the shrunken lift.
        prior_inside: How many lifts lay where the analysis' own prior expected 95% of them.
        prior_of: Out of how many.
    """

    kind: str
    metric_kind: str
    desired_change: str
    k: int
    experiments: tuple[str, ...]
    log_mean: float
    log_se: float
    tau: float | None
    lift: float
    lift_low: float
    lift_high: float
    prediction_low: float | None
    prediction_high: float | None
    q: float
    df: int
    q_pvalue: float | None
    i2: float | None
    forecasts: int
    forecast_lift: float | None
    realised_lift: float | None
    reached: int
    prior_inside: int
    prior_of: int


class PastPrior(Kept):
    """A prior N(mean, sd^2) on the log lift, for the next experiment of a kind.

    Attributes:
        k: How many experiments it was estimated from.
        experiments: Which: none of them may use it.
        how: ``archive`` (20 or more) or ``shrunk`` (fewer: drawn to N(0, 0.05^2)).
    """

    kind: str
    metric_kind: str
    desired_change: str
    mean: float
    sd: float
    k: int
    experiments: tuple[str, ...]
    how: Literal["archive", "shrunk"]


class Archive(Kept):
    """The whole archive."""

    schema_: Literal["abtest-archive/v1"] = "abtest-archive/v1"
    on: str
    abtest_version: str
    ci_level: float
    left_out: tuple[str, ...] = ()
    experiments: tuple[Entry, ...]
    kinds: tuple[KindSummary, ...]
    pools: tuple[Pool, ...]
    lifts: tuple[PastLift, ...]
    priors: tuple[PastPrior, ...]
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> str:
        """The archive as JSON, indented by two."""
        data = self.model_dump(mode="json")
        data = {"schema": data.pop("schema_"), **data}
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
