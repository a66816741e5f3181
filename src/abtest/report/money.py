"""The decision in money as text: the arithmetic that a reader can follow, then what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import numbers
from abtest.report.numbers import ABSENT
from abtest.report.text import clean
from abtest.report.units import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.money_result import Measure, Money, Step, VariantMoney, Week
    from abtest.analysis.result import Result

TITLE = "The decision in money"
MEANING = (
    "Contribution is what is left of revenue after the goods and the incentive, per customer who "
    "was assigned, whether or not they bought. A customer who would have bought anyway and redeems "
    "costs the incentive and brings nothing new."
)
STEPS = {
    "revenue": "Revenue",
    "goods": "Goods",
    "gross": "Contribution before the variant's cost",
    "redemptions": "Redemptions",
    "base": "Value the discount is of",
    "incentive": "Cost of the incentive",
    "exposure": "Cost of reaching the customer",
    "contribution": "Contribution",
}
MEASURES = {
    "bought_anyway": "Redeemers who would have bought anyway",
    "subsidy": "Spent on them, per assigned customer",
    "cost_per_incremental": "Cost of one more buyer",
    "net_benefit": "Net benefit",
    "break_even_redemption": "Break-even cost of a redemption",
    "break_even_share": "Break-even discount",
    "break_even_exposure": "Break-even cost of reaching a customer",
    "break_even_lift": "Break-even lift of buyers",
    "return_on_cost": "Return on what was spent",
    "payback": "Weeks until it is paid back",
    "repaid": "Share of the early gain that is lost later",
    "after_incentive": "Contribution after the incentive ended",
    "buyers_after": "Share who buy after the incentive ended",
    "horizon_value": "Contribution over the horizon, if the effect lasts",
    "test_and_roll": "Test & Roll: customers per variant",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A small table.

    Attributes:
        title: What it shows.
        header: The columns; the first and the last are text, the others numbers.
        rows: The cells.
        text_last: Whether the last column is text.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_last: bool = True


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
        meaning: What contribution is.
        facts: Over which time, for how many customers, and with which prior.
        sections: The variants.
        notes: What holds for all of them.
    """

    meaning: str
    facts: str
    sections: tuple[MoneySection, ...]
    notes: tuple[str, ...]


def build_money(result: Result) -> MoneyView | None:
    """The decision in money; None where the spec does not ask for it."""
    money = result.money
    if money is None:
        return None
    control = next((r.control for r in result.results if r.control), None) or "control"
    return MoneyView(
        meaning=MEANING,
        facts=_facts(money),
        sections=tuple(_section(money, one, clean(control)) for one in money.variants),
        notes=tuple(clean(note) for note in money.notes),
    )


def _facts(money: Money) -> str:
    parts = [f"Amounts in {clean(money.currency)}" if money.currency else "Amounts of money"]
    if money.horizon is not None:
        parts.append(f"within {money.horizon} of the assignment")
    if money.population is not None:
        parts.append(f"for {money.population:,} customers")
    prior = "the prior is flat"
    if money.prior_mean is not None and money.prior_sd is not None:
        prior = (
            f"the prior is normal with mean {money.prior_mean:,.6g} and sd {money.prior_sd:,.6g}"
        )
    return f"{', '.join(parts)}; {prior}."


def _section(money: Money, one: VariantMoney, control: str) -> MoneySection:
    sheets = [_steps(one, control), _measures(money, one), _weeks(money, one)]
    return MoneySection(
        variant=clean(one.variant),
        told=tuple(_told(money, one)),
        sheets=tuple(sheet for sheet in sheets if sheet.rows),
        notes=tuple(clean(note) for note in one.notes),
    )


def _told(money: Money, one: VariantMoney) -> Iterator[str]:
    if one.difference is None:
        yield "There is no incremental contribution to tell."
        return
    number, interval = _amount(one.difference, one.ci_low, one.ci_high)
    level = numbers.level(money.ci_level)
    between = "" if interval == ABSENT else f" ({level} interval {interval})"
    yield f"Incremental contribution per assigned customer: {number}{between}."
    if one.value is not None and money.population is not None:
        yield _whole(money.population, one)
    if one.prob_pays is not None and one.posterior_mean is not None:
        mean, between = _amount(one.posterior_mean, one.posterior_low, one.posterior_high)
        yield (
            f"Belief after the data: {mean} ({level} credible interval {between}); it pays with "
            f"probability {numbers.probability(one.prob_pays)}."
        )
    if one.regret is not None and one.value_of_waiting is not None:
        yield (
            f"Expected regret of the better choice now: {_round(one.regret)}. One more cycle with "
            f"as many customers again is expected to be worth {_round(one.value_of_waiting)}."
        )


def _whole(population: int, one: VariantMoney) -> str:
    """The arithmetic from one customer to all."""
    once = one.launch_cost * population
    number, interval = numbers.money(one.value, one.value_ci_low, one.value_ci_high)
    each = f"{one.difference or 0.0:+,.6g} x {population:,} customers"
    less = f" - {_round(once)} paid once" if once else ""
    return f"For all: {each}{less} = {number} ({interval})."


def _amount(value: float, low: float | None, high: float | None) -> tuple[str, str]:
    return numbers.signed_amount(value, low, high)


def _round(value: float) -> str:
    return numbers.money(value, None, None)[0]


def _steps(one: VariantMoney, control: str) -> Sheet:
    return Sheet(
        title="Per assigned customer",
        header=("step", control, clean(one.variant), "difference", "how"),
        rows=tuple(_step(step) for step in one.steps),
    )


def _step(step: Step) -> tuple[str, ...]:
    before, after = numbers.compared_values(step.control, step.variant, unit=PLAIN)
    places = len(before.partition(".")[2])
    difference = f"{step.difference:+,.{places}f}"
    return STEPS.get(step.key, step.key), before, after, difference, clean(step.how)


def _measures(money: Money, one: VariantMoney) -> Sheet:
    level = numbers.level(money.ci_level)
    return Sheet(
        title="What the money did",
        header=("measure", "value", f"{level} interval", "note"),
        rows=tuple(_measure(measure) for measure in one.measures),
    )


def _measure(measure: Measure) -> tuple[str, ...]:
    value, low, high = measure.value, measure.ci_low, measure.ci_high
    if measure.unit == "share":
        number, interval = numbers.lift_with_interval(value, low, high)
        number, interval = number.removeprefix("+"), interval.replace("+", "")
    elif measure.unit == "money":
        number, interval = numbers.value_with_interval(value, low, high, unit=PLAIN)
    else:
        number, interval = ABSENT if value is None else f"{value:,.0f}", ABSENT
    if measure.shape == "everything":
        interval = "unbounded: any value"
    if measure.shape == "outside":
        left = f"up to {_bound(measure, low)}" if low is not None else ""
        right = f"from {_bound(measure, high)}" if high is not None else ""
        interval = f"unbounded: {' or '.join(part for part in (left, right) if part)}"
    name = MEASURES.get(measure.key, measure.key)
    return name, number, interval, clean(" ".join(measure.notes))


def _bound(measure: Measure, end: float) -> str:
    return f"{100 * end:,.1f}%" if measure.unit == "share" else f"{end:,.2f}"


def _weeks(money: Money, one: VariantMoney) -> Sheet:
    return Sheet(
        title="Incremental contribution over time, per assigned customer",
        header=("days", "difference", f"{numbers.level(money.ci_level)} interval", "running sum"),
        rows=tuple(_week(week) for week in one.weeks),
        text_last=False,
    )


def _week(week: Week) -> tuple[str, ...]:
    days = f"{week.start:g} to {week.end:g}"
    if week.difference is None or week.running is None:
        return days, ABSENT, ABSENT, ABSENT
    number, interval = _amount(week.difference, week.ci_low, week.ci_high)
    running, _ = _amount(week.running, week.ci_low, week.ci_high)
    return days, number, interval, running
