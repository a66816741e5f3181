"""How often a rule on money alone ships a variant that only breaks even."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.bayes.false_ships import LOOKS
from abtest.sentences import sentence
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.predictive import false_ships, false_ships_by_value
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.analysis.money.result import VariantMoney
    from abtest.spec.analysis import DecisionBlock

_FLAT = 1e6
"""The sd of a prior that says nothing, in standard errors."""


def false_ships_of_money(decision: DecisionBlock, one: VariantMoney) -> str | None:
    """The rate with one look at this precision, and with five even ones up to it.

    Args:
        decision: The decision; nothing is said where a primary metric has to be better too, which
            a variant that does nothing seldom is.
        one: What was found about the variant.
    """
    required = decision.rule.require
    low = one.bounds[0]
    if "value" not in required or "primary" in required or low is None or not one.se:
        return None
    single, more = (
        _rate(decision, one, [look / looks for look in range(1, looks + 1)]) for looks in (1, LOOKS)
    )
    return sentence(
        "False ships: at this precision the rule ships a variant that only breaks even in "
        "{one:.1%} of experiments with one look, in {more:.1%} with {looks} even looks.",
        one=single,
        more=more,
        looks=LOOKS,
    )


def _rate(decision: DecisionBlock, one: VariantMoney, information: list[float]) -> float:
    se, limit, population = one.se or 1.0, decision.rule.max_regret, decision.population
    if limit is None or population is None:
        needed = ((one.difference or 0.0) - (one.bounds[0] or 0.0)) / se
        certainty = float(special.ndtr(needed))
        return false_ships(information, Normal(0.0, _FLAT * se), se, certainty=certainty).rate
    prior = decision.prior
    belief = None if prior is None else Normal(prior.mean - one.launch_cost, prior.sd)
    return false_ships_by_value(information, belief, se, max(limit / population, 1e-12 * se))
