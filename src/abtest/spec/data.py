"""Where the data are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from abtest.fields import Block, Key
from abtest.sources.tables import (
    AssignmentsFromEvents,
    AssignmentsTable,
    EventsTable,
    MomentsTable,
    TotalsTable,
    UnitsTable,
)
from abtest.spec.times import Instant


def _assignments_form(value: Any) -> str:  # noqa: ANN401 - raw YAML
    if isinstance(value, dict):
        return "from_events" if "from_events" in value else "one_table"
    return "from_events" if isinstance(value, AssignmentsFromEvents) else "one_table"


Assignments = Annotated[
    Annotated[AssignmentsTable, Tag("one_table")]
    | Annotated[AssignmentsFromEvents, Tag("from_events")],
    Discriminator(_assignments_form),
]


class Data(Block):
    """The tables, and up to when they are complete."""

    as_of: Instant | None = None
    """The instant up to which, and excluding which, the data are complete. A bare date is the start
    of that day in the zone. Event logs need it, here or as --as-of."""
    currency: Annotated[str, Field(min_length=1, max_length=10)] | None = None
    """A label for money."""
    assignments: Assignments | None = None
    """Who was assigned to what, and when; or {from_events: orders} for a log alone."""
    crossover: Literal["first", "exclude"] = "first"
    """A unit seen in several variants is analysed in its first, or left out."""
    units: UnitsTable | None = None
    """One row per unit; with `variant`, the outcomes are columns of this table."""
    totals: TotalsTable | None = None
    """Instead of rows of units: counts of trials and successes per variant."""
    moments: MomentsTable | None = None
    """Instead of rows of units: count, mean and variance of one metric per variant."""
    events: dict[Key, EventsTable] = {}
    """Streams of events."""
