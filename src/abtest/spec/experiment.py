"""The spec, version 1: one experiment."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field

from abtest.fields import Block, Key
from abtest.metrics import AnyMetric
from abtest.sources.tables import Column
from abtest.spec.analysis import Analysis, DecisionBlock
from abtest.spec.covariates import Covariate
from abtest.spec.data import Data
from abtest.spec.planning import Planning
from abtest.spec.variants import Assignment, Factors, Schedule, Variant

Kind = Literal["pricing", "messaging", "incentive_mix"]


class Spec(Block):
    """One experiment: what is compared, on whom, by which metrics, and what decides."""

    spec: Literal["abtest/v1"]
    """The version of this format."""
    key: Key
    """Names the experiment for ever; also the salt where no seed is given."""
    title: str | None = None
    """What people read."""
    kind: Kind
    """What is changed: pricing, messaging or incentive_mix."""
    owner: str | None = None
    """Who answers questions."""
    hypothesis: str | None = None
    """What is expected, before the data are seen."""
    unit: Column | None
    """The column that identifies what is randomised; null where each row is a unit of its own."""
    cluster: Column | None = None
    """The column that is hashed instead of the unit, such as a household."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)] | None = None
    """What is compared."""
    factors: Factors | None = None
    """A factorial design, instead of variants."""
    assignment: Assignment = Assignment()
    """How units are split."""
    schedule: Schedule = Schedule()
    """When units are enrolled, and in which zone."""
    data: Data
    """Where the data are."""
    covariates: dict[Key, Covariate] = {}
    """What was known about a unit before its anchor."""
    metrics: Annotated[tuple[AnyMetric, ...], Field(min_length=1)]
    """What is measured."""
    analysis: Analysis = Analysis()
    """How variants are compared: error rate, methods, corrections."""
    decision: DecisionBlock | None = None
    """What decides."""
    plan: Planning | None = None
    """What planning takes for granted; `abtest plan` reads it."""

    @property
    def seed(self) -> str:
        """The salt of the split."""
        return self.assignment.seed or self.key

    @property
    def control(self) -> Variant | None:
        """The control; None where there is one variant only."""
        variants = self.variants or ()
        if len(variants) < 2:
            return None
        return next(variant for variant in variants if variant.control)

    @property
    def treatments(self) -> tuple[Variant, ...]:
        """The variants that are compared with control, in the spec's order."""
        return tuple(variant for variant in self.variants or () if variant != self.control)

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain JSON types, every default filled in."""
        return self.model_dump(mode="json", by_alias=True)

    def fingerprint(self) -> str:
        """SHA-256 of the spec with every default filled in, as 64 hex digits."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


class Rest(Spec):
    """What is left of a spec with faults: whatever was refused has a stand-in or is absent."""

    spec: Literal["abtest/v1"] = "abtest/v1"
    key: Key = "unnamed"
    kind: Kind = "messaging"
    unit: Column | None = "unnamed"
    variants: tuple[Variant, ...] | None = None
    data: Data = Data()
    metrics: tuple[AnyMetric, ...] = ()
