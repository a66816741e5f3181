"""The decision in money: what each variant is worth compared with control, step by step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.analysis.adjusting import Adjustment, can_adjust
from abtest.analysis.money.facts import REVENUE
from abtest.analysis.money.false_ships import false_ships_of_money
from abtest.analysis.money.measures import NOBODY_REDEEMED, measures_of, redeems, size_of_test
from abtest.analysis.money.result import Money, Step, VariantMoney, Week
from abtest.analysis.money.several import allowing_for_several, told_of_several
from abtest.analysis.money.targeting import targeting_of
from abtest.fields import DAY, format_duration
from abtest.sentences import joined, sentence
from abtest.stats.bayes.normal import Normal, update
from abtest.stats.means.welch import welch
from abtest.stats.money import measures as m
from abtest.stats.money.joint import JointMeans, joint_means, pooled_shares
from abtest.stats.money.waiting import sample_information
from abtest.stats.summaries import Moments
from abtest.stats.tails import t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from abtest.analysis.money.facts import MoneyFound
    from abtest.analysis.money.terms import Terms
    from abtest.analysis.summaries import MetricCounts
    from abtest.spec import Spec
    from abtest.spec.analysis import DecisionBlock
    from abtest.stats.comparison import Comparison


def money_of(spec: Spec, found: MoneyFound | None) -> Money | None:
    """What was found about money; None where it is not asked for.

    Args:
        spec: The experiment.
        found: What was counted; None where no customer has a day of the horizon behind it.
    """
    decision = spec.decision
    if decision is None or decision.value is None or spec.control is None:
        return None
    ci_level, prior = 1 - spec.analysis.alpha, decision.prior
    money = Money(
        currency=spec.data.currency,
        population=decision.population,
        ci_level=ci_level,
        prior_mean=prior.mean if prior is not None else None,
        prior_sd=prior.sd if prior is not None else None,
    )
    if found is None:
        return money.model_copy(
            update={"notes": (sentence("No customer has been followed for a day."),)}
        )
    short = found.horizon != found.asked
    notes = [*found.terms.notes, *([_surrogate(found)] if short else [])]
    if spec.analysis.segments and not found.by_segment:
        notes.append(
            sentence(
                "Units have no ids here, so they cannot be dealt into halves: who should get the "
                "variant is not said."
            )
        )
    each = _Each(spec, decision, found)
    alone = [each.variant(variant.key) for variant in spec.treatments]
    variants = tuple(
        _with_false_ships(decision, one) for one in allowing_for_several(spec, found, alone)
    )
    told = told_of_several(variants)
    notes += [told] if told is not None else []
    return money.model_copy(
        update={
            "horizon": _written(found.horizon),
            "asked_horizon": _written(found.asked) if short else None,
            "variants": variants,
            "notes": tuple(notes),
        }
    )


def _with_false_ships(decision: DecisionBlock, one: VariantMoney) -> VariantMoney:
    told = false_ships_of_money(decision, one)
    return one if told is None else one.model_copy(update={"notes": (*one.notes, told)})


def _written(length: timedelta | None) -> str | None:
    return None if length is None else format_duration(length)


def _surrogate(found: MoneyFound) -> str:
    return sentence(
        "The horizon is {asked}, but no customer has been followed that long: money is counted "
        "over {seen}. What comes later is a guess from a surrogate, not a measurement.",
        asked=_written(found.asked) or "",
        seen=_written(found.horizon) or "",
    )


def _too_few(variant: str) -> str:
    return sentence(
        "{variant} has fewer than two customers whose horizon is over: nothing can be said about "
        "money.",
        variant=variant,
    )


def cost_of_change(decision: DecisionBlock, terms: Terms, control: str, key: str) -> float:
    """What launching a variant costs once, for the whole population."""
    return terms.fixed[key] - terms.fixed[control] + (decision.switching_cost or 0.0)


class _Each:
    """The money of each variant."""

    def __init__(self, spec: Spec, decision: DecisionBlock, found: MoneyFound) -> None:
        self._decision = decision
        self._found = found
        self._terms: Terms = found.terms
        self._control = spec.control.key if spec.control is not None else ""
        self._ci_level = 1 - spec.analysis.alpha
        self._adjustment = Adjustment(found.profit) if can_adjust(found.profit) else None

    def variant(self, key: str) -> VariantMoney:
        """Everything about one variant."""
        control, treatment = self._found.profit[self._control], self._found.profit[key]
        bare = VariantMoney(variant=key, n=treatment.n, n_control=control.n)
        for name, counts in ((self._control, control), (key, treatment)):
            if counts.n < 2:
                return bare.model_copy(update={"notes": (_too_few(name),)})
        comparison = self._compared(key, control, treatment)
        means = self._means(key, comparison)
        numbers: dict[str, object] = {
            "contribution": comparison.value,
            "contribution_control": comparison.value_control,
            "difference": comparison.difference,
            "ci_low": comparison.difference_ci.low if comparison.difference_ci else None,
            "ci_high": comparison.difference_ci.high if comparison.difference_ci else None,
            "se": comparison.se,
            "df": comparison.df,
            "pvalue": comparison.pvalue,
            "method": comparison.method,
            **self._worth(key, comparison),
        }
        weeks = tuple(self._weeks(key))
        if means is not None:
            numbers["steps"] = tuple(_steps(self._terms, means, self._control, key))
            numbers["measures"] = (
                *measures_of(means, self._found, (self._control, key), comparison, weeks),
                *size_of_test(self._decision, self._found, self._control),
            )
        numbers["weeks"] = weeks
        numbers["targeting"] = targeting_of(
            self._found.by_segment, (self._control, key), self._ci_level, self._for_all(key)
        )
        notes = _notes(comparison, adjusted=self._adjustment is not None)
        unused = means is not None and self._terms.per_redemption[key] and not redeems(means)
        numbers["notes"] = (*notes, *([NOBODY_REDEEMED] if unused else []))
        return bare.model_copy(update=numbers)

    def _compared(self, key: str, control: MetricCounts, treatment: MetricCounts) -> Comparison:
        if self._adjustment is not None:
            return self._adjustment.compare(self._control, key, self._ci_level).comparison
        before, after = control.summary, treatment.summary
        if not isinstance(before, Moments) or not isinstance(after, Moments):
            raise TypeError("contribution is compared from moments")
        return welch(before, after, self._ci_level)

    def _means(self, key: str, comparison: Comparison) -> m.Means | None:
        """Both variants' joint means; None where a stratum has too few customers for them.

        None also where nobody took the joint moments, as for a replay, which only decides.
        """
        if not self._found.amounts:
            return None
        parts = [self._found.amounts[name].parts for name in (self._control, key)]
        shared = set(parts[0]) & set(parts[1])
        kept = [
            {name: part for name, part in one.items() if name in shared and part.n > 1}
            for one in parts
        ]
        if not kept[0] or set(kept[0]) != set(kept[1]):
            return None
        shares = pooled_shares(kept)
        df = comparison.df if comparison.df is not None else math.inf
        control, treatment = (
            _with_exposure(joint_means(one, shares), self._terms.exposure[name])
            for one, name in zip(kept, (self._control, key), strict=True)
        )
        return m.Means(control, treatment, t_quantile(df, self._ci_level))

    def _worth(self, key: str, comparison: Comparison) -> dict[str, object]:
        """Belief, value, regret and what waiting is worth."""
        if comparison.difference is None or not comparison.se:
            return {}
        decision, population = self._decision, self._decision.population
        once = cost_of_change(decision, self._terms, self._control, key)
        launch = once / population if population is not None else 0.0
        belief = Normal(comparison.difference, comparison.se)
        if decision.prior is not None:
            prior = Normal(decision.prior.mean, decision.prior.sd)
            belief = update(comparison.difference, comparison.se, prior)
        after = Normal(belief.mean - launch, belief.sd)
        low, high = belief.interval(self._ci_level)
        found: dict[str, object] = {
            "posterior_mean": belief.mean,
            "posterior_sd": belief.sd,
            "posterior_low": low,
            "posterior_high": high,
            "prob_pays": after.above(0.0),
            "expected_loss": after.expected_shortfall(),
            "launch_cost": launch,
        }
        if population is None or comparison.difference_ci is None:
            return found
        interval = comparison.difference_ci
        more = sample_information(after, comparison.se).evsi
        return {
            **found,
            "value": population * comparison.difference - once,
            "value_ci_low": population * interval.low - once,
            "value_ci_high": population * interval.high - once,
            "regret": population * Normal(abs(after.mean), after.sd).expected_shortfall(),
            "value_of_waiting": population * more - (decision.waiting_cost or 0.0),
        }

    def _for_all(self, key: str) -> tuple[int, float] | None:
        """The population and what is paid once; None without a population."""
        population = self._decision.population
        once = cost_of_change(self._decision, self._terms, self._control, key)
        return None if population is None else (population, once)

    def _weeks(self, key: str) -> Iterator[Week]:
        running = 0.0
        for place, (start, end) in enumerate(self._found.stretches):
            before = self._found.by_stretch[place, self._control].summary
            after = self._found.by_stretch[place, key].summary
            days = {"start": start / DAY, "end": end / DAY}
            if not isinstance(before, Moments) or not isinstance(after, Moments):
                raise TypeError("contribution is compared from moments")
            comparison = welch(before, after, self._ci_level)
            if comparison.difference is None:
                yield Week(**days)
                continue
            running += comparison.difference
            interval = comparison.difference_ci
            yield Week(
                **days,
                difference=comparison.difference,
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                running=running,
            )


def _with_exposure(means: JointMeans, exposure: float) -> JointMeans:
    """The same with the cost of reaching a customer, which is one number for all."""
    rows = tuple((*row, 0.0) for row in means.covariance)
    return JointMeans(
        (*_names(means), m.EXPOSURE),
        (*means.means, exposure),
        (*rows, (0.0,) * (len(means.means) + 1)),
        means.n,
    )


def _names(means: JointMeans) -> tuple[str, ...]:
    return (m.GROSS, *means.names[1:])


def _notes(comparison: Comparison, *, adjusted: bool) -> Iterator[str]:
    yield from comparison.notes
    if adjusted:
        yield sentence(
            "The contribution is adjusted for what was known before the assignment; the steps and "
            "the measures below are of the means as they were counted."
        )


def _steps(terms: Terms, means: m.Means, control: str, key: str) -> Iterator[Step]:
    """The arithmetic, line by line; only lines that are not all zero."""

    def step(name: str, weights: Mapping[str, float], how: str = "") -> Step:
        before, after = means.control.mean(dict(weights)), means.treatment.mean(dict(weights))
        return Step(key=name, control=before, variant=after, difference=after - before, how=how)

    yield step("revenue", {REVENUE: 1.0})
    if terms.goods_column is not None or terms.goods_per_event is not None:
        yield step("goods", {REVENUE: 1.0, m.GROSS: -1.0}, _goods(terms))
        yield step("gross", {m.GROSS: 1.0}, sentence("revenue - goods"))
    elif terms.margin != 1:
        yield step("gross", {m.GROSS: 1.0}, sentence("revenue x {margin:.6g}", margin=terms.margin))
    if terms.per_redemption[key] or terms.per_redemption[control]:
        yield step("redemptions", {m.REDEMPTIONS: 1.0})
    if terms.share_of_order[key] or terms.share_of_order[control]:
        yield step("base", {m.BASE: 1.0})
    costs = [name for name in (control, key) if _incentive(terms, name)]
    if costs:
        how = joined(
            "; ",
            [
                sentence("{name}: {how}", name=name, how=joined(" + ", _incentive(terms, name)))
                for name in costs
            ],
        )
        yield step("incentive", {m.INCENTIVE: 1.0}, how)
    if terms.exposure[key] or terms.exposure[control]:
        yield step("exposure", {m.EXPOSURE: 1.0}, sentence("per customer"))
    yield step("contribution", m.PROFIT, sentence("what is left after these costs"))


def _goods(terms: Terms) -> str:
    if terms.goods_column is not None:
        return sentence("the column {column}", column=terms.goods_column)
    return sentence("{each:.6g} for each event", each=terms.goods_per_event or 0.0)


def _incentive(terms: Terms, key: str) -> list[str]:
    parts: list[str] = []
    if terms.per_redemption[key]:
        parts.append(sentence("redemptions x {each:.6g}", each=terms.per_redemption[key]))
    if terms.share_of_order[key]:
        parts.append(sentence("value x {share:.6g}", share=terms.share_of_order[key]))
    return parts
