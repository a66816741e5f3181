"""The measures of a decision in money: break-even, return, who would have bought anyway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.analysis.money.facts import AFTER, BEFORE, BOUGHT_AFTER
from abtest.analysis.money.result import Measure
from abtest.sentences import sentence
from abtest.stats.means.welch import welch
from abtest.stats.money import measures as m
from abtest.stats.money.finite_population import size_of_test_and_roll
from abtest.stats.money.ratio import Estimated, Ratio, fieller_ratio
from abtest.stats.summaries import Moments
from abtest.stats.tails import t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.money.facts import MoneyFound
    from abtest.analysis.money.result import Week
    from abtest.analysis.summaries import MetricCounts
    from abtest.spec.analysis import DecisionBlock
    from abtest.stats.comparison import Comparison

ASSUMED: tuple[str, ...] = (
    sentence("Assumes that the offer moves nobody who does not redeem it."),
    sentence("Assumes that it keeps nobody from buying who would have bought without it."),
)
_NOT_SHARE = sentence(
    "The value lies outside 0 to 100%: one of the two assumptions fails, or it is chance."
)
_UNBOUNDED = sentence(
    "The difference in buyers is not clear of zero, so the cost has no bounds: read the net "
    "benefit instead."
)


NOBODY_REDEEMED = sentence("Nobody redeemed: there is no share who would have bought anyway.")


def redeems(means: m.Means) -> bool:
    """Whether anybody of the variant redeemed what it was offered."""
    return means.treatment.mean({m.REDEMPTIONS: 1.0}) > 0


def measures_of(
    means: m.Means,
    found: MoneyFound,
    names: tuple[str, str],
    comparison: Comparison,
    weeks: Sequence[Week],
) -> tuple[Measure, ...]:
    """Everything that can be said about one variant's money beyond its contribution."""
    return tuple(_Measures(means, found, *names).all(comparison, weeks))


class _Measures:
    def __init__(self, means: m.Means, found: MoneyFound, control: str, key: str) -> None:
        self._means = means
        self._found = found
        self._control = control
        self._terms = found.terms
        self._key = key
        self._spends = means.difference({m.INCENTIVE: 1.0, m.EXPOSURE: 1.0}) > 0
        self._redeems = redeems(means)

    def all(self, comparison: Comparison, weeks: Sequence[Week]) -> Iterator[Measure]:
        if self._redeems:
            yield from self._anyway()
        if self._spends:
            yield from self._incremental()
        yield from self._break_even(comparison)
        if self._spends:
            yield _of("return_on_cost", "share", m.return_on_cost(self._means))
        yield from payback(weeks, spends=self._spends)
        yield from over_the_horizon(self._found, comparison)
        yield from lasting(self._found, self._control, self._key, comparison.ci_level)

    def _anyway(self) -> Iterator[Measure]:
        share = m.bought_anyway(self._means)
        notes: tuple[str, ...] = ASSUMED
        if share.value is not None and not 0 <= share.value <= 1:
            notes = (*ASSUMED, _NOT_SHARE)
        yield _of("bought_anyway", "share", share, notes)
        spent = self._means.treatment.mean({m.INCENTIVE: 1.0})
        if spent > 0 and share.value is not None:
            subsidy = _scaled(share, spent)
            note = sentence("The share who would have bought anyway, times what redemptions cost.")
            yield _of("subsidy", "money", subsidy, (note,))

    def _incremental(self) -> Iterator[Measure]:
        cost = m.cost_per_incremental(self._means)
        notes = () if cost.bounded else (_UNBOUNDED,)
        yield _of("cost_per_incremental", "money", cost, notes)
        buyers = self._means.treatment.mean({m.BOUGHT: 1.0})
        gross = self._means.treatment.mean({m.GROSS: 1.0})
        if cost.bounded or buyers <= 0 or gross <= 0:
            return
        for times in (0.5, 1.0, 2.0):
            line = m.net_benefit(self._means, times * gross / buyers)
            note = sentence(
                "Per assigned customer, where one more buyer is worth {worth:,.2f}.",
                worth=line.worth,
            )
            yield Measure(
                key="net_benefit",
                unit="money",
                value=line.value,
                ci_low=line.low,
                ci_high=line.high,
                notes=(note,),
            )

    def _break_even(self, comparison: Comparison) -> Iterator[Measure]:
        terms, means = self._terms, self._means
        if self._redeems and terms.per_redemption[self._key]:
            yield _of("break_even_redemption", "money", m.break_even_redemption(means))
        elif terms.share_of_order[self._key]:
            yield _of("break_even_share", "share", m.break_even_share(means))
        elif terms.exposure[self._key] and comparison.difference is not None:
            # The exposure is a constant: what it may be is the rest of the contribution.
            rest, interval = terms.exposure[self._key], comparison.difference_ci
            yield Measure(
                key="break_even_exposure",
                unit="money",
                value=comparison.difference + rest,
                ci_low=interval.low + rest if interval else None,
                ci_high=interval.high + rest if interval else None,
            )
        lift = m.break_even_lift(means)
        if self._spends and lift is not None:
            note = sentence("Takes what one buyer brings as it was observed: there is no interval.")
            yield Measure(key="break_even_lift", unit="share", value=lift, notes=(note,))


def payback(weeks: Sequence[Week], *, spends: bool) -> Iterator[Measure]:
    """When the running sum of the incremental contribution stays at or above zero.

    Args:
        weeks: Incremental contribution over time.
        spends: Whether anything was spent that could be paid back.
    """
    running = [week.running for week in weeks]
    if not spends or not running or any(value is None for value in running):
        return
    below = [i for i, value in enumerate(running) if (value or 0.0) < 0]
    if below and below[-1] == len(running) - 1:
        note = sentence("What was spent is not paid back within the horizon.")
        yield Measure(key="payback", unit="weeks", notes=(note,))
        return
    paid = weeks[below[-1] + 1 if below else 0]
    note = sentence("Of the sums as they were observed: there is no interval.")
    yield Measure(key="payback", unit="weeks", value=paid.end / 7, notes=(note,))


def over_the_horizon(found: MoneyFound, comparison: Comparison) -> Iterator[Measure]:
    """What a longer horizon would bring if the effect lasted: a guess, and named as one.

    Args:
        found: What was counted.
        comparison: The contribution over what could be observed.
    """
    if found.horizon is None or found.asked is None or found.asked == found.horizon:
        return
    times, interval = found.asked / found.horizon, comparison.difference_ci
    if comparison.difference is None or interval is None:
        return
    note = sentence(
        "A guess: what was measured, times {times:.3g}. The data say nothing about the time after.",
        times=times,
    )
    yield Measure(
        key="horizon_value",
        unit="money",
        value=comparison.difference * times,
        ci_low=interval.low * times,
        ci_high=interval.high * times,
        notes=(note,),
    )


def size_of_test(decision: DecisionBlock, found: MoneyFound, control: str) -> Iterator[Measure]:
    """The size of a test whose winner everybody else gets, from the prior of the contribution.

    Args:
        decision: The decision, with population and prior; without one of them nothing is said.
        found: What was counted, for the spread of one customer's contribution.
        control: The control's key.
    """
    spread = _moments(found.profit[control])
    if decision.population is None or decision.prior is None or not spread.m2:
        return
    # The difference of two variants varies twice as much as each of them.
    size = size_of_test_and_roll(
        decision.population,
        math.sqrt(spread.m2 / (spread.n - 1)),
        decision.prior.sd / math.sqrt(2),
    )
    note = sentence("For two variants, where everybody else gets the one that did better.")
    yield Measure(key="test_and_roll", unit="count", value=size, notes=(note,))


def lasting(found: MoneyFound, control: str, key: str, ci_level: float) -> Iterator[Measure]:
    """What happens after the incentive ended: does the effect last, or were purchases moved?

    The covariance of the early and the late part follows from the variance of their sum.

    Args:
        found: What was counted.
        control: The control's key.
        key: The variant's.
        ci_level: Coverage of the intervals.
    """
    if not found.by_part:
        return
    early, late, buyers = (
        welch(_moments(found.by_part[part, control]), _moments(found.by_part[part, key]), ci_level)
        for part in (BEFORE, AFTER, BOUGHT_AFTER)
    )
    whole = welch(_moments(found.profit[control]), _moments(found.profit[key]), ci_level)
    yield _difference("after_incentive", "money", late)
    yield _difference("buyers_after", "share", buyers)
    if early.difference is None or late.difference is None or early.df is None:
        return
    if early.se is None or late.se is None or whole.se is None or early.difference <= 0:
        return
    shared = (whole.se**2 - early.se**2 - late.se**2) / 2
    pair = Estimated(-late.difference, early.difference, late.se**2, early.se**2, -shared)
    note = sentence("Below zero, the gain went on growing after the incentive ended.")
    ratio = fieller_ratio(pair, t_quantile(early.df, ci_level))
    yield _of("repaid", "share", ratio, (note,) if late.difference > 0 else ())


def _moments(counts: MetricCounts) -> Moments:
    if not isinstance(counts.summary, Moments):
        raise TypeError("contribution is compared from moments")
    return counts.summary


def _difference(key: str, unit: str, comparison: Comparison) -> Measure:
    interval = comparison.difference_ci
    return Measure.model_validate(
        {
            "key": key,
            "unit": unit,
            "value": comparison.difference,
            "ci_low": interval.low if interval else None,
            "ci_high": interval.high if interval else None,
        }
    )


def _of(key: str, unit: str, ratio: Ratio, notes: tuple[str, ...] = ()) -> Measure:
    return Measure.model_validate(
        {
            "key": key,
            "unit": unit,
            "value": ratio.value,
            "ci_low": _finite(ratio.low),
            "ci_high": _finite(ratio.high),
            "shape": ratio.shape,
            "notes": notes,
        }
    )


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _scaled(ratio: Ratio, factor: float) -> Ratio:
    value = None if ratio.value is None else ratio.value * factor
    return Ratio(value, ratio.low * factor, ratio.high * factor, ratio.shape)
