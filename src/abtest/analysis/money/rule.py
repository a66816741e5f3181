"""The lines of the decision rule that are about money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sentences import joined, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.money.result import Money, VariantMoney
    from abtest.spec.analysis import Rule


@dataclass(frozen=True, slots=True)
class MoneyRule:
    """One variant's money, held against the rule.

    Attributes:
        rule: The rule.
        money: What was found about money; None where it is not asked for.
        variant: The variant's key.
    """

    rule: Rule
    money: Money | None
    variant: str

    @property
    def alone(self) -> bool:
        """Whether money decides without the primary metrics."""
        required = self.rule.require
        return self.money is not None and "value" in required and "primary" not in required

    @property
    def found(self) -> VariantMoney | None:
        """The variant's money; None where nothing can be said."""
        variants = self.money.variants if self.money is not None else ()
        found = [one for one in variants if one.variant == self.variant]
        return found[0] if found and found[0].posterior_mean is not None else None

    @property
    def gain(self) -> float | None:
        """What the variant is expected to be worth per customer, launch included."""
        found = self.found
        return None if found is None else (found.posterior_mean or 0.0) - found.launch_cost

    def loses(self) -> str | None:
        """Why the variant is rolled back: even the upper end of what it is worth is below 0."""
        found = self.found
        high = None if found is None else found.bounds[1]
        if found is None or high is None or high >= found.launch_cost:
            return None
        return sentence("it costs more than it brings: {effect}", effect=self.effect())

    def unsure(self) -> str | None:
        """Why the variant is not shipped yet; None where it pays, or money is not asked for."""
        if self.money is None:
            return None
        found, effect = self.found, self._effect_and_waiting()
        if found is None:
            return sentence("nothing is known yet about what it is worth")
        limit = self.rule.max_regret
        if limit is None:
            low = found.bounds[0]
            if low is not None and low > found.launch_cost:
                return None
            return sentence("it is not clear that it pays: {effect}", effect=effect)
        loss = (self.money.population or 0) * (found.expected_loss or 0.0)
        if (self.gain or 0.0) <= 0:
            return sentence("it is not expected to pay: {effect}", effect=effect)
        if loss > limit:
            return sentence(
                "the money it may lose, {loss:,.0f}, is more than the {limit:,.0f} allowed: "
                "{effect}",
                loss=loss,
                limit=limit,
                effect=effect,
            )
        return None

    def paid(self) -> str:
        """That the variant pays, and how sure that is; empty without money."""
        found = self.found
        low = None if found is None else found.bounds[0]
        if found is None or low is None:
            return ""
        if low > found.launch_cost:
            return sentence("It pays: {effect}.", effect=self.effect())
        return sentence("It is expected to pay: {effect}.", effect=self.effect())

    def effect(self) -> str:
        """What the variant is worth per assigned customer, in words; empty without money."""
        found, money = self.found, self.money
        if found is None or money is None or found.difference is None:
            return ""
        told = [
            sentence(
                "contribution per assigned customer changes by {change:+,.4g} {currency:currency} "
                "({level:.4g}% interval {low:+,.4g} to {high:+,.4g})",
                change=found.difference,
                currency=money.currency or sentence("in money"),
                level=100 * money.ci_level,
                low=found.ci_low or 0.0,
                high=found.ci_high or 0.0,
            )
        ]
        low, high = found.bounds
        if low is not None and high is not None and _differ(found):
            told.append(
                sentence(
                    "{low:+,.4g} to {high:+,.4g} allowing for several variants", low=low, high=high
                )
            )
        if found.launch_cost:
            told.append(
                sentence("a launch costs {launch:,.4g} per customer", launch=found.launch_cost)
            )
        return joined(", ", told)

    def _effect_and_waiting(self) -> str:
        """The effect, and whether to keep running and what that is worth."""
        found = self.found
        if found is None or found.value_of_waiting is None:
            return self.effect()
        if found.value_of_waiting <= 0:
            return sentence(
                "{effect}. One more cycle is expected to be worth {worth:,.0f}: it does not pay to "
                "wait",
                effect=self.effect(),
                worth=found.value_of_waiting,
            )
        return sentence(
            "{effect}. One more cycle is expected to be worth {worth:,.0f}: keep running",
            effect=self.effect(),
            worth=found.value_of_waiting,
        )


def _differ(found: VariantMoney) -> bool:
    """Whether it matters to the decision that there are several variants."""
    low, high = found.bounds
    return (low or 0.0) <= found.launch_cost <= (high or 0.0) and not (
        (found.ci_low or 0.0) <= found.launch_cost <= (found.ci_high or 0.0)
    )


def decision_values(
    money: Money | None, variant: str | None, candidates: Sequence[str]
) -> dict[str, float | None]:
    """Value, interval, regret and value of waiting for the decision.

    Args:
        money: What was found about money.
        variant: The variant that the decision names; None where it names none.
        candidates: The variants that were looked at; the one with the highest value speaks.
    """
    if money is None:
        return {}
    names = [variant] if variant is not None else list(candidates)
    known = [
        one for one in money.variants if one.variant in names and one.posterior_mean is not None
    ]
    if not known:
        return {}
    best = max(known, key=lambda one: (one.posterior_mean or 0.0) - one.launch_cost)
    if money.population is None:
        return {
            "value": best.difference,
            "value_ci_low": best.ci_low,
            "value_ci_high": best.ci_high,
        }
    return {
        "value": best.value,
        "value_ci_low": best.value_ci_low,
        "value_ci_high": best.value_ci_high,
        "regret": best.regret,
        "value_of_waiting": best.value_of_waiting,
    }
