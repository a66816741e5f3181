"""How variants are compared, and what decides."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from abtest.fields import Alpha, Block, Duration, Key
from abtest.methods import Method
from abtest.methods.bayes import Bayes
from abtest.sources.tables import Column

Procedure = Literal["none", "bonferroni", "holm", "hochberg", "bh", "by", "dunnett"]


class Correction(Block):
    """How p-values are adjusted in each family: the metrics of one role and their contrasts."""

    primary: Procedure = "dunnett"
    """Decides; keeps the chance of any false winner at alpha."""
    secondary: Procedure | Literal["gate_holm"] = "gate_holm"
    """Explains; gate_holm: claimed only for a variant whose primary metrics are significant."""
    exploratory: Procedure = "bh"
    """Suggests; keeps the share of false leads at alpha."""


class Sequential(Block):
    """A plan for looking more than once."""

    engine: Literal["lan_demets", "confidence_sequence"]
    """Group-sequential spending, or an always-valid confidence sequence."""
    spending: Literal["obrien_fleming", "pocock", "hwang_shih_decani", "power"] | None = None
    """How alpha is spent over the looks."""
    looks: Literal["nightly"] | Annotated[int, Field(ge=1)] | None = None
    """When it is looked at."""


class Analysis(Block):
    """How variants are compared."""

    alpha: Alpha = 0.05
    """Two-sided error rate; intervals cover 1 - alpha."""
    correction: Correction = Correction()
    """How p-values are adjusted."""
    methods: dict[Key, Method] = {}
    """A method for a metric, where the default is not wanted."""
    sample_ratio_alpha: Alpha = 0.001
    """A sample ratio whose p-value is below this fails its check."""
    covariates: tuple[str, ...] = ()
    """What was known before the treatment, for regression adjustment."""
    segments: tuple[Column, ...] = ()
    """Attributes to look at separately."""
    bayes: Bayes = Bayes()
    """The Bayesian reading."""
    sequential: Sequential | None = None
    """A plan for several looks; absent: one look."""


class DecisionValue(Block):
    """What a unit is worth."""

    events: str
    """The stream whose values are the revenue."""
    basis: Literal["list", "net"] = "list"
    """Before the incentive's cost, or net of it (the cost is then not subtracted again)."""


class UnitCost(Block):
    """What the goods cost."""

    column: Column
    """The column of the stream with the cost of the goods."""


class Rule(Block):
    """What must hold before a variant is shipped."""

    require: tuple[Literal["guardrails", "primary"], ...] = ("guardrails", "primary")
    """guardrails: none is breached and each with a margin passes; primary: significantly better."""
    max_expected_loss: Annotated[float, Field(gt=0)] | None = None
    """Ship only where the expected loss, as a share of control, is at most this."""


class DecisionBlock(Block):
    """What decides, and in which money."""

    value: DecisionValue | None = None
    """What a unit is worth."""
    margin_pct: Annotated[float, Field(gt=0, le=100)] | None = None
    """Margin in percent of revenue."""
    unit_cost: UnitCost | None = None
    """Cost of the goods; a pricing experiment needs it, because a price changes the margin."""
    horizon: Duration | None = None
    """Over which time money counts."""
    redemptions: str | None = None
    """The stream of redemptions."""
    population: Annotated[int, Field(gt=0)] | None = None
    """How many customers a decision is for."""
    switching_cost: Annotated[float, Field(ge=0)] | None = None
    """What it costs to change."""
    rule: Rule = Rule()
    """What must hold."""
