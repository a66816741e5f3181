"""Ids that are probably not what they should be: counted, never repaired.

The hash takes an id byte for byte, so an id that was damaged on its way is another customer. Kinds:

    missing         null, empty or what a program writes for nothing (NaN, None)
    outer_blanks    a blank of any script at either end
    control         a control character, or a mark that turns the direction of writing
    not_nfc         a letter and its accent as two characters
    case_twin       differs from another id of the list in case only
    lost_zeros      digits without the leading zeros that another id of the list has

The first four are seen in the row itself (``basic``), the last two need the whole list (``full``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abtest.sources.duckdb_engine import DuckDBEngine

CheckIds = Literal["none", "basic", "full"]

ID = "abtest_id"
"""The column of ids as text."""

_BLANK = r"[\s\x{feff}\x{200b}\p{Z}]"
_CONTROL = r"[\p{Cc}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
# Nearly every id is plain; one look for anything else saves the four others their work.
_PLAIN = r"[!-~]+"
_BASIC = {
    "missing": f"{ID} IS NULL OR {ID} = ''",
    "outer_blanks": f"regexp_matches({ID}, '^{_BLANK}|{_BLANK}$')",
    "control": f"regexp_matches({ID}, '{_CONTROL}')",
    "not_nfc": f"nfc_normalize({ID}) <> {ID}",
}
_FULL = {
    "case_twin": f"lower({ID}) IN (SELECT folded FROM abtest_case_twins)",
    "lost_zeros": f"NOT starts_with({ID}, '0') AND {ID} IN (SELECT bare FROM abtest_lost_zeros)",
}


def dirt(level: CheckIds) -> dict[str, str]:
    """The condition of each kind of dirt that a level looks for."""
    if level == "none":
        return {}
    return _BASIC if level == "basic" else {**_BASIC, **_FULL}


def dirty(level: CheckIds) -> str:
    """Whether an id has dirt of any kind; never null."""
    if level == "none":
        return "false"
    # CASE, because AND would do the work of all its conditions for every id.
    basic = " OR ".join(f"coalesce({test}, false)" for test in _BASIC.values())
    found = f"CASE WHEN regexp_full_match({ID}, '{_PLAIN}') THEN false ELSE {basic} END"
    if level == "full":
        found += "".join(f" OR coalesce({test}, false)" for test in _FULL.values())
    return f"({found})"


def prepare_twins(engine: DuckDBEngine, population: str) -> None:
    """Find the ids that resemble another one: two tables that ``full`` conditions name."""
    engine.query(
        f"CREATE OR REPLACE TEMP TABLE abtest_case_twins AS SELECT lower({ID}) AS folded "
        f"FROM {population} GROUP BY 1 HAVING min({ID}) <> max({ID})"
    )
    engine.query(
        f"CREATE OR REPLACE TEMP TABLE abtest_lost_zeros AS SELECT ltrim({ID}, '0') AS bare "
        f"FROM {population} WHERE regexp_full_match({ID}, '[0-9]+') "
        f"GROUP BY 1 HAVING min({ID}) <> max({ID})"
    )
