"""What is measured: one file per metric; the union below is the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abtest.metrics.churn import ChurnMetric
from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.count import CountMetric
from abtest.metrics.crr import CustomerRetentionRate
from abtest.metrics.inactivity import InactivityMetric
from abtest.metrics.mean import MeanMetric
from abtest.metrics.proportion import ProportionMetric
from abtest.metrics.quantile import QuantileMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.repeat_purchase import RepeatPurchaseMetric
from abtest.metrics.retention import RetentionMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.survey import SurveyMetric
from abtest.metrics.survival import SurvivalMetric
from abtest.metrics.time_to_event import TimeToEventMetric

AnyMetric = Annotated[
    ProportionMetric
    | MeanMetric
    | QuantileMetric
    | SurvivalMetric
    | ConversionMetric
    | RepeatPurchaseMetric
    | RetentionMetric
    | ChurnMetric
    | InactivityMetric
    | CustomerRetentionRate
    | CountMetric
    | SumMetric
    | TimeToEventMetric
    | SurveyMetric
    | RatioMetric,
    Field(discriminator="kind"),
]
"""Every kind of metric; YAML, JSON Schema and the contract tests all read this union."""

__all__ = ["AnyMetric"]
