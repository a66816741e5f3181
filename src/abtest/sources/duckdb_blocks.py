"""Blocked assignment of a known list: exact balance within each stratum.

In a stratum of n units, ordered by hash, the unit at place r (from 0) gets the first variant whose
cumulative weight W_k satisfies

    (r + u) * W < W_k * n,    W the sum of the weights, u in [0, 1) a number of the stratum

so that each variant gets n * w / W units, to the next whole number up or down. The offset u, from a
hash of the stratum's value, decides which variant gets the odd unit: over many strata they even
out. The order and u depend only on the salt, the ids and the strata, so the same list gives the
same file; but another list gives other places, which is why no single unit can be assigned so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.sources.duckdb_sql import literal

if TYPE_CHECKING:
    from abtest.assignment.parts import Split

PLACED = ("abtest_place", "abtest_size")
ROW = "abtest_row"
_FINE = 1 << 20


def blocked(body: str, chosen: str, stratum: str, split: Split, seed: str) -> tuple[str, str]:
    """The rows with their places in blocks, and the variant by place instead of by hash.

    Args:
        body: The derived table of ``abtest.assignment.sql.assigned``.
        chosen: The variant by hash, which still holds for overrides.
        stratum: The column, quoted. Missing values are a stratum of their own.
        split: The weights in force.
        seed: The salt. No unit's key starts with a salt and a slash, so strata share no hash.
    """
    inside = f"abtest_reason = 'split', {stratum}"
    placed = (
        f"(SELECT *, row_number() OVER (PARTITION BY {inside} ORDER BY abtest_digits) - 1 "
        f"AS abtest_place, count(*) OVER (PARTITION BY {inside}) AS abtest_size FROM {body})"
    )
    value = f"coalesce('=' || CAST({stratum} AS VARCHAR), '')"
    offset = f"CAST('0x' || sha256({literal(seed + '/')} || {value})[1:5] AS BIGINT)"
    place = f"(abtest_place * {_FINE} + {offset})::HUGEINT * {sum(split.weights)}"
    reached, lines = 0, []
    for name, weight in zip(split.names[:-1], split.weights[:-1], strict=True):
        reached += weight
        limit = f"abtest_size::HUGEINT * {reached * _FINE}"
        lines.append(f"WHEN {place} < {limit} THEN {literal(name)}")
    last = literal(split.names[-1])
    dealt = f"CASE {' '.join(lines)} ELSE {last} END" if lines else last
    return placed, f"CASE WHEN abtest_reason = 'split' THEN {dealt} ELSE {chosen} END"
