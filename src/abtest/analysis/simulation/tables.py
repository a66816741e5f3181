"""The tables of an invented campaign, in the columns that the spec names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abtest.analysis.simulation.truth import orders_stream
from abtest.sources.duckdb_write import Column, Ids
from abtest.sources.tables import AssignmentsTable
from abtest.spec.covariates import ColumnCovariate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.simulation.buyers import Buyers, Floats, Integers, Orders
    from abtest.analysis.simulation.calendar import Calendar
    from abtest.assignment import Assignment
    from abtest.sources.tables import EventsTable
    from abtest.spec import Spec

Columns = dict[str, Column]
Flags = npt.NDArray[np.bool_]

REFUNDED, REFUND_DAYS = 0.04, 8.0
REDEEMED = 0.6  # of a treated customer's orders
_DELAYS = 5.0  # the lag of a stream is so many mean delays of its events
_SEGMENTS = np.array(["high", "low", "middle"], dtype=object)


@dataclass(frozen=True, slots=True)
class Campaign:
    """An invented campaign before it is written down.

    Attributes:
        spec: The experiment.
        calendar: When what happens.
        buyers: The customers.
        units: Their ids.
        clusters: What was hashed, where that is not the unit.
        assigned: What each of them got.
        orders: What they bought.
    """

    spec: Spec
    calendar: Calendar
    buyers: Buyers
    units: Ids
    clusters: Ids | None
    assigned: list[Assignment]
    orders: Orders

    @property
    def treated(self) -> Flags:
        """Whether each customer got another variant than control."""
        control = self.spec.control.key if self.spec.control is not None else None
        return np.array([one.variant not in (None, control) for one in self.assigned])


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one stream before they have names."""

    ids: Ids
    buyer: Integers
    at: Floats
    amount: Floats

    def where(self, chosen: Flags) -> _Rows:
        return _Rows(self.ids[chosen], self.buyer[chosen], self.at[chosen], self.amount[chosen])


def tables_of(campaign: Campaign, random: np.random.Generator) -> dict[str, Columns]:
    """Every table, by its name: assignments, customers, and each stream of the spec."""
    streams = {
        name: _stream(campaign, table, rows, random)
        for name, table, rows in _rows(campaign, random)
    }
    return {
        "assignments": _assignments(campaign),
        "customers": _customers(campaign, random),
        **streams,
    }


def _assignments(campaign: Campaign) -> Columns:
    spec, assigned = campaign.spec, campaign.assigned
    table = spec.data.assignments
    if not isinstance(table, AssignmentsTable):
        return {}
    columns: Columns = {table.unit or spec.unit or "": campaign.units}
    if spec.cluster is not None and campaign.clusters is not None:
        columns[spec.cluster] = campaign.clusters
    columns[table.variant] = np.array([one.variant for one in assigned], dtype=object)
    columns[table.reason or "reason"] = np.array([one.reason for one in assigned], dtype=object)
    columns["bucket"] = np.array([one.bucket for one in assigned])
    columns[table.at] = campaign.calendar.instants(campaign.buyers.anchor)
    return columns


def _customers(campaign: Campaign, random: np.random.Generator) -> Columns:
    """One row per customer, with what is known of them before."""
    spec, n = campaign.spec, len(campaign.assigned)
    columns: Columns = {spec.unit or "": campaign.units}
    for segment in spec.analysis.segments:
        columns[segment] = _SEGMENTS[random.integers(0, len(_SEGMENTS), n)]
    for covariate in spec.covariates.values():
        if isinstance(covariate, ColumnCovariate):
            noise = random.standard_normal(n)
            columns[covariate.column] = np.round(np.log(campaign.buyers.pace * 365) + noise, 3)
    return columns


def _rows(
    campaign: Campaign, random: np.random.Generator
) -> Iterator[tuple[str, EventsTable, _Rows]]:
    """The rows of each stream: orders, redemptions by the treated, and refunds of some orders."""
    spec, orders = campaign.spec, campaign.orders
    count = len(orders.at)
    rows = _Rows(Ids("O", np.arange(1, count + 1)), orders.buyer, orders.at, orders.amount)
    redemptions = spec.decision.redemptions if spec.decision is not None else None
    for name, table in spec.data.events.items():
        if name == orders_stream(spec):
            yield name, table, rows
        elif name == redemptions:
            after = orders.at >= campaign.buyers.anchor[orders.buyer]
            with_coupon = campaign.treated[orders.buyer] & after
            yield name, table, rows.where(with_coupon & (random.random(count) < REDEEMED))
        else:
            chosen = rows.where(random.random(count) < REFUNDED)
            delay = random.exponential(REFUND_DAYS, len(chosen.at))
            yield name, table, _Rows(chosen.ids, chosen.buyer, chosen.at + delay, chosen.amount)


def _stream(
    campaign: Campaign, table: EventsTable, rows: _Rows, random: np.random.Generator
) -> Columns:
    """A stream as its log has it at the end: what was too late is not in it."""
    spec, calendar = campaign.spec, campaign.calendar
    lag = table.lag.total_seconds() / 86_400
    delay = np.minimum(random.exponential(lag / _DELAYS, len(rows.at)), lag) if lag else 0.0
    kept = rows.where(rows.at + delay < calendar.until)
    columns: Columns = {table.unit or spec.unit or "": campaign.units[kept.buyer]}
    if table.id is not None:
        columns[table.id] = kept.ids
    columns[table.at] = calendar.instants(kept.at)
    value = table.value.columns if table.value is not None else ()
    if len(value) == 2:  # a quantity of one, at the price of all
        columns[value[0]] = np.ones(len(kept.at), dtype=np.int64)
    if value:
        columns[value[-1]] = kept.amount
    return columns
