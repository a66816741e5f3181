"""What planning takes for granted: how many units come, and what each metric normally is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abtest.fields import Block, Key
from abtest.spec.times import IsoDate

Positive = Annotated[float, Field(gt=0)]


class Baseline(Block):
    """What a metric is without the experiment, where no history says it."""

    value: float
    """The metric's value: a share, a mean, or a ratio of sums."""
    sd: Annotated[float, Field(ge=0)] | None = None
    """The standard deviation of one unit; for a ratio, of its linearised value. A share needs
    none."""
    correlation: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Of the outcome with what the analysis adjusts for."""
    known: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of units of which it is known what they did before."""
    eligible: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of entering units that can have the outcome at all."""


class ClusterPlan(Block):
    """How units hang together, where whole clusters are split."""

    mean_size: Annotated[float, Field(ge=1)]
    """Mean units of a cluster."""
    icc: Annotated[float, Field(ge=0, le=1)]
    """The intraclass correlation: how alike units of one cluster are."""
    size_cv: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of the cluster sizes over their mean."""


class Planning(Block):
    """What planning takes for granted."""

    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """The chance of finding an effect as large as a metric's `mde`."""
    units_per_week: Positive | None = None
    """Units that can be enrolled in a week; a history says it too."""
    units: Positive | None = None
    """All units of a list that is written to at once, instead of units_per_week."""
    latest: IsoDate | None = None
    """The day by which there must be an answer; one year after the start where none is given."""
    baselines: dict[Key, Baseline] = {}
    """By metric, where there is no history to read them off."""
    clusters: ClusterPlan | None = None
    """How alike units of a cluster are; needed where `cluster` is set."""
