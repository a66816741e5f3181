"""The decision in money as text: the arithmetic that a reader can follow, then what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import numbers
from abtest.report.languages import _, currency, named, native, tell
from abtest.report.numbers import ABSENT
from abtest.report.sheets import Sheet
from abtest.report.targeting import targeting_notes, targeting_sheets
from abtest.report.units import PLAIN
from abtest.sentences import phrase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.money.result import Measure, Money, Step, VariantMoney, Week
    from abtest.analysis.result import Result

TITLE = phrase("The decision in money")
MEANING = phrase(
    "Contribution is what is left of revenue after the goods and the incentive, per customer who "
    "was assigned, whether or not they bought. A customer who would have bought anyway and redeems "
    "costs the incentive and brings nothing new."
)
STEPS = {
    "revenue": phrase("Revenue"),
    "goods": phrase("Goods"),
    "gross": phrase("Contribution before the variant's cost"),
    "redemptions": phrase("Redemptions"),
    "base": phrase("Value the discount is of"),
    "incentive": phrase("Cost of the incentive"),
    "exposure": phrase("Cost of reaching the customer"),
    "contribution": phrase("Contribution"),
}
MEASURES = {
    "bought_anyway": phrase("Redeemers who would have bought anyway"),
    "subsidy": phrase("Spent on them, per assigned customer"),
    "cost_per_incremental": phrase("Cost of one more buyer"),
    "net_benefit": phrase("Net benefit"),
    "break_even_redemption": phrase("Break-even cost of a redemption"),
    "break_even_share": phrase("Break-even discount"),
    "break_even_exposure": phrase("Break-even cost of reaching a customer"),
    "break_even_lift": phrase("Break-even lift of buyers"),
    "return_on_cost": phrase("Return on what was spent"),
    "payback": phrase("Weeks until it is paid back"),
    "repaid": phrase("Share of the early gain that is lost later"),
    "after_incentive": phrase("Contribution after the incentive ended"),
    "buyers_after": phrase("Share who buy after the incentive ended"),
    "horizon_value": phrase("Contribution over the whole horizon, if the effect lasts"),
    "test_and_roll": phrase("Test & Roll: customers per variant"),
}


@dataclass(frozen=True, slots=True)
class MoneySection:
    """One variant's money.

    Attributes:
        variant: The variant.
        told: What it comes to, in sentences that a reader can check.
        sheets: The tables.
        notes: What needs care.
    """

    variant: str
    told: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoneyView:
    """The whole section.

    Attributes:
        title: The section's title.
        meaning: What contribution is.
        facts: In which money, over which time, for how many customers, and with which prior.
        sections: The variants.
        notes: What holds for all of them.
    """

    title: str
    meaning: str
    facts: tuple[str, ...]
    sections: tuple[MoneySection, ...]
    notes: tuple[str, ...]


def build_money(result: Result) -> MoneyView | None:
    """The decision in money; None where the spec does not ask for it."""
    money = result.money
    if money is None:
        return None
    control = next((r.control for r in result.results if r.control), None) or "control"
    return MoneyView(
        title=_(TITLE),
        meaning=_(MEANING),
        facts=tuple(_facts(money)),
        sections=tuple(_section(money, one, named(control)) for one in money.variants),
        notes=tuple(tell(note) for note in money.notes),
    )


def _facts(money: Money) -> Iterator[str]:
    if money.currency:
        yield _("Amounts are in {currency}.", currency=currency(money.currency))
    if money.horizon is not None:
        days = native(money.horizon.removesuffix("d"))
        yield _("They count {days} days from the assignment.", days=days)
    if money.population is not None:
        n = numbers.count(money.population)
        yield _("The decision is for {n} customers.", n=n)
    if money.prior_mean is None or money.prior_sd is None:
        yield _("The prior of the contribution is flat.")
        return
    mean, sd = numbers.plain(money.prior_mean), numbers.plain(money.prior_sd)
    yield _("The prior of the contribution is normal: mean {mean}, sd {sd}.", mean=mean, sd=sd)


def _section(money: Money, one: VariantMoney, control: str) -> MoneySection:
    sheets = [_steps(one, control), _measures(money, one), _weeks(money, one)]
    sheets += targeting_sheets(money, one)
    return MoneySection(
        variant=named(one.variant),
        told=tuple(_told(money, one)),
        sheets=tuple(sheet for sheet in sheets if sheet.rows),
        notes=(*(tell(note) for note in one.notes), *targeting_notes(one)),
    )


def _told(money: Money, one: VariantMoney) -> Iterator[str]:
    if one.difference is None:
        yield _("There is no incremental contribution to tell.")
        return
    number, interval = numbers.signed_amount(one.difference, one.ci_low, one.ci_high)
    level = numbers.level(money.ci_level)
    yield _(
        "Incremental contribution per assigned customer: {number} ({level} interval {interval}).",
        number=number,
        level=level,
        interval=interval,
    )
    if one.value is not None and money.population is not None:
        yield _whole(money.population, one)
    if one.prob_pays is not None and one.posterior_mean is not None:
        mean, between = numbers.signed_amount(
            one.posterior_mean, one.posterior_low, one.posterior_high
        )
        yield _(
            "Belief after the data: {mean} ({level} credible interval {interval}); it pays with "
            "probability {chance}.",
            mean=mean,
            level=level,
            interval=between,
            chance=numbers.probability(one.prob_pays),
        )
    if one.regret is not None and one.value_of_waiting is not None:
        yield _(
            "Expected regret of the better choice now: {regret}. One more cycle with as many "
            "customers again is expected to be worth {worth}.",
            regret=_round(one.regret),
            worth=_round(one.value_of_waiting),
        )


def _whole(population: int, one: VariantMoney) -> str:
    """The arithmetic from one customer to all."""
    once = one.launch_cost * population
    number, interval = numbers.money(one.value, one.value_ci_low, one.value_ci_high)
    each = numbers.signed_amount(one.difference or 0.0, None, None, digits=6)[0]
    n = numbers.count(population)
    if not once:
        return _(
            "For all: {each} x {n} customers = {number} ({interval}).",
            each=each,
            n=n,
            number=number,
            interval=interval,
        )
    return _(
        "For all: {each} x {n} customers - {once} paid once = {number} ({interval}).",
        each=each,
        n=n,
        once=_round(once),
        number=number,
        interval=interval,
    )


def _round(value: float) -> str:
    return numbers.money(round(value, 2), None, None)[0]


def _steps(one: VariantMoney, control: str) -> Sheet:
    return Sheet(
        title=_("Per assigned customer"),
        header=(_("Step"), control, named(one.variant), _("Difference"), _("How")),
        rows=tuple(_step(step) for step in one.steps),
    )


def _step(step: Step) -> tuple[str, ...]:
    before, after = numbers.compared_values(step.control, step.variant, unit=PLAIN)
    difference, _unused = numbers.signed_amount(step.difference, None, None)
    return _(STEPS[step.key]), before, after, difference, tell(step.how)


def _measures(money: Money, one: VariantMoney) -> Sheet:
    return Sheet(
        title=_("What the money did"),
        header=(_("Measure"), _("Value"), _level(money), _("Note")),
        rows=tuple(_measure(measure) for measure in one.measures),
    )


def _level(money: Money) -> str:
    return _("{level} interval", level=numbers.level(money.ci_level))


def _measure(measure: Measure) -> tuple[str, ...]:
    value, low, high = measure.value, measure.ci_low, measure.ci_high
    if measure.unit == "share":
        number, interval = numbers.percent_with_interval(value, low, high)
    elif measure.unit == "money":
        number, interval = numbers.value_with_interval(value, low, high, unit=PLAIN)
    else:
        number, interval = numbers.count(None if value is None else round(value)), ABSENT
    if measure.shape == "everything":
        interval = _("unbounded: any value")
    if measure.shape == "outside":
        interval = _outside(measure)
    notes = " ".join(tell(note) for note in measure.notes)
    return _(MEASURES[measure.key]), number, interval, notes


def _outside(measure: Measure) -> str:
    """The two half-lines of a ratio whose denominator is not clear of zero."""
    low, high = (None if end is None else _bound(measure, end) for end in _ends(measure))
    if low is not None and high is not None:
        return _("unbounded: up to {low} or from {high}", low=low, high=high)
    if low is not None:
        return _("unbounded: up to {low}", low=low)
    return _("unbounded: from {high}", high=high)


def _ends(measure: Measure) -> tuple[float | None, float | None]:
    return measure.ci_low, measure.ci_high


def _bound(measure: Measure, end: float) -> str:
    if measure.unit == "share":
        return numbers.percent_with_interval(end, None, None)[0]
    return numbers.value_with_interval(end, None, None, unit=PLAIN)[0]


def _weeks(money: Money, one: VariantMoney) -> Sheet:
    return Sheet(
        title=_("Incremental contribution over time, per assigned customer"),
        header=(_("Days"), _("Difference"), _level(money), _("Running sum")),
        rows=tuple(_week(week) for week in one.weeks),
    )


def _week(week: Week) -> tuple[str, ...]:
    days = _("{start} to {end}", start=native(f"{week.start:g}"), end=native(f"{week.end:g}"))
    if week.difference is None or week.running is None:
        return days, ABSENT, ABSENT, ABSENT
    number, interval = numbers.signed_amount(week.difference, week.ci_low, week.ci_high)
    running, _unused = numbers.signed_amount(week.running, None, None)
    return days, number, interval, running
