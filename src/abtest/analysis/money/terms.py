"""What the spec says about money: how revenue becomes contribution, and what a variant costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.fields import DAY
from abtest.sentences import sentence
from abtest.spec.money_rules import horizon_metric
from abtest.spec.variants import Cost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from abtest.spec import Spec
    from abtest.spec.analysis import DecisionBlock


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a decision in money.

    Attributes:
        events: The stream of revenue; None where revenue is a column.
        redemptions: The stream of redemptions; None where there is none, or it is a column.
        margin: Contribution per unit of revenue; 1 where goods are subtracted instead.
        goods_column: The column with what the goods of an event cost.
        goods_per_event: What the goods of each event cost.
        horizon: Over which time money counts; None for one row per unit.
        until: When the incentive can no longer be used; None where nobody says.
        calendar: Whether the horizon counts calendar days.
        net: Whether revenue is net of the incentive, whose cost is then not subtracted again.
        per_redemption: What one redemption costs, by variant; 0 where it is not subtracted.
        share_of_order: The share of the orders' value that the incentive costs, by variant.
        exposure: What reaching one customer costs, by variant.
        fixed: What a variant costs once.
        notes: What was taken for granted.
    """

    events: str | None
    redemptions: str | None
    margin: float
    goods_column: str | None
    goods_per_event: float | None
    horizon: timedelta | None
    until: timedelta | None
    calendar: bool
    net: bool
    per_redemption: Mapping[str, float]
    share_of_order: Mapping[str, float]
    exposure: Mapping[str, float]
    fixed: Mapping[str, float]
    notes: tuple[str, ...] = ()


def terms_of(spec: Spec, decision: DecisionBlock) -> Terms:
    """The terms of a spec whose decision says what a unit is worth."""
    value, goods = decision.value, decision.unit_cost
    net = value is not None and value.basis == "net"
    events = value.events if value is not None else None
    costs = {variant.key: variant.cost or Cost() for variant in spec.variants or ()}
    metric = horizon_metric(spec)
    horizon = decision.horizon or (metric.window.end if metric is not None else None)
    calendar = metric is not None and metric.window.calendar and not (horizon or DAY) % DAY
    return Terms(
        events=events,
        redemptions=decision.redemptions if events is not None else None,
        margin=1.0 if decision.margin_pct is None else decision.margin_pct / 100,
        goods_column=goods.column if goods is not None else None,
        goods_per_event=goods.per_event if goods is not None else None,
        horizon=horizon if events is not None else None,
        until=decision.incentive_until or (metric.window.end if metric is not None else None),
        calendar=calendar,
        net=net,
        per_redemption={k: 0.0 if net else c.per_redemption or 0.0 for k, c in costs.items()},
        share_of_order={k: 0.0 if net else (c.pct_of_order or 0) / 100 for k, c in costs.items()},
        exposure={key: cost.per_exposure or 0.0 for key, cost in costs.items()},
        fixed={key: cost.fixed or 0.0 for key, cost in costs.items()},
        notes=tuple(_notes(decision, net=net)),
    )


def _notes(decision: DecisionBlock, *, net: bool) -> list[str]:
    notes: list[str] = []
    if decision.margin_pct is None and decision.unit_cost is None:
        notes.append(
            sentence("Without margin_pct or unit_cost the whole revenue counts as contribution.")
        )
    if net:
        notes.append(
            sentence(
                "Revenue is net of the incentive: per_redemption and pct_of_order are not "
                "subtracted again."
            )
        )
    if net and decision.margin_pct is not None:
        notes.append(
            sentence(
                "The margin is taken of the net revenue. If it is a margin of the list price, use "
                "basis: list, or a unit_cost: a discount comes off the margin in full."
            )
        )
    return notes
