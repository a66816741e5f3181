"""Which ids are hashed, as what text, and what is said about the others."""

from __future__ import annotations

import decimal
import enum
import hashlib
import math
import uuid

import numpy as np
import pandas as pd
import pytest

from abtest.assignment import Experiment, assign
from abtest.assignment.formula import digits_of, salted, unit_text
from abtest.errors import AssignmentError

EXPERIMENT = Experiment("exp-1", [("control", 1), ("coupon", 1)])


class Tier(enum.StrEnum):
    GOLD = "gold"


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("C1", "C1"),
        (1, "1"),
        (-5, "-5"),
        (10**99, "1" + "0" * 99),
        (np.int64(7), "7"),
        (np.uint8(7), "7"),
        (np.array(7), "7"),
        (np.str_("C1"), "C1"),
        (Tier.GOLD, "gold"),
        (Number.ONE, "1"),
    ],
)
def test_text_and_integers_are_taken_as_they_are(unit: object, text: str) -> None:
    assert unit_text(unit) == text
    assert type(unit_text(unit)) is str
    assert assign(EXPERIMENT, unit) == assign(EXPERIMENT, text)  # type: ignore[arg-type]
    assert EXPERIMENT.variant(unit) == EXPERIMENT.variant(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "01"), ("a", "A"), ("a", " a"), ("a", "a "), ("caf\u00e9", "cafe\u0301"), ("1", "1.0")],
)
def test_nothing_is_stripped_folded_or_normalised(one: str, other: str) -> None:
    start = salted("exp-1")
    assert digits_of(start, one) != digits_of(start, other)
    assert digits_of(start, other) == hashlib.sha256(f"exp-1:{other}".encode()).hexdigest()


def test_known_answer_of_sha256sum() -> None:
    # $ printf 'exp-1:C000123' | sha256sum
    wanted = "2b4acf2fa9fa6dbe98a4fc625af7a3252b1c9da738851a79f311df3bb318757a"
    assert digits_of(salted("exp-1"), "C000123") == wanted


@pytest.mark.parametrize(
    ("unit", "cause"),
    [
        (1.0, "missing values was read as floating point"),
        (math.nan, "missing values was read as floating point"),
        (np.float32(1), "missing values was read as floating point"),
        (None, "the id is missing"),
        (pd.NA, "the id is missing"),
        (pd.NaT, "the id is missing"),
        (True, "a yes/no value identifies nobody"),
        (np.bool_(1), "a yes/no value identifies nobody"),
        (b"C1", "decode it first"),
        (decimal.Decimal(1), "read as decimals"),
        (uuid.UUID(int=1), r"pass str\(unit\)"),
        (["C1"], "pass the id itself"),
        (np.array([1, 2]), "pass the id itself"),
        ("", "the id is missing"),
        ("\ud83d", "cut in the middle of a character"),
        (10**5000, "too long to be written out"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_ids_are_refused_with_the_usual_cause(unit: object, cause: str) -> None:
    with pytest.raises(AssignmentError, match=cause):
        assign(EXPERIMENT, unit)  # type: ignore[arg-type]
    with pytest.raises(AssignmentError, match=cause):
        EXPERIMENT.variant(unit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unit is"):
        assign(EXPERIMENT, unit)  # type: ignore[arg-type]
