"""The measures of a decision in money: break-even, return, who would have bought anyway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.analysis.money_result import Measure
from abtest.sentences import sentence
from abtest.stats.money import measures as m
from abtest.stats.money.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.money_facts import MoneyFound
    from abtest.analysis.money_result import Week
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


def measures_of(
    means: m.Means,
    found: MoneyFound,
    key: str,
    comparison: Comparison,
    weeks: Sequence[Week],
) -> tuple[Measure, ...]:
    """Everything that can be said about one variant's money beyond its contribution."""
    return tuple(_Measures(means, found, key).all(comparison, weeks))


class _Measures:
    def __init__(self, means: m.Means, found: MoneyFound, key: str) -> None:
        self._means = means
        self._terms = found.terms
        self._key = key
        self._spends = means.difference({m.INCENTIVE: 1.0, m.EXPOSURE: 1.0}) > 0
        self._redeems = means.treatment.mean({m.REDEMPTIONS: 1.0}) > 0

    def all(self, comparison: Comparison, weeks: Sequence[Week]) -> Iterator[Measure]:
        if self._redeems:
            yield from self._anyway()
        if self._spends:
            yield from self._incremental()
        yield from self._break_even(comparison)
        if self._spends:
            yield _of("return_on_cost", "share", m.return_on_cost(self._means))
        yield from payback(weeks, spends=self._spends)

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
            note = sentence("Takes what one buyer brings as it was observed.")
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
    yield Measure(key="payback", unit="weeks", value=paid.end / 7)


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
