"""Uniform, independent and mixing, and the tests that say so reject hashes known to be bad.

The hash, the salts and the ids are fixed, so each p-value is a constant and these tests cannot
flake. There are about fifty of them: at a limit of 0.0001 a good hash would pass with salts chosen
blindly in 99.5% of all tries. The bad hashes are rejected at 1e-9.
"""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abtest.assignment.formula import digits_of, salted

if TYPE_CHECKING:
    from collections.abc import Callable

N = 200_000
LIMIT = 1e-4
REJECTED = 1e-9

Shares = npt.NDArray[np.float64]
IDS: dict[str, Callable[[int], str]] = {
    "sequential": str,
    "zero_padded": "C{:09d}".format,
    "email": "u{}@example.com".format,
    "uuid": lambda number: str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)),
}


def numbers(salt: str, ids: str) -> tuple[Shares, Shares]:
    """n1 and n2 of every id, as shares of 2**52."""
    start, write = salted(salt), IDS[ids]
    digits = [digits_of(start, write(number)) for number in range(N)]
    first = np.array([int(text[:13], 16) for text in digits]) / 2**52
    second = np.array([int(text[13:26], 16) for text in digits]) / 2**52
    return first, second


def crc32(salt: str, ids: str) -> Shares:
    write = IDS[ids]
    return np.array([zlib.crc32(f"{salt}:{write(n)}".encode()) for n in range(N)]) / 2**32


def fnv1a(salt: str, ids: str) -> Shares:
    write = IDS[ids]
    return fnv1a_of([f"{salt}:{write(n)}".encode() for n in range(N)]) / 2**32


def fnv1a_of(keys: list[bytes]) -> npt.NDArray[np.uint32]:
    """The 32-bit FNV-1a hash of every key, a column of letters at a time."""
    letters = np.array(keys).view(np.uint8).reshape(len(keys), -1)
    state = np.full(len(keys), 0x811C9DC5, dtype=np.uint32)
    for column in letters.T:
        mixed = (state ^ column) * np.uint32(0x01000193)
        state = np.where(column > 0, mixed, state)  # shorter keys end in zero bytes
    return state


def uniformity(shares: Shares, intervals: int = 10_000) -> float:
    """Two-sided p-value of chi-square over equal intervals: too even is as wrong as too uneven."""
    counts = np.bincount((shares * intervals).astype(int), minlength=intervals)
    statistic = ((counts - N / intervals) ** 2).sum() / (N / intervals)
    chi2 = stats.chi2(intervals - 1)
    return float(2 * min(chi2.sf(statistic), chi2.cdf(statistic)))


def independence(one: Shares, other: Shares, cells: int = 20) -> float:
    """Chi-square p-value that two numbers fall independently into a table of cells x cells."""
    place = (one * cells).astype(int) * cells + (other * cells).astype(int)
    table = np.bincount(place, minlength=cells * cells).reshape(cells, cells)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("salt", ["checkout-button", "exp-1"])
def test_both_numbers_are_uniform_and_independent(salt: str, ids: str) -> None:
    first, second = numbers(salt, ids)
    for shares in (first, second):
        assert uniformity(shares) > LIMIT
        assert stats.kstest(shares, "uniform").pvalue > LIMIT
    assert independence(first, second) > LIMIT


def test_salts_that_look_alike_are_independent() -> None:
    salts = ["exp-1", "exp-2", "exp-3", "exp_1", "Exp-1", "exp-11"]
    firsts = {salt: numbers(salt, "zero_padded")[0] for salt in salts}
    pairs = [(a, b) for index, a in enumerate(salts) for b in salts[index + 1 :]]
    pvalues = [independence(firsts[a], firsts[b]) for a, b in pairs]
    assert min(pvalues) > LIMIT
    assert stats.kstest(pvalues, "uniform").pvalue > LIMIT


@pytest.mark.parametrize("bad_hash", [crc32, fnv1a])
def test_bad_hashes_fail_the_test_of_look_alike_salts(
    bad_hash: Callable[[str, str], Shares],
) -> None:
    one, other = bad_hash("exp-1", "zero_padded"), bad_hash("exp-2", "zero_padded")
    assert independence(one, other) < REJECTED


@pytest.mark.parametrize("bad_hash", [crc32, fnv1a])
def test_bad_hashes_fail_the_test_of_uniformity(bad_hash: Callable[[str, str], Shares]) -> None:
    assert min(uniformity(bad_hash("exp-1", ids)) for ids in ("zero_padded", "email")) < REJECTED


def test_the_negative_control_is_really_fnv1a() -> None:
    # Published with the algorithm: 32-bit FNV-1a of "a" and of "foobar".
    assert fnv1a_of([b"a", b"foobar"]).tolist() == [0xE40C292C, 0xBF9CF968]


def test_one_changed_character_flips_half_of_the_bits() -> None:
    start = salted("checkout-button")
    count, positions = 2_000, 10
    rng = np.random.default_rng(20260105)
    letters = rng.integers(0, 36, size=(count, positions))
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

    def bits(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        texts = ["".join(alphabet[letter] for letter in row) for row in rows]
        raw = b"".join(bytes.fromhex(digits_of(start, text))[:13] for text in texts)
        return np.unpackbits(np.frombuffer(raw, dtype=np.uint8)).reshape(count, 104)

    before = bits(letters)
    flips = np.zeros((positions, 104))
    for position in range(positions):
        changed = letters.copy()
        changed[:, position] = (changed[:, position] + rng.integers(1, 36, size=count)) % 36
        flips[position] = (bits(changed) != before).sum(axis=0)
    z = (flips - count / 2) / np.sqrt(count / 4)
    assert stats.chi2.sf((z**2).sum(), z.size) > LIMIT
    assert np.abs(z).max() < stats.norm.isf(LIMIT / 2 / z.size)
