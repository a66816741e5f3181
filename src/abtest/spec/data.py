"""Where the data are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from abtest.fields import Block, Key
from abtest.instants import parse_instant
from abtest.sources.tables import (
    AssignmentsFromEvents,
    AssignmentsTable,
    EventsTable,
    UnitsTable,
)


def _instant(text: str) -> str:
    try:
        parse_instant(text, "UTC")
    except ValueError as error:
        raise PydanticCustomError("instant", "{why}", {"why": str(error)}) from error
    return text


def _assignments_form(value: Any) -> str:  # noqa: ANN401 - raw YAML
    keys = value if isinstance(value, dict) else vars(value)
    return "from_events" if "from_events" in keys else "table"


Instant = Annotated[str, AfterValidator(_instant)]
Assignments = Annotated[
    Annotated[AssignmentsTable, Tag("table")]
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
    events: dict[Key, EventsTable] = {}
    """Streams of events."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        columns = self.units is not None and self.units.variant is not None
        if columns and self.assignments is not None:
            raise PydanticCustomError(
                "two_shapes",
                "has assignments as well as units.variant; it must say once who got which variant",
            )
        if not columns and self.assignments is None:
            raise PydanticCustomError(
                "no_shape",
                "says nowhere who got which variant; it must have assignments (with events), or "
                "units with a variant column",
            )
