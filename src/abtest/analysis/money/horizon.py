"""The time over which money is counted: as much of the horizon as units have behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import narwhals as nw

from abtest.fields import DAY
from abtest.metrics.base import ANCHOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.clock import Cutoff
    from abtest.analysis.money.terms import Terms
    from abtest.analysis.population import Population
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

MOST_STRETCHES = 26
_WEEK = timedelta(weeks=1)


def _lag(spec: Spec, terms: Terms) -> timedelta:
    """How late any row that says something about money may arrive."""
    streams = [terms.events or "", *([terms.redemptions] if terms.redemptions else [])]
    tables = [spec.data.events[name] for name in streams]
    tables += [spec.data.events[table.net.events] for table in tables if table.net is not None]
    return max(table.lag for table in tables)


def reached(
    spec: Spec, engine: Engine, population: Population, cutoff: Cutoff | None, terms: Terms
) -> timedelta | None:
    """The horizon, or as much of it as every unit has behind it where none has all of it."""
    if cutoff is None or terms.horizon is None:
        return None
    at = nw.col(ANCHOR)
    wanted = [at.min().alias("first"), at.max().alias("last")]
    row = engine.collect(population.frame.select(*wanted))[0]
    if row["first"] is None:
        return None
    lag = _lag(spec, terms)
    if int(row["first"]) <= cutoff.latest_anchor(terms.horizon + lag):
        return terms.horizon
    seen = timedelta(microseconds=cutoff.microseconds - int(row["last"])) - lag
    whole = seen // DAY * DAY - (DAY if terms.calendar else timedelta(0))
    return whole if whole >= DAY else None


def stretches_of(horizon: timedelta) -> Iterator[tuple[timedelta, timedelta]]:
    """Weeks, or as many weeks at once as keep the table short."""
    step = _WEEK * max(1, -(-horizon // (_WEEK * MOST_STRETCHES)))
    start = timedelta(0)
    while start < horizon:
        yield start, min(start + step, horizon)
        start += step
