"""What goes wrong reaches people, other processes and logs as one message."""

from __future__ import annotations

import copy
import pickle

import pytest

from abtest.errors import AbtestError, AssignmentError, DataError, Fault, SpecError

FAULTS = (
    Fault(("metrics", 0, "windw"), "unknown key", 'did you mean "window"?', line=23, file="e.yaml"),
    Fault((), "is empty", file="e.yaml"),
    Fault(("key",), "is 7; it must be text"),
)


def test_a_fault_says_where_what_and_what_next() -> None:
    assert [str(fault) for fault in FAULTS] == [
        'e.yaml:23: metrics.0.windw: unknown key\n  Hint: did you mean "window"?',
        "e.yaml: is empty",
        "key: is 7; it must be text",
    ]
    assert repr(FAULTS[2]) == "Fault('key', 'is 7; it must be text')"


@pytest.mark.parametrize(
    "error",
    [
        SpecError(FAULTS),
        DataError("a.csv is empty"),
        DataError("a.csv has no column 'x'", "It has: y."),
        AssignmentError("unit is empty"),
        AbtestError("no"),
    ],
)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])  # noqa: S301 - our own bytes
def test_errors_survive_the_way_to_another_process(error: AbtestError, again) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    found = again(error)
    assert type(found) is type(error)
    assert str(found) == str(error)
    if isinstance(error, SpecError) and isinstance(found, SpecError):
        assert [str(fault) for fault in found.faults] == [str(fault) for fault in error.faults]


def test_the_hint_is_part_of_the_text() -> None:
    assert str(DataError("a", "b")) == "a\n  Hint: b"
    assert str(DataError("a")) == "a"


def test_everything_is_an_abtest_error() -> None:
    assert issubclass(SpecError, AbtestError)
    assert issubclass(DataError, AbtestError)
    assert issubclass(AssignmentError, AbtestError)
    assert issubclass(AssignmentError, ValueError)
