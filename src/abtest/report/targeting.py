"""Who should get a variant, as tables: its worth by segment, and what three policies are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.report import numbers
from abtest.report.languages import _, named, tell
from abtest.report.numbers import ABSENT
from abtest.report.sheets import Sheet
from abtest.sentences import phrase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.money.result import (
        Money,
        PolicyMoney,
        SegmentMoney,
        TargetingMoney,
        VariantMoney,
    )

POLICIES = {
    "nobody": phrase("Treat nobody"),
    "everybody": phrase("Treat everybody"),
    "chosen": phrase("Treat the chosen segments"),
}


def targeting_sheets(money: Money, one: VariantMoney) -> Iterator[Sheet]:
    """Two tables for each attribute; none where nothing can be said.

    Args:
        money: The decision in money.
        one: One variant of it.
    """
    level = _("{level} interval", level=numbers.level(money.ci_level))
    for found in one.targeting:
        name = named(found.attribute)
        yield Sheet(
            title=_("Contribution per customer, by {segment}", segment=name),
            header=(_("Segment"), _("Customers"), _("Difference"), level, _("Shrunk"), _("Treat")),
            rows=tuple(_segment(segment) for segment in found.segments),
        )
        header = (_("Policy"), _("Per customer"), level)
        whole = (_("For all"),) if money.population is not None else ()
        yield Sheet(
            title=_("Who should get it, by {segment}", segment=name),
            header=(*header, *whole),
            rows=tuple(
                _policy(policy, found)[: len(header) + len(whole)] for policy in found.policies
            ),
        )


def targeting_notes(one: VariantMoney) -> Iterator[str]:
    """What needs care, each sentence once, with the attribute where there is no table."""
    told: list[str] = []
    for found in one.targeting:
        for note in found.notes:
            text = tell(note)
            if not found.segments:
                text = f"{named(found.attribute)}: {text}"
            if text not in told:
                told.append(text)
    yield from told


def _segment(found: SegmentMoney) -> tuple[str, ...]:
    number, interval = numbers.signed_amount(found.difference, found.ci_low, found.ci_high)
    shrunk, _unused = numbers.signed_amount(found.shrunk_difference, None, None)
    treat = _("yes") if found.treat else _("no")
    n = numbers.count(found.n + found.n_control)
    return named(found.segment), n, number, interval, shrunk, treat


def _policy(policy: PolicyMoney, found: TargetingMoney) -> tuple[str, ...]:
    name = _(POLICIES[policy.policy])
    if policy.policy == "chosen":
        chosen = ", ".join(named(one.segment) for one in found.segments if one.treat)
        name = _("{policy} (by all data: {names})", policy=name, names=chosen or _("none"))
    if policy.ci_low is None:
        number, interval = numbers.signed_amount(0.0, None, None)[0], ABSENT
    else:
        number, interval = numbers.signed_amount(policy.value, policy.ci_low, policy.ci_high)
    total = ABSENT if policy.total is None else numbers.money(policy.total, None, None)[0]
    return name, number, interval, total
