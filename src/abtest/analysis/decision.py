"""The verdict: what to do, and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abtest.analysis.health.readings import FEW_UNITS
from abtest.analysis.money.rule import MoneyRule, decision_values
from abtest.analysis.result import Decision, is_readable
from abtest.sentences import Sentence, joined, sentence
from abtest.spec.analysis import Rule
from abtest.stats.posterior import IN_UNITS
from abtest.stats.summaries import LifeTable, Proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.money.result import Money
    from abtest.analysis.result import Check, Record
    from abtest.spec import Spec

# Methods without a value of each variant: they compare how fast events come.
HAZARD_RATIOS = ("log_rank", "cox")
Standing = Literal["ship", "rollback", "neutral", "inconclusive"]


@dataclass(frozen=True, slots=True)
class VariantStanding:
    """What the metrics say about one variant, which line of the rule decided, and why."""

    variant: str
    standing: Standing
    rule_line: str
    reason: str
    gain: float


def decide(
    spec: Spec, checks: Sequence[Check], records: Sequence[Record], money: Money | None = None
) -> Decision:
    """Apply the decision rule.

    1. A failed check: invalid. 2. No mature primary metric: inconclusive. 3. Variant by variant:
    a breached guardrail or a primary metric that is significantly worse rolls it back; a primary
    metric that is significantly better ships it where each variant has 20 units, every guardrail
    with a margin passes and the expected loss is small enough; primary metrics that are all
    practically the same are neutral. Where money is asked for, a variant that costs more than it
    brings is rolled back, and only one that pays ships.
    4. The variant that is shipped is the one that is worth most; without money, the one with the
    largest gain on the first primary metric.
    """
    failed = [check for check in checks if check.status == "fail"]
    if failed:
        reason = sentence(
            "A health check failed. {message} Do not decide on these numbers.",
            message=failed[0].message,
        )
        return Decision(verdict="invalid", rule_line="checks", reason=reason)
    if spec.control is None:
        reason = sentence(
            "One variant: these are rates with their intervals; there is nothing to compare."
        )
        return Decision(reason=reason)
    records = [record for record in records if record.segment is None]
    primary = [record for record in records if record.role == "primary"]
    if not any(is_readable(record) for record in primary):
        return Decision(verdict="inconclusive", rule_line="maturity", reason=_unreadable(primary))
    if all(record.label == "descriptive" for record in primary):
        reason = sentence(
            "The primary metric is descriptive only, so nothing can be decided on it."
        )
        return Decision(verdict="inconclusive", rule_line="label", reason=reason)
    standings = standings_of(spec, records, money)
    decision = _overall(standings)
    names = [standing.variant for standing in standings]
    return decision.model_copy(update=decision_values(money, decision.variant, names))


def standings_of(
    spec: Spec, records: Sequence[Record], money: Money | None
) -> list[VariantStanding]:
    """Each treatment held against the rule.

    Args:
        spec: The spec.
        records: The records of everybody, without those of segments.
        money: The decision in money, where there is one.
    """
    return [
        _Variant(spec, [r for r in records if r.variant == variant.key], money).standing()
        for variant in spec.treatments
    ]


def _unreadable(primary: Sequence[Record]) -> str:
    dates = [record.readable_on for record in primary if record.readable_on]
    names = joined(" and ", list(dict.fromkeys(record.metric for record in primary)))
    if not any(record.n_immature or record.n_immature_control for record in primary):
        return sentence(
            "Nobody can be counted for {names} in control, or in any other variant.", names=names
        )
    if not dates:
        return sentence("No customer's window is over yet for {names}.", names=names)
    return sentence(
        "No customer's window is over yet for {names}. It becomes readable on {day:date}.",
        names=names,
        day=max(dates),
    )


def _overall(standings: Sequence[VariantStanding]) -> Decision:
    ships = [standing for standing in standings if standing.standing == "ship"]
    if ships:
        best = max(ships, key=lambda standing: standing.gain)
        return _decision(best, [best])
    for verdict in ("inconclusive", "neutral"):
        chosen = [standing for standing in standings if standing.standing == verdict]
        if chosen:
            return _decision(chosen[0], standings)
    return _decision(standings[0], standings)


def _decision(lead: VariantStanding, told: Sequence[VariantStanding]) -> Decision:
    return Decision(
        verdict=lead.standing,
        variant=lead.variant if lead.standing == "ship" or len(told) == 1 else None,
        rule_line=lead.rule_line,
        reason=joined(" ", [one.reason for one in told]) if len(told) > 1 else lead.reason,
    )


class _Variant:
    """One variant's records, held against the rule."""

    def __init__(self, spec: Spec, records: Sequence[Record], money: Money | None) -> None:
        self._spec = spec
        self._rule = spec.decision.rule if spec.decision is not None else Rule()
        self._metrics = {metric.key: metric for metric in spec.metrics}
        self._variant = records[0].variant
        self._money = MoneyRule(self._rule, money, self._variant)
        self._primary = [
            record
            for record in records
            if record.role == "primary" and record.label != "descriptive"
        ]
        guarded = "guardrails" in self._rule.require
        self._guardrails = [r for r in records if r.role == "guardrail" and guarded]

    def standing(self) -> VariantStanding:
        """Go down the rule; the first line that holds decides."""
        lines = (
            self._hurt,
            self._worse,
            self._loses,
            self._waits,
            self._unpaid,
            self._ships,
            self._neutral,
        )
        for line in lines:
            standing = line()
            if standing is not None:
                return standing
        lead = self._primary[0]
        if lead.information_fraction is not None and lead.pvalue is None:
            reason = sentence(
                "{variant} has crossed no boundary of the sequential plan yet: {effect}. "
                "Keep running.",
                variant=self._variant,
                effect=self._effect(lead),
            )
            return self._stand("inconclusive", "sequential", reason)
        reason = sentence(
            "{variant} is not clearly better or worse: {effect}.",
            variant=self._variant,
            effect=self._effect(lead),
        )
        return self._stand("inconclusive", "primary", reason)

    def _hurt(self) -> VariantStanding | None:
        for record in self._guardrails:
            if record.guardrail == "breach":
                reason = sentence(
                    "{variant} breaches a guardrail: {effect}.",
                    variant=self._variant,
                    effect=self._effect(record),
                )
                return self._stand("rollback", "guardrails", reason)
            if record.guardrail is None and record.harm:
                reason = sentence(
                    "{variant} harms a guardrail: {effect}.",
                    variant=self._variant,
                    effect=self._effect(record),
                )
                return self._stand("rollback", "guardrails", reason)
        return None

    def _loses(self) -> VariantStanding | None:
        why = self._money.loses()
        if why is None:
            return None
        reason = sentence("{variant} does not pay: {why}.", variant=self._variant, why=why)
        return self._stand("rollback", "value", reason)

    def _unpaid(self) -> VariantStanding | None:
        """A winner of which it is not clear that it pays."""
        winner, why = self._winner(), self._money.unsure()
        if winner is None or why is None:
            return None
        reason = sentence("{merit}, but {but}.", merit=self._merit(winner), but=why)
        return self._stand("inconclusive", "value", reason)

    def _worse(self) -> VariantStanding | None:
        if self._money.alone:
            return None
        worse = [record for record in self._primary if self._direction(record) == "worse"]
        if not worse:
            return None
        reason = sentence(
            "{variant} makes it worse: {effect}.",
            variant=self._variant,
            effect=self._effect(worse[0]),
        )
        return self._stand("rollback", "primary", reason)

    def _winner(self) -> Record | None:
        better = [record for record in self._primary if self._direction(record) == "better"]
        if better:
            return better[0]
        return None if "primary" in self._rule.require else self._primary[0]

    def _waits(self) -> VariantStanding | None:
        """A winner that must not be shipped yet."""
        winner = self._winner()
        if winner is None:
            return None
        if min(winner.n, winner.n_control or 0) < FEW_UNITS:
            reason = sentence(
                "{merit}, but a variant has fewer than {n} units to read it on.",
                merit=self._merit(winner),
                n=FEW_UNITS,
            )
            return self._stand("inconclusive", "few_units", reason)
        unsure = [record for record in self._guardrails if record.guardrail == "inconclusive"]
        if unsure:
            reason = sentence(
                "{merit}, but it is not yet clear that {metric} holds: keep running.",
                merit=self._merit(winner),
                metric=unsure[0].metric,
            )
            return self._stand("inconclusive", "guardrails", reason)
        limit = self._rule.max_expected_loss
        if limit is None:
            return None
        loss = None if winner.bayes_model in IN_UNITS else winner.expected_loss
        if loss is not None and loss <= limit:
            return None
        why = self._too_risky(winner, loss, limit)
        return self._stand("inconclusive", "max_expected_loss", why)

    def _too_risky(self, winner: Record, loss: float | None, limit: float) -> str:
        merit = self._merit(winner)
        if loss is None:
            return sentence(
                "{merit}, but its expected loss cannot be given as a share of control; "
                "the rule allows {limit:.2%}.",
                merit=merit,
                limit=limit,
            )
        return sentence(
            "{merit}, but its expected loss is {loss:.2%}; the rule allows {limit:.2%}.",
            merit=merit,
            loss=loss,
            limit=limit,
        )

    def _merit(self, winner: Record) -> str:
        """What speaks for the variant: a rule that requires no better primary metric needs less."""
        effect = self._effect(winner)
        if self._direction(winner) == "better":
            return sentence("{variant} is better ({effect})", variant=self._variant, effect=effect)
        return sentence("{variant} is not worse ({effect})", variant=self._variant, effect=effect)

    def _ships(self) -> VariantStanding | None:
        winner = self._winner()
        if winner is None:
            return None
        harmed = [record.metric for record in self._guardrails if record.harm]
        told: list[str] = [sentence("{effect}.", effect=self._effect(winner))]
        paid = self._money.paid()
        if paid:
            told.append(paid)
        if harmed:
            told.append(
                sentence("{metric} gets worse, but by less than its margin.", metric=harmed[0])
            )
        elif self._guardrails:
            told.append(sentence("The guardrails hold."))
        why = joined(" ", told)
        reason = sentence("Ship {variant}: {why}", variant=self._variant, why=why)
        return self._stand("ship", "value" if self._money.alone else "primary", reason)

    def _neutral(self) -> VariantStanding | None:
        if not all(record.equivalent for record in self._primary):
            return None
        lead = self._primary[0]
        reason = sentence(
            "{variant} makes no difference worth having: {effect}.",
            variant=self._variant,
            effect=self._effect(lead),
        )
        return self._stand("neutral", "equivalence", reason)

    def _stand(self, standing: Standing, line: str, reason: str) -> VariantStanding:
        lead = self._primary[0]
        size = (lead.lift if lead.lift is not None else lead.difference) or 0.0
        gain = size if self._increase(lead) else -size
        gain = gain if self._money.gain is None else self._money.gain
        return VariantStanding(self._variant, standing, line, reason, gain)

    def _increase(self, record: Record) -> bool:
        return self._metrics[record.metric].desired_change == "increase"

    def _direction(self, record: Record) -> Literal["better", "worse"] | None:
        """Which way a primary metric moved, if it did: by its adjusted p-value."""
        pvalue = record.pvalue_adjusted
        if pvalue is None or record.difference is None or pvalue >= self._spec.analysis.alpha:
            return None
        return "better" if (record.difference > 0) == self._increase(record) else "worse"

    def _effect(self, record: Record) -> str:
        """One metric's change in words: from, to, lift and its interval."""
        metric = self._metrics[record.metric]
        name = metric.title or metric.key
        if record.method in HAZARD_RATIOS and record.lift is not None:
            return _hazard_ratio(name, record.lift, record)
        if record.ci_adjustment == "stagewise" and record.lift is not None:
            return _at_the_stop(name, record.lift, record)
        if record.value is None or record.value_control is None:
            return sentence("{metric} cannot be read", metric=name)
        as_share = metric.summary in (Proportion, LifeTable) and record.method != "rmst"
        before, after = (
            sentence("{x:.2%}", x=value) if as_share else sentence("{x:,.4g}", x=value)
            for value in (record.value_control, record.value)
        )
        moved = sentence(
            "{metric} goes from {before} to {after}", metric=name, before=before, after=after
        )
        if record.lift is None or record.lift_ci_low is None or record.lift_ci_high is None:
            return moved
        return sentence(
            "{moved} ({lift:+,.1%}, {level:level} interval {low:+,.1%} to {high:+,.1%})",
            moved=moved,
            lift=record.lift,
            level=record.ci_level,
            low=record.lift_ci_low,
            high=record.lift_ci_high,
        )


def _at_the_stop(name: str, lift: float, record: Record) -> Sentence:
    """The lift at the stop of a sequential plan; the values have moved on since."""
    told = sentence("{metric} changed by {lift:+,.1%} at the stop", metric=name, lift=lift)
    if record.lift_ci_low is None or record.lift_ci_high is None:
        return told
    return sentence(
        "{moved} ({level:level} interval {low:+,.1%} to {high:+,.1%})",
        moved=told,
        level=record.ci_level,
        low=record.lift_ci_low,
        high=record.lift_ci_high,
    )


def _hazard_ratio(name: str, lift: float, record: Record) -> Sentence:
    told = sentence("{metric} has a hazard ratio of {ratio:.3g}", metric=name, ratio=1 + lift)
    if record.lift_ci_low is None or record.lift_ci_high is None:
        return told
    return sentence(
        "{told} ({level:level} interval {low:.3g} to {high:.3g})",
        told=told,
        level=record.ci_level,
        low=1 + record.lift_ci_low,
        high=1 + record.lift_ci_high,
    )
