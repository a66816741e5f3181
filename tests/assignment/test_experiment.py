"""What an experiment accepts, in which order it decides, and that it never changes."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from abtest.assignment import Assignment, Experiment, assign
from abtest.assignment.formula import (
    below_share,
    bucket_of,
    digits_of,
    salted,
    share_limit,
)
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule, Split
from abtest.errors import AssignmentError

if TYPE_CHECKING:
    from collections.abc import Callable

HALVES = [("control", 1), ("coupon", 1)]
DAY = datetime(2026, 1, 10, tzinfo=UTC)
FULL: dict[str, Any] = {
    "layer": Layer("lifecycle", [(0, 5_000)]),
    "holdout": Holdout("holdout-2026", 500),
    "overrides": {"C1": "coupon", 7: "control"},
    "phases": [Phase(DAY, 5_000), Phase(DAY + timedelta(days=1), weights=[1, 3])],
    "schedule": Schedule(DAY - timedelta(days=5), DAY + timedelta(days=5)),
}


def test_key_is_the_salt_unless_a_seed_is_given() -> None:
    assert Experiment("exp-1", HALVES).seed == "exp-1"
    named = Experiment("ØKEY: any text", HALVES, seed="exp-1")
    assert assign(named, "C1") == assign(Experiment("exp-1", HALVES), "C1")


@pytest.mark.parametrize("attribute", ["seed", "key", "_start", "new"])
def test_an_experiment_cannot_be_changed(attribute: str) -> None:
    experiment = Experiment("exp-1", HALVES, overrides={"C1": "coupon"})
    with pytest.raises(AttributeError, match="Experiment is immutable"):
        setattr(experiment, attribute, "x")
    with pytest.raises(AttributeError, match="Experiment is immutable"):
        delattr(experiment, attribute)
    experiment.overrides["C2"] = "coupon"
    assert experiment.overrides == {"C1": "coupon"}
    with pytest.raises(AttributeError, match=r"(property|setter)"):
        assign(experiment, "C1").reason = "x"  # type: ignore[misc]


def test_copies_are_equal_and_answer_the_same() -> None:
    experiment = Experiment("exp-1", HALVES, **FULL)
    for other in (pickle.loads(pickle.dumps(experiment)), copy.deepcopy(experiment)):  # noqa: S301 - our own bytes
        assert other == experiment
        assert hash(other) == hash(experiment)
        assert assign(other, "C5", at=DAY) == assign(experiment, "C5", at=DAY)
    assert experiment != Experiment("exp-1", HALVES)
    assert experiment != "exp-1"
    assert hash(Layer("a", [(0, 1)])) == hash(Layer("a", [(0, 1)]))
    assert repr(Holdout("a", 5)) == "Holdout(salt='a', share_parts=5)"


def test_an_assignment_is_a_named_tuple_that_pickles() -> None:
    found = assign(Experiment("winback", HALVES), "C000123")
    variant, reason, bucket, phase = found
    assert (found.variant, found.reason, found.bucket, found.phase) == found
    assert (variant, reason, bucket, phase) == ("coupon", "split", 9197, None)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own bytes
    assert again == found
    assert type(again) is Assignment
    assert repr(found) == "Assignment(variant='coupon', reason='split', bucket=9197, phase=None)"


def test_threads_get_the_same_answers() -> None:
    experiment = Experiment("exp-1", HALVES, holdout=Holdout("h", 100), layer=FULL["layer"])
    units = [f"C{number}" for number in range(2_000)]
    alone = [assign(experiment, unit) for unit in units]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            assert list(pool.map(lambda unit: assign(experiment, unit), units)) == alone


def units_with(experiment: Experiment, reason: str, at: datetime | None = None) -> list[str]:
    units = [f"C{number}" for number in range(300)]
    return [unit for unit in units if assign(experiment, unit, at=at).reason == reason]


def test_each_step_beats_the_ones_after_it() -> None:
    outside = DAY + timedelta(days=365)
    holdout, layer = Holdout("holdout-2026", 5_000), Layer("lifecycle", [(0, 5_000)])
    plain = Experiment("exp-1", HALVES, holdout=holdout, layer=layer, coverage_parts=5_000)
    held = units_with(plain, "holdout")[0]
    elsewhere = units_with(plain, "layer")[0]
    left_out = units_with(plain, "not_enrolled")[0]
    assigned = units_with(plain, "split")[0]
    forced = Experiment(
        "exp-1",
        HALVES,
        holdout=holdout,
        layer=layer,
        coverage_parts=0,
        overrides={held: "coupon", elsewhere: "coupon"},
        schedule=FULL["schedule"],
    )
    assert assign(forced, held, at=outside)[:2] == (None, "holdout")
    assert assign(forced, elsewhere, at=outside)[:2] == ("coupon", "override")
    other = units_with(plain, "layer")[1]
    assert assign(forced, other, at=outside)[:2] == (None, "layer")
    assert assign(forced, left_out, at=outside)[:2] == (None, "outside_schedule")
    assert assign(forced, assigned, at=DAY)[:2] == (None, "not_enrolled")
    assert assign(forced, assigned)[:2] == (None, "not_enrolled")


def test_the_bucket_is_reported_whatever_the_reason() -> None:
    experiment = Experiment("exp-1", HALVES, holdout=Holdout("h", 10_000))
    for unit in ("C1", "C2"):
        assert assign(experiment, unit).bucket == bucket_of(digits_of(salted("exp-1"), unit))


def test_at_is_required_where_phases_differ_and_only_there() -> None:
    differ = Experiment("exp-1", HALVES, phases=[Phase(DAY, 5_000)], overrides={"C1": "coupon"})
    for call in (differ.variant, lambda unit: assign(differ, unit)):
        with pytest.raises(AssignmentError, match="at is missing; experiment 'exp-1' has phases"):
            call("C1")  # an override would not need it, but a forgotten `at` shows at once
    same = Experiment("exp-1", HALVES, phases=[Phase(DAY, 10_000)])
    assert assign(same, "C1").phase is None
    assert assign(same, "C1", at=DAY).phase == 0
    scheduled = Experiment("exp-1", HALVES, schedule=FULL["schedule"])
    assert assign(scheduled, "C1").reason == "split"


@pytest.mark.parametrize(
    "at",
    [datetime(2026, 1, 10), "2026-01-10", 0, DAY.date()],  # noqa: DTZ001 - it must be refused
    ids=repr,
)
def test_at_needs_a_time_zone_in_every_experiment(at: object) -> None:
    for more in ({}, {"schedule": FULL["schedule"]}):
        experiment = Experiment("exp-1", HALVES, **more)
        for call in (experiment.variant, lambda unit, at, e=experiment: assign(e, unit, at=at)):
            with pytest.raises(AssignmentError, match=r"at is .* it must be a datetime with a"):
                call("C1", at=at)  # type: ignore[arg-type]


def test_instants_are_compared_in_utc_when_the_clock_goes_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # 02:30 happens twice on this night: at 00:30 UTC, and again (fold=1) at 01:30 UTC.
    start = datetime(2026, 10, 25, 2, 45, tzinfo=berlin)
    later = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin)
    experiment = Experiment("exp-1", HALVES, schedule=Schedule(start))
    assert later < start  # what Python says of two clock times of one zone
    assert assign(experiment, "C1", at=later).reason == "split"


def test_phases_inherit_what_they_leave_out() -> None:
    day = timedelta(days=1)
    phases = [Phase(DAY, 0), Phase(DAY + day, weights=[0, 1]), Phase(DAY + 2 * day, 10_000)]
    experiment = Experiment("exp-1", [("control", 1), ("coupon", 0)], phases=phases)
    noons = [DAY - day / 2 + index * day for index in range(4)]
    answers = [assign(experiment, "C1", at=noon) for noon in noons]
    assert [(found.variant, found.phase) for found in answers] == [
        ("control", None),
        (None, 0),
        (None, 1),
        ("coupon", 2),
    ]


SPACE = 2**52
HALF = 2**51


def ranged(*ranges: list[tuple[int, int]], weights: list[int] | None = None) -> Phase:
    return Phase(DAY + timedelta(days=1), weights=weights, ranges=ranges)


NOT_UTC = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": ""}, "key is ''; it must be text"),
        ({"key": 5}, "key is 5; it must be text"),
        ({"key": "two words"}, "key is 'two words'; it must be 1 to 64"),
        ({"seed": "a:b"}, "seed is 'a:b'; it must be 1 to 64"),
        ({"seed": 5}, "seed is 5; it must be 1 to 64"),
        ({"variants": []}, "variants is empty"),
        ({"variants": "ab"}, "variants is 'ab'; it must be a list of pairs"),
        ({"variants": 3}, "variants is 3; it must be a list of pairs"),
        ({"variants": {"control": 1}}, "variants holds 'control'; it must hold pairs"),
        ({"variants": [("a", 1, 2)]}, "it must hold pairs"),
        ({"variants": [("", 1)]}, "variants holds the key ''"),
        ({"variants": [(1, 1)]}, "variants holds the key 1"),
        ({"variants": [("a", 1), ("a", 1)]}, "variants holds 'a' twice"),
        ({"variants": [("a", -1), ("b", 2)]}, "weights is -1; it must be a whole number of at"),
        ({"variants": [("a", 0.5)]}, "weights is 0.5; it must be a whole number"),
        ({"variants": [("a", 1.0)]}, "weights is 1.0; it must be a whole number"),
        ({"variants": [("a", True)]}, "weights is True; it must be a whole number"),
        ({"variants": [("a", None)]}, "weights is None; it must be a whole number"),
        ({"variants": [("a", 0), ("b", 0)]}, "weights sum to 0"),
        ({"coverage_parts": 10_001}, "coverage_parts is 10001; it must be .* from 0 to 10,000"),
        ({"coverage_parts": -1}, "coverage_parts is -1"),
        ({"coverage_parts": 0.5}, "coverage_parts is 0.5"),
        ({"overrides": ["C1"]}, "overrides is .*; it must map unit ids to variants"),
        ({"overrides": {"C1": "gift"}}, "the variant 'gift'; it must be one of control, coupon"),
        ({"overrides": {1: "coupon", "1": "coupon"}}, "overrides holds unit '1' twice"),
        ({"overrides": {1.0: "coupon"}}, "floating point"),
        ({"overrides": {"\ud800": "coupon"}}, "valid Unicode"),
        ({"layer": ("salt", [(0, 1)])}, "layer is .*; it must be a Layer or None"),
        ({"holdout": ("salt", 5)}, "holdout is .*; it must be a Holdout or None"),
        ({"schedule": (DAY, DAY)}, "schedule is .*; it must be a Schedule or None"),
        ({"phases": [(DAY, 5)]}, "phases is .*; it must be a list of Phase"),
        ({"phases": DAY}, "phases is .*; it must be a list of Phase"),
        ({"phases": [Phase(DAY, 1), Phase(DAY, 2)]}, "phases.1 starts at .* after the phase"),
        ({"phases": [Phase(DAY, weights=[1])]}, "phases.0.weights has 1 weights; .* the 2 var"),
        ({"phases": [ranged([(0, SPACE)])]}, "phases.0.ranges has 1 lists; .* the 2 variants"),
        ({"phases": [ranged([(0, 5)], [(6, SPACE)])]}, r"phases.0.ranges leave out \[5, 6\]; they"),
        ({"phases": [ranged([(1, SPACE)], [])]}, r"phases.0.ranges leave out \[0, 1\]"),
        ({"phases": [ranged([(0, 5)], [])]}, r"ranges leave out \[5, 4503599627370496\]"),
        (
            {"phases": [ranged([(0, 5)], [(4, SPACE)])]},
            r"of 'coupon' has the range \[4, .* overlaps one of control; each number must be",
        ),
        (
            {"phases": [ranged([(5, 5)], [(0, SPACE)])]},
            r"'control' has the range \[5, 5\], which m",
        ),
        (
            {"phases": [Phase(DAY, 0), ranged([(0, HALF + 1)], [(HALF + 1, SPACE)])]},
            "phases.1.ranges of 'control' has 2251799813685249 of .* (50.0000%); for its weight, 1 "
            "of 2, it must have 2251799813685248 (50.0000%)".replace("(", r"\(").replace(
                ")", r"\)"
            ),
        ),
        (
            {"phases": [ranged([(0, HALF)], [(HALF, SPACE)], weights=[1, 2])]},
            "'control' has .* it must have 1501199875790165 or 1501199875790166 .33.3333%",
        ),
        ({"layer": Layer("exp-1", [(0, 1)])}, "layer.salt is 'exp-1'; it must differ from seed"),
        ({"holdout": Holdout("exp-1", 5)}, "holdout.salt is 'exp-1'; it must differ from seed"),
        (
            {"layer": Layer("a", [(0, 1)]), "holdout": Holdout("a", 5)},
            "holdout.salt is 'a'; it must differ from layer.salt",
        ),
    ],
)
def test_a_faulty_experiment_is_refused(change: dict[str, Any], message: str) -> None:
    facts: dict[str, Any] = {"key": "exp-1", "variants": HALVES, **change}
    with pytest.raises(AssignmentError, match=message):
        Experiment(facts.pop("key"), facts.pop("variants"), **facts)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Layer, ("a b", [(0, 1)]), "layer.salt is 'a b'"),
        (Layer, ("a", []), "layer.slots is empty"),
        (Layer, ("a", 5), "layer.slots is 5; it must be a list of pairs"),
        (Layer, ("a", [(0, 10_001)]), "layer.slots end is 10001"),
        (Layer, ("a", [(-1, 5)]), "layer.slots start is -1"),
        (Layer, ("a", [(5, 5)]), r"the range \[5, 5\); it must hold at least one slot"),
        (Layer, ("a", [(6, 9), (0, 7)]), "layer.slots overlap at slot 6"),
        (Holdout, ("", 5), "holdout.salt is ''"),
        (Holdout, ("a", 10_001), "holdout.share_parts is 10001"),
        (Phase, (DAY,), "A phase changes nothing"),
        (Phase, (DAY, 10_001), "phase.coverage_parts is 10001"),
        (Phase, (DAY, None, "12"), "phase.weights is '12'; it must be a list"),
        (Phase, (DAY, None, [0, 0]), "phase.weights sum to 0"),
        (Phase, (DAY, None, None, {"a": []}), "phase.ranges is .*; it must be a list of lists"),
        (Phase, (DAY, None, None, [5]), "phase.ranges is 5; it must be a list of pairs"),
        (Phase, (DAY, None, None, [[(1, 2, 3)]]), "phase.ranges holds .* it must hold pairs"),
        (Phase, (DAY, None, None, [[(0, 0.5)]]), "phase.ranges is 0.5; it must be a whole number"),
        (Phase, (DAY, None, None, [[(0, 2**52 + 1)]]), "phase.ranges is 4503599627370497"),
        (Phase, ("2026-01-05", 5), "phase.start is '2026-01-05'; it must be a datetime"),
        (Phase, (NOT_UTC, 5), "phase.start is .* between the years 1 and 9999"),
        (Schedule, (DAY, DAY), "schedule.enrol_until is .*; it must be after schedule.start"),
        (Schedule, (5,), "schedule.start is 5; it must be a datetime"),
        (Schedule, (None, 5), "schedule.enrol_until is 5; it must be a datetime"),
    ],
)
def test_a_faulty_part_is_refused(
    kind: Callable[..., object], values: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(AssignmentError, match=message):
        kind(*values)


def test_variants_of_equal_thresholds_never_compare_as_fourteen_digits() -> None:
    # A trailing weight of 0 makes two thresholds 2**52, which has 14 digits.
    split = Split(("a", "b", "c"), (1, 1, 0), 10_000)
    assert split.choose("f" * 64) == "b"
    assert split.choose("0" * 64) == "a"
    assert Split(("a", "b"), (0, 1), 10_000).choose("0" * 64) == "b"
    assert Split(("a",), (1,), 0).choose("0" * 64) is None


def test_a_number_that_equals_its_limit_is_not_below_it() -> None:
    half = "8000000000000"
    split = Split(("a", "b"), (1, 1), 5_000)
    assert split.choose("0" * 13 + half + "0" * 38) is None
    assert split.choose("0" * 13 + "7" + "f" * 12 + "f" * 38) == "a"
    assert split.choose(half + "0" * 51) == "b"
    assert split.choose("7" + "f" * 12 + "0" * 51) == "a"
    assert not below_share("0" * 13 + half + "0" * 38, share_limit(5_000))
    assert below_share("0" * 13 + "7" + "f" * 50, share_limit(5_000))
    assert below_share("f" * 64, share_limit(10_000))
    assert not below_share("0" * 64, share_limit(0))


@pytest.mark.parametrize("wrong", ["winback", None, {"key": "winback"}])
def test_assign_wants_a_prepared_experiment(wrong: object) -> None:
    with pytest.raises(AssignmentError, match=r"experiment is \w+; it must be an Experiment"):
        assign(wrong, "C000123")  # type: ignore[arg-type]
