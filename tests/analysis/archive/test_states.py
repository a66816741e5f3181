"""Where an experiment stands on a day."""

from __future__ import annotations

from typing import Any

import pytest

from abtest.analysis.archive import archive_of
from abtest.analysis.archive.decisions import HumanDecision
from abtest.analysis.archive.states import dates_of
from abtest.stats.summaries import Proportion
from archive_support import a_record, a_result, archived
from specs import COLUMNS, EVENTS, changed, loaded

# 30 days' window; the lag of the orders is 2 days.
PLANNED = changed(
    EVENTS,
    ("unit: id", "unit: id\nschedule: {start: 2026-01-05, enrol_until: 2026-01-19}"),
    ("at: ordered_at", "at: ordered_at, lag: 2d"),
)


def states(text: str = PLANNED, **changes: Any) -> Any:
    one = archived("winback", spec=loaded(text).spec, **changes)

    def on(day: str) -> tuple[str, str | None, str | None]:
        entry = archive_of([one], day).experiments[0]
        return entry.state, entry.next_on, entry.next_what

    return on


def test_the_dates_are_those_of_the_schedule_and_the_windows() -> None:
    """5 January and 30 + 2 days are 6 February; 19 January and as many are 20 February."""
    dates = dates_of(loaded(PLANNED).spec)
    assert (dates.first_readable, dates.readable) == ("2026-02-06", "2026-02-20")


@pytest.mark.parametrize(
    ("day", "state", "next_on", "what"),
    [
        ("2026-01-04", "draft", "2026-01-05", "enrolment starts"),
        ("2026-01-05", "enrolling", "2026-01-19", "enrolment ends"),
        ("2026-01-18", "enrolling", "2026-01-19", "enrolment ends"),
        ("2026-01-19", "observing", "2026-02-06", "the first customers are readable"),
        ("2026-02-06", "observing", "2026-02-20", "every customer is readable"),
        ("2026-02-19", "observing", "2026-02-20", "every customer is readable"),
        ("2026-02-20", "readable", None, "analyze"),
    ],
)
def test_a_whole_life(day: str, state: str, next_on: str | None, what: str) -> None:
    assert states()(day) == (state, next_on, what)


def test_a_frozen_plan() -> None:
    assert states(frozen=True)("2026-01-04")[0] == "frozen"
    assert states(frozen=True)("2026-01-05")[0] == "enrolling"


def test_zones_and_calendar_days() -> None:
    """Day 0 to 29 of somebody who came on the 18th end with 16 February in Tehran."""
    text = changed(
        PLANNED, ("end: 30d}, role", "end: 30d, calendar: true}, role"), (", lag: 2d", "")
    )
    text = changed(
        text, ("enrol_until: 2026-01-19", "enrol_until: 2026-01-19, timezone: Asia/Tehran")
    )
    dates = dates_of(loaded(text).spec)
    assert (dates.first_readable, dates.readable) == ("2026-02-04", "2026-02-18")


RATIO = """\
  - {key: revenue_60d, kind: sum, events: orders, window: {end: 60d}}
  - {key: orders_60d, kind: count, events: orders, window: {end: 60d}}
  - {key: value, kind: ratio, numerator: revenue_60d, denominator: orders_60d, role: primary}
"""


def test_a_ratio_waits_for_its_parts() -> None:
    text = changed(PLANNED, (", role: primary", "")) + RATIO
    assert dates_of(loaded(text).spec).readable == "2026-03-22"


def decision(verdict: Any, on: str = "2026-03-04") -> HumanDecision:
    return HumanDecision(verdict=verdict, on=on, against=False)


def test_a_decision_holds_from_its_day_on() -> None:
    on = states(decisions=(decision("ship"), decision("abandoned", "2026-03-10")))
    assert on("2026-03-03")[0] == "readable"
    assert on("2026-03-04") == ("decided", None, None)
    assert on("2026-03-10")[0] == "abandoned"


def found(**changes: Any) -> Any:
    rows = [a_record("winback", Proportion(100, 10), Proportion(100, 12), **changes)]
    return a_result("winback", rows)


def test_a_result_that_counts_everybody_is_to_be_decided_on() -> None:
    """Its data are complete up to 1 March."""
    (name, result) = ("results/2026-03-01.json", found())
    assert states(results=((name, result),))("2026-03-02")[2] == "decide"
    early = result.model_copy(update={"as_of": "2026-02-10T00:00:00+00:00"})
    assert states(results=((name, early),))("2026-03-02")[2] == "analyze"


def test_without_a_schedule_results_tell() -> None:
    assert states(COLUMNS)("2026-03-01")[0] == "draft"
    assert states(COLUMNS, frozen=True)("2026-03-01")[0] == "frozen"
    name = "results/undated.json"
    assert states(COLUMNS, results=((name, found()),))("2026-03-01")[0] == "readable"
    empty = found(n=0, log_lift=None, log_lift_se=None)
    assert states(COLUMNS, results=((name, empty),))("2026-03-01")[0] == "observing"


def test_without_an_end_of_enrolment_the_result_knows_who_came_last() -> None:
    text = changed(PLANNED, (", enrol_until: 2026-01-19", ""))
    assert states(text)("2026-02-10")[0] == "enrolling"
    assert states(text)("2026-02-01")[1:] == ("2026-02-06", "the first customers are readable")
    results = (("results/2026-03-01.json", found(readable_on="2026-02-28")),)
    assert states(text, results=results)("2026-02-27")[0] == "enrolling"
    assert states(text, results=results)("2026-02-28")[0] == "readable"


def test_columns_with_a_schedule_are_readable_when_enrolment_ends() -> None:
    text = changed(
        COLUMNS, ("unit: id", "unit: id\nschedule: {start: 2026-01-05, enrol_until: 2026-01-19}")
    )
    assert states(text)("2026-01-18")[0] == "enrolling"
    assert states(text)("2026-01-19")[0] == "readable"


def test_a_spec_that_cannot_be_read() -> None:
    entry = archive_of([archived("x", spec=None)], "2026-01-01").experiments[0]
    assert (entry.experiment, entry.state, entry.next_what) == (None, "unknown", "mend the spec")
    entry = archive_of(
        [archived("x", spec=None, decisions=(decision("ship"),))], "2026-05-01"
    ).experiments[0]
    assert entry.state == "decided"
