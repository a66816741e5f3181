"""How variants are compared, and what decides."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import Alpha, Block, Duration, Key
from abtest.methods import Method
from abtest.methods.bayes import Bayes
from abtest.sources.tables import Column
from abtest.stats.sequential.spending import Kind, Spending

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
    spending: Kind | None = None
    """How alpha is spent over the looks: obrien_fleming where nothing is said."""
    parameter: float | None = None
    """The parameter of hwang_shih_decani (-4 where nothing is said) and of power (3)."""
    looks: Literal["nightly"] | Annotated[int, Field(ge=1)] | None = None
    """When it is looked at: every night, or each time that another part of this many is mature."""
    max_units: Annotated[int, Field(ge=2)] | None = None
    """Mature units of all variants at the end of the plan: information is a share of this."""

    @model_validator(mode="after")
    def _spends(self) -> Self:
        if self.engine == "confidence_sequence" and (self.spending or self.parameter is not None):
            raise ValueError("a confidence sequence spends no alpha; take spending out")
        Spending(self.spending or "obrien_fleming", self.parameter)
        return self


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
    """What a unit is worth: the values of a stream, or a column of one row per unit."""

    events: str | None = None
    """The stream whose values are the revenue."""
    column: Column | None = None
    """The column of data.units with each unit's revenue, where that table holds the outcomes."""
    basis: Literal["list", "net"] = "list"
    """Before the incentive's cost, or net of it: per_redemption and pct_of_order are then not
    subtracted again."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if (self.events is None) == (self.column is None):
            raise PydanticCustomError(
                "value_source", "must name exactly one of events (a stream) and column"
            )


class UnitCost(Block):
    """What the goods cost."""

    column: Column | None = None
    """The column of the stream, or of data.units, with the cost of the goods."""
    per_event: Annotated[float, Field(ge=0)] | None = None
    """What one order or payment costs, where that is the same for all."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if (self.column is None) == (self.per_event is None):
            raise PydanticCustomError(
                "unit_cost_form", "must name exactly one of column and per_event"
            )


class MoneyPrior(Block):
    """A normal prior on the incremental contribution per assigned customer."""

    mean: float = 0.0
    """Its mean, in the currency."""
    sd: Annotated[float, Field(gt=0)]
    """Its standard deviation, in the currency."""


class Rule(Block):
    """What must hold before a variant is shipped."""

    require: tuple[Literal["guardrails", "primary", "value"], ...] = ("guardrails", "primary")
    """guardrails: none is breached and each with a margin passes; primary: significantly better;
    value: it pays. Where decision.value is given it must always pay; value without primary lets
    money alone decide."""
    max_expected_loss: Annotated[float, Field(gt=0)] | None = None
    """Ship only where the expected loss, as a share of control, is at most this."""
    max_regret: Annotated[float, Field(gt=0)] | None = None
    """Ship what pays on average where the expected loss of money over the whole population is at
    most this; without it the interval of the contribution must be above 0."""


class DecisionBlock(Block):
    """What decides, and in which money."""

    value: DecisionValue | None = None
    """What a unit is worth."""
    margin_pct: Annotated[float, Field(gt=0, le=100)] | None = None
    """Margin in percent of revenue."""
    unit_cost: UnitCost | None = None
    """Cost of the goods; a pricing experiment needs it, because a price changes the margin."""
    horizon: Duration | None = None
    """Over which time money counts; the window of the first primary metric where none is given."""
    incentive_until: Duration | None = None
    """When the incentive can no longer be used, after the assignment; the window of the first
    primary metric where none is given. What comes after shows whether the effect lasts."""
    redemptions: str | None = None
    """The stream of redemptions; a column of data.units where value names a column."""
    population: Annotated[int, Field(gt=0)] | None = None
    """How many customers a decision is for."""
    switching_cost: Annotated[float, Field(ge=0)] | None = None
    """What it costs to change."""
    waiting_cost: Annotated[float, Field(ge=0)] | None = None
    """What it costs to run for one more cycle."""
    prior: MoneyPrior | None = None
    """What is believed of the contribution before the data; null is a flat prior."""
    rule: Rule = Rule()
    """What must hold."""
