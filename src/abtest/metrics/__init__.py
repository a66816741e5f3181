"""What is measured: one file per metric; the union below is the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.mean import MeanMetric
from abtest.metrics.proportion import ProportionMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.repeat_purchase import RepeatPurchaseMetric
from abtest.metrics.retention import ChurnMetric, RetentionMetric
from abtest.metrics.total import CountMetric, SumMetric

AnyMetric = Annotated[
    ProportionMetric
    | MeanMetric
    | ConversionMetric
    | RepeatPurchaseMetric
    | RetentionMetric
    | ChurnMetric
    | CountMetric
    | SumMetric
    | RatioMetric,
    Field(discriminator="kind"),
]
"""Every kind of metric; YAML, JSON Schema and the contract tests all read this union."""

__all__ = ["AnyMetric"]
