"""The result: one tidy, versioned record per metric, contrast and segment.

JSON, CSV, Markdown, HTML and the terminal are views of what is here. Absent is None, never NaN and
never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from abtest.analysis.money.result import Money
from abtest.analysis.texts import Text
from abtest.sentences import collect, restore

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["ship", "rollback", "neutral", "inconclusive", "invalid"]
Status = Literal["pass", "warn", "fail"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Record(_Frozen):
    """One metric, one contrast, one segment. The field order is the column order.

    Attributes:
        experiment: The experiment's key.
        metric: The metric's key.
        kind: The metric's kind.
        role: primary decides, guardrail vetoes, secondary explains, exploratory suggests.
        family: The p-values that are adjusted together; None where none are.
        label: ``confirmatory`` as planned, ``amended`` since, ``exploratory`` or ``descriptive``.
        segment: ``column=value``, or None for everybody.
        contrast: ``variant``, or ``main:x`` and ``interaction:x*y`` of a factorial design.
        variant: The treatment.
        control: The variant that it is compared with; None where nothing is compared.
        n: Units of the variant that are counted: eligible, mature and observed.
        n_control: The same of the control.
        n_assigned: Units that were assigned to the variant.
        n_immature: Units of the variant whose window is not over; they are not counted as lost.
        n_immature_control: The same of the control.
        n_ineligible: Units of the variant that cannot have the outcome at all.
        n_ineligible_control: The same of the control.
        readable_on: The day from which all units are mature.
        value: The metric's value in the variant: a share, a mean, a ratio.
        value_control: The same in the control.
        difference: ``value`` minus ``value_control``.
        difference_ci_low: Lower end of the difference's interval.
        difference_ci_high: Upper end of the difference's interval.
        lift: ``difference`` over ``value_control``.
        lift_ci_low: Lower end of the lift's interval, by the same statistic as the p-value.
        lift_ci_high: Upper end of the lift's interval.
        log_lift: Natural logarithm of one plus the lift, which the Bayesian reading works on.
        log_lift_se: Its standard error.
        se: Standard error of the difference.
        statistic: The test statistic.
        df: Its degrees of freedom; None where it is normal or exact.
        pvalue: Two-sided p-value of no difference, not adjusted.
        pvalue_adjusted: The same, adjusted over the family.
        pvalue_adjustment: How it was adjusted.
        difference_ci_low_adjusted: Lower end of the interval that goes with the adjustment.
        difference_ci_high_adjusted: Upper end of it.
        ci_level: Coverage of the intervals: 0.95 is 95%.
        ci_adjustment: How the adjusted interval was made.
        coherent: Whether p-value and intervals come from one statistic, so that they agree.
        method: How the variants were compared.
        unadjusted_difference: The difference without covariates.
        unadjusted_se: Its standard error.
        variance_reduction: The share of the variance that the covariates took away.
        bayes_model: The model of the Bayesian reading.
        prior_mean: Mean of its prior on the log lift.
        prior_sd: Standard deviation of its prior.
        prob_beats_control: Probability that the variant is better than the control.
        prob_best: Probability that it is the best of all variants, the control among them.
        expected_loss: What is lost on average if it is shipped and is worse.
        posterior_lift: Median of the lift after the prior.
        posterior_lift_low: Lower end of the credible interval.
        posterior_lift_high: Upper end of the credible interval.
        prob_in_rope: Probability that the lift is practically none (``analysis.bayes.rope``).
        log_bayes_factor: Natural logarithm of how much likelier the data are with an effect than
            without one; None where it is not asked for.
        margin: How much worse a guardrail may become, as declared.
        guardrail: Whether the guardrail holds.
        harm: Whether a guardrail is significantly worse, by however little.
        equivalent: Whether the effect is within the declared ``equivalence``, both ways.
        information_fraction: How much of the sequential plan's information is there.
        boundary: What the statistic has to cross at this look.
        verdict: What the rule says of the variant, on the records of its primary metrics; after a
            failed check every record is ``invalid``.
        notes: Why a number is absent, and what else to know.
        rule_notes: How often the decision rule is wrong at this precision.
    """

    experiment: str
    metric: str
    kind: str
    role: str
    family: str | None = None
    label: Literal["confirmatory", "amended", "exploratory", "descriptive"]
    segment: str | None = None
    contrast: str
    variant: str
    control: str | None = None

    n: int
    n_control: int | None = None
    n_assigned: int
    n_immature: int
    n_immature_control: int | None = None
    n_ineligible: int
    n_ineligible_control: int | None = None
    readable_on: str | None = None
    value: float | None = None
    value_control: float | None = None

    difference: float | None = None
    difference_ci_low: float | None = None
    difference_ci_high: float | None = None
    lift: float | None = None
    lift_ci_low: float | None = None
    lift_ci_high: float | None = None
    log_lift: float | None = None
    log_lift_se: float | None = None

    se: float | None = None
    statistic: float | None = None
    df: float | None = None
    pvalue: float | None = None
    pvalue_adjusted: float | None = None
    pvalue_adjustment: str | None = None
    difference_ci_low_adjusted: float | None = None
    difference_ci_high_adjusted: float | None = None
    ci_level: float
    ci_adjustment: str | None = None
    coherent: bool | None = None
    method: str | None = None

    unadjusted_difference: float | None = None
    unadjusted_se: float | None = None
    variance_reduction: float | None = None

    bayes_model: str | None = None
    prior_mean: float | None = None
    prior_sd: float | None = None
    prob_beats_control: float | None = None
    prob_best: float | None = None
    expected_loss: float | None = None
    posterior_lift: float | None = None
    posterior_lift_low: float | None = None
    posterior_lift_high: float | None = None
    prob_in_rope: float | None = None
    log_bayes_factor: float | None = None

    margin: float | None = None
    guardrail: Literal["pass", "breach", "inconclusive"] | None = None
    harm: bool | None = None
    equivalent: bool | None = None
    information_fraction: float | None = None
    boundary: float | None = None
    verdict: Verdict | None = None
    notes: tuple[Text, ...] = ()
    rule_notes: tuple[Text, ...] = ()


class Check(_Frozen):
    """One health check.

    Attributes:
        key: Which check, such as ``sample_ratio``.
        status: ``pass``, ``warn`` or ``fail``; a failed check makes the verdict invalid.
        message: One sentence with the counts, for people to read.
        hint: What to do about it, or None.
        details: The numbers behind it: counts, shares, p-values.
    """

    key: str
    status: Status
    message: Text
    hint: Text | None = None
    details: dict[str, Any] = {}


class WaterfallStep(_Frozen):
    """How many units are left after one step, for one metric and one variant.

    Attributes:
        metric: The metric's key; None for the steps that are the same for all.
        step: ``assigned``, ``eligible`` (can have the outcome), ``mature`` (the window is over) or
            ``observed`` (the outcome is known).
        variant: The variant's key.
        n: How many units.
    """

    metric: str | None = None
    step: Literal["assigned", "eligible", "mature", "observed"]
    variant: str
    n: int


class VariantEstimate(_Frozen):
    """One variant's own value on one metric, with its interval.

    Attributes:
        metric: The metric's key.
        variant: The variant's key.
        n: Units that are counted.
        value: The value.
        ci_low: Lower end of its interval.
        ci_high: Upper end of its interval.
        method: How the interval was made.
    """

    metric: str
    variant: str
    n: int
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    method: str | None = None


class Decision(_Frozen):
    """The verdict and the sentence that explains it.

    Attributes:
        verdict: ``ship``, ``rollback``, ``neutral``, ``inconclusive`` or ``invalid``; None where
            nothing was compared.
        variant: The variant that the verdict is about.
        rule_line: Which line of ``decision.rule`` decided.
        value: What shipping is worth, where the spec decides in money.
        value_ci_low: Lower end of its interval.
        value_ci_high: Upper end of its interval.
        regret: What is lost on average if the decision is wrong.
        value_of_waiting: What more data are worth.
        reason: The verdict in a sentence.
    """

    verdict: Verdict | None = None
    variant: str | None = None
    rule_line: str | None = None
    value: float | None = None
    value_ci_low: float | None = None
    value_ci_high: float | None = None
    regret: float | None = None
    value_of_waiting: float | None = None
    reason: Text


# Of the user and of machines: there are no texts of the analysis in these.
_AS_IS = {"sentences", "spec", "data_fingerprints", "lock"}


class PlanChange(_Frozen):
    """One difference between the frozen plan and the spec.

    Attributes:
        path: Where in the spec.
        frozen: The plan's value; None where it has none.
        present: The value that came in its place; None where there is none.
        status: ``amended`` with a reason, ``silent``, or ``exploratory`` for a metric that was
            added to explore.
        on: When it was amended.
        reason: Why it was amended.
        exploratory: Whether no amendment can make it good: what it touches is exploratory.
    """

    path: str
    frozen: Any = None
    present: Any = None
    status: Literal["amended", "silent", "exploratory"]
    on: str | None = None
    reason: str | None = None
    exploratory: bool = False


class PlanLock(_Frozen):
    """The frozen plan that the spec was held against.

    Attributes:
        status: ``not_frozen``, ``as_frozen``, ``amended``, ``drifted`` where a difference was not
            amended, or ``missing`` where the lock is gone that earlier results were held against.
        file: The lock's name.
        frozen_on: When it was frozen.
        sha256: The fingerprint of what was frozen.
        changes: Every amendment in order, then what was not amended.
        fixed: What was computed from history when the plan was frozen.
    """

    status: Literal["not_frozen", "as_frozen", "amended", "drifted", "missing"] = "not_frozen"
    file: str | None = None
    frozen_on: str | None = None
    sha256: str | None = None
    changes: tuple[PlanChange, ...] = ()
    fixed: dict[str, Any] = {}


class Result(_Frozen):
    """Everything that is needed to rebuild every view without the data.

    Attributes:
        schema_: The version of this format.
        experiment: The experiment's key.
        spec: The whole spec, as analysed.
        spec_fingerprint: SHA-256 of the spec's meaning.
        seed: The salt of the split.
        timezone: Where days begin.
        as_of: Up to when, and excluding which instant, the data are complete.
        data_fingerprints: SHA-256 of each table that was read.
        abtest_version: The version that computed it.
        checks: The health checks.
        waterfall: How many units are left after each step.
        estimates: Each variant's own value of each metric.
        balance: What was known before the assignment, compared between the variants.
        weekly: The lift by weeks since the exposure, and its slope.
        results: The records: one for each metric, contrast and segment.
        curves: The survival curves, where a metric is read off one.
        looks: The looks of a sequential plan.
        counted: What the latest look of a plan has counted, what the tables say of the same units,
            and what the look before would be by them; None without one.
        posteriors: The posteriors beside the records.
        sensitivity: The same question read in other ways, each labelled.
        plan: What was planned, to hold against what came.
        money: The decision in money.
        lock: The frozen plan that the spec was held against.
        decision: The verdict.
        decided: What people decided, in reports only: a result that is kept has none.
        sentences: What each text for people was made of, by the text: its template and values. By
            it a report says the text in another language.
    """

    schema_: Literal["abtest-result/v1"] = "abtest-result/v1"
    experiment: str
    spec: dict[str, Any]
    spec_fingerprint: str
    seed: str
    timezone: str
    as_of: str | None = None
    data_fingerprints: dict[str, str] = {}
    abtest_version: str
    checks: tuple[Check, ...] = ()
    waterfall: tuple[WaterfallStep, ...] = ()
    estimates: tuple[VariantEstimate, ...] = ()
    balance: tuple[dict[str, Any], ...] = ()
    weekly: tuple[dict[str, Any], ...] = ()
    results: tuple[Record, ...] = ()
    curves: tuple[dict[str, Any], ...] = ()
    looks: tuple[dict[str, Any], ...] = ()
    counted: dict[str, Any] | None = None
    posteriors: tuple[dict[str, Any], ...] = ()
    sensitivity: tuple[dict[str, Any], ...] = ()
    plan: dict[str, Any] | None = None
    money: Money | None = None
    lock: PlanLock = PlanLock()
    decision: Decision
    decided: str | None = None
    sentences: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _keep_sentences(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic gives anything
        """Note the parts of all sentences; or, where they come from a file, put them back."""
        if not isinstance(data, dict):
            return data
        known = data.get("sentences")
        if isinstance(known, dict) and known:
            rest = {key: restore(value, known) for key, value in data.items() if key not in _AS_IS}
            return {**data, **rest}
        return {**data, "sentences": collect(data)}

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON types, with the key ``schema`` first."""
        data = self.model_dump(mode="json")
        return {"schema": data.pop("schema_"), **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """Rebuild a result from ``to_dict``."""
        rest = dict(data)
        return cls.model_validate({"schema_": rest.pop("schema", None), **rest})

    def to_pandas(self) -> pd.DataFrame:
        """The records as a frame, one row each, in the documented column order."""
        import pandas as pd  # noqa: PLC0415 - 0.6 s that only this method needs

        rows = [record.model_dump(mode="json") for record in self.results]
        return pd.DataFrame(rows, columns=list(Record.model_fields))

    def _repr_html_(self) -> str:
        """The report, as Jupyter and marimo show it."""
        from abtest.report.notebook import notebook_html  # noqa: PLC0415 - docs/adr/0010

        return notebook_html(self)

    def _repr_markdown_(self) -> str:
        """The report for notebooks that are exported as Markdown."""
        from abtest.report.notebook import notebook_markdown  # noqa: PLC0415 - docs/adr/0010

        return notebook_markdown(self)

    @property
    def exit_code(self) -> int:
        """5 the plan drifted or its lock is gone, 3 a check failed, 4 not readable yet, 0 done."""
        if self.lock.status in {"drifted", "missing"}:
            return 5
        if any(check.status == "fail" for check in self.checks):
            return 3
        primary = [
            record for record in self.results if record.role == "primary" and record.segment is None
        ]
        return 4 if primary and not any(is_readable(record) for record in primary) else 0


def is_readable(record: Record) -> bool:
    """Whether both sides of a record have a unit to count."""
    return 0 not in (record.n, record.n_control)
