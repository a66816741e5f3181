"""Uniform, independent and mixing, and the tests that say so reject hashes known to be bad.

The hash, the salts and the ids are fixed, so each p-value is a constant and these tests cannot
flake. There are about fifty of them: at a limit of 0.0001 a good hash would pass with salts chosen
blindly in 99.5% of all tries. The bad hashes are rejected at 1e-9.

A million ids here, ten million in ``make calibrate``; DuckDB computes the hash, which other tests
hold to the vectors.
"""

from __future__ import annotations

import functools
import itertools
import zlib
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abtest.assignment.formula import digits_of, salted

if TYPE_CHECKING:
    from collections.abc import Callable

MILLION = 1_000_000
COUNTS = [MILLION, pytest.param(10 * MILLION, marks=pytest.mark.slow)]
BAD = 200_000
"""Enough to reject a bad hash, which Python computes one id at a time."""
LIMIT = 1e-4
REJECTED = 1e-9

Shares = npt.NDArray[np.float64]
IDS = {
    "sequential": "range::VARCHAR",
    "zero_padded": "'C' || lpad(range::VARCHAR, 9, '0')",
    "email": "'u' || range || '@example.com'",
    "uuid": "md5(range::VARCHAR)::UUID::VARCHAR",
}
WRITE: dict[str, Callable[[int], str]] = {
    "zero_padded": "C{:09d}".format,
    "email": "u{}@example.com".format,
}


def numbers(salt: str, ids: str, count: int) -> tuple[Shares, Shares]:
    """n1 and n2 of every id, as shares of 2**52."""
    digits = f"sha256('{salt}:' || {IDS[ids]})"
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT ('0x' || digits[1:13])::BIGINT AS n1, ('0x' || digits[14:26])::BIGINT AS n2 "
            f"FROM (SELECT {digits} AS digits FROM range({count}))"
        ).fetchnumpy()
    first, second = (np.asarray(found[name], dtype=np.float64) for name in ("n1", "n2"))
    return first / 2**52, second / 2**52


def test_these_numbers_are_those_of_the_formula() -> None:
    first, second = numbers("exp-1", "email", 1_000)
    for number in range(1_000):
        digits = digits_of(salted("exp-1"), WRITE["email"](number))
        assert first[number] == int(digits[:13], 16) / 2**52
        assert second[number] == int(digits[13:26], 16) / 2**52


def crc32(salt: str, ids: str) -> Shares:
    write = WRITE[ids]
    return np.array([zlib.crc32(f"{salt}:{write(n)}".encode()) for n in range(BAD)]) / 2**32


def fnv1a(salt: str, ids: str) -> Shares:
    write = WRITE[ids]
    return fnv1a_of([f"{salt}:{write(n)}".encode() for n in range(BAD)]) / 2**32


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
    expected = len(shares) / intervals
    statistic = ((counts - expected) ** 2).sum() / expected
    chi2 = stats.chi2(intervals - 1)
    return float(2 * min(chi2.sf(statistic), chi2.cdf(statistic)))


def independence(one: Shares, other: Shares, cells: int = 20) -> float:
    """Chi-square p-value that two numbers fall independently into a table of cells x cells."""
    place = (one * cells).astype(int) * cells + (other * cells).astype(int)
    table = np.bincount(place, minlength=cells * cells).reshape(cells, cells)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("salt", ["checkout-button", "exp-1"])
def test_both_numbers_are_uniform_and_independent(salt: str, ids: str, count: int) -> None:
    first, second = numbers(salt, ids, count)
    for shares in (first, second):
        assert uniformity(shares) > LIMIT
        assert stats.kstest(shares, "uniform").pvalue > LIMIT
    assert independence(first, second, cells=100) > LIMIT
    assert independence(first[:-1], first[1:]) > LIMIT  # neighbours in the list


@functools.lru_cache(maxsize=8)
def firsts(salt: str, count: int) -> Shares:
    return numbers(salt, "zero_padded", count)[0]


ALIKE = ["exp-1", "exp-2", "exp-3", "exp_1", "Exp-1", "exp-11", "exp-1a", "exp.1"]


@pytest.mark.parametrize("count", COUNTS)
def test_salts_that_look_alike_are_independent(count: int) -> None:
    shares = {salt: firsts(salt, count) for salt in ALIKE}
    pvalues = [independence(shares[a], shares[b]) for a, b in itertools.combinations(ALIKE, 2)]
    assert min(pvalues) > LIMIT
    assert stats.kstest(pvalues, "uniform").pvalue > LIMIT


@pytest.mark.parametrize("count", COUNTS)
def test_parity_over_two_to_five_experiments_is_a_fair_coin(count: int) -> None:
    halves = {salt: firsts(salt, count) >= 0.5 for salt in ALIKE}
    for ways in (2, 3, 4, 5):
        pvalues = []
        for salts in itertools.combinations(ALIKE, ways):
            odd = np.bitwise_xor.reduce([halves[salt] for salt in salts])
            z = (2 * int(odd.sum()) - count) / np.sqrt(count)
            pvalues.append(2 * stats.norm.sf(abs(z)))
        assert min(pvalues) * len(pvalues) > LIMIT
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
