"""The split as one SELECT, for the engine where the customers are.

Decisions compare the hash's hexadecimal digits as text: digits of one length sort as the numbers
that they write, in every engine and collation, and no engine has to read 13 of them as an integer.
Where a limit would be 2**52, which has 14 digits, there is no comparison: the last variant is the
ELSE, and full coverage is no condition. Units with an override are recognised by their digits too,
because texts compare without regard to case or outer blanks in some engines.
"""

from dataclasses import dataclass

from abtest.assignment.dialects import DIALECTS, Dialect
from abtest.assignment.formula import (
    FORMULA,
    PARTS,
    digits_of,
    salted,
    share_limit,
    slot_limit,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from abtest.assignment.experiment import Experiment

_UNIT = "abtest_unit"
_DIGITS = "abtest_digits"
_LAYER = "abtest_layer"
_HOLDOUT = "abtest_holdout"
_REASON = "abtest_reason"
HELPERS = (_UNIT, _DIGITS, _LAYER, _HOLDOUT, _REASON)
"""Columns that the inner selects of ``assigned`` add."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the units are.

    Attributes:
        table: What stands after FROM.
        column: The column that is hashed, unquoted.
        select: Which of its columns are carried along.
        text: The column as text, where that is more than a cast; the dialect's cast if empty.
    """

    table: str
    column: str
    select: str
    text: str = ""


def select(  # noqa: PLR0913 - a statement is these facts
    experiment: "Experiment",
    dialect: str,
    *,
    column: str,
    table: str = "customers",
    unit: "str | None" = None,
    at: "datetime | None" = None,
) -> str:
    """One SELECT that assigns every row of a table as ``abtest.assign`` would.

    A row whose id is null or empty, which ``assign`` refuses, gets nulls.

    Args:
        experiment: The prepared experiment.
        dialect: A key of ``DIALECTS``.
        column: The column that is hashed; it must hold text or whole numbers.
        table: What stands after FROM, as written.
        unit: The column that is shown, where another one (a household) is hashed.
        at: When the units are assigned, with a time zone. Written into the statement: the same
            statement gives the same answer on every day.

    Returns:
        The statement, with the columns unit, variant, reason and bucket.

    Raises:
        AssignmentError: ``at`` is missing where phases change the split, or a variant's name cannot
            be written in the dialect.

    Examples:
        >>> from abtest import Experiment
        >>> experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
        >>> "WHEN substr(abtest_digits, 1, 13) < '8000000000000' THEN 'control'" in select(
        ...     experiment, "postgres", column="customer_id"
        ... )
        True
    """
    engine = DIALECTS[dialect]
    shown = engine.name_of(unit or column)
    names = [engine.name_of(name) for name in ("variant", "reason", "bucket")]
    rows = Rows(table, column, shown)
    body = assigned(experiment, engine, rows, at)
    return (
        f"{_heading(experiment, dialect, at)}"
        f"SELECT\n  {shown},\n  {variant(experiment, engine, at)} AS {names[0]},\n"
        f"  {_REASON} AS {names[1]},\n  {bucket(engine)} AS {names[2]}\nFROM {body}\n"
    )


def _heading(experiment: "Experiment", dialect: str, at: "datetime | None") -> str:
    moment = "no time: the schedule is not checked" if at is None else f"at {at.isoformat()}"
    return f"-- {FORMULA}, salt {experiment.seed}, {dialect}, {moment}\n"


def assigned(
    experiment: "Experiment", dialect: Dialect, rows: Rows, at: "datetime | None" = None
) -> str:
    """A derived table of the rows with digits and reason, for ``variant`` and ``bucket``."""
    key = dialect.name_of(rows.column)
    text = rows.text or dialect.text.format(key)
    salts = {_DIGITS: experiment.seed}
    if experiment.layer is not None:
        salts[_LAYER] = experiment.layer.salt
    if experiment.holdout is not None:
        salts[_HOLDOUT] = experiment.holdout.salt
    hashes = ", ".join(f"{_hash(dialect, salt)} AS {name}" for name, salt in salts.items())
    reason = _reason(experiment, dialect, at)
    return (
        f"(\n  SELECT abtest_hashed.*,\n    {reason} AS {_REASON}\n  FROM (\n"
        f"    SELECT abtest_rows.*, {hashes}\n    FROM (\n"
        f"      SELECT {rows.select}, {text} AS {_UNIT} FROM {rows.table}\n"
        "    ) abtest_rows\n  ) abtest_hashed\n) abtest_decided"
    )


def _hash(dialect: Dialect, salt: str) -> str:
    return dialect.sha256.format(dialect.join.format(f"'{salt}:'", _UNIT))


def _n1(dialect: Dialect, digits: str) -> str:
    return digits if dialect.bytewise else dialect.part.format(digits, 1, 13)


def _n2(dialect: Dialect, digits: str) -> str:
    return dialect.part.format(digits, 14, 13)


def _reason(experiment: "Experiment", dialect: Dialect, at: "datetime | None") -> str:
    """What decides; the order of the lines is that of ``abtest.assign``."""
    _, split = experiment.in_force(at)
    lines = [f"WHEN {_UNIT} IS NULL OR {dialect.empty.format(_UNIT)} THEN NULL"]
    if experiment.holdout is not None:
        held = _below(_n2(dialect, _HOLDOUT), share_limit(experiment.holdout.share_parts))
        lines.append(f"WHEN {held} THEN 'holdout'")
    if experiment.overrides:
        known = ", ".join(f"'{digits}'" for digits in _overrides(experiment))
        lines.append(f"WHEN {_DIGITS} IN ({known}) THEN 'override'")
    if experiment.layer is not None:
        slot = _n1(dialect, _LAYER)
        owned = " OR ".join(_slots(slot, first, end) for first, end in experiment.layer.slots)
        lines.append(f"WHEN NOT ({owned}) THEN 'layer'")
    if at is not None and experiment.schedule is not None and not experiment.schedule.contains(at):
        lines.append("WHEN 1 = 1 THEN 'outside_schedule'")
    limit = share_limit(split.coverage_parts)
    if limit is not None:
        lines.append(f"WHEN {_n2(dialect, _DIGITS)} >= '{limit}' THEN 'not_enrolled'")
    return _case(lines, "'split'")


def _below(digits: str, limit: "str | None") -> str:
    return "1 = 1" if limit is None else f"{digits} < '{limit}'"


def _slots(digits: str, first: int, end: int) -> str:
    if end == PARTS:
        return f"{digits} >= '{slot_limit(first)}'"
    return f"({digits} >= '{slot_limit(first)}' AND {digits} < '{slot_limit(end)}')"


def _overrides(experiment: "Experiment") -> dict[str, str]:
    """The variant of each unit with an override, by the unit's 64 digits."""
    start = salted(experiment.seed)
    return {digits_of(start, unit): name for unit, name in sorted(experiment.overrides.items())}


def variant(experiment: "Experiment", dialect: Dialect, at: "datetime | None" = None) -> str:
    """The variant of a row of ``assigned``; null where the reason gives none."""
    _, split = experiment.in_force(at)
    n1 = _n1(dialect, _DIGITS)
    steps = [f"WHEN {n1} < '{limit}' THEN {dialect.literal(name)}" for limit, name in split.steps]
    chosen = _case(steps, dialect.literal(split.last), "      ")
    lines = [f"WHEN {_REASON} = 'split' THEN {chosen}"]
    lines += [
        f"WHEN {_REASON} = 'override' AND {_DIGITS} = '{digits}' THEN {dialect.literal(name)}"
        for digits, name in _overrides(experiment).items()
    ]
    return _case(lines, "NULL")


def bucket(dialect: Dialect) -> str:
    """The bucket of a row of ``assigned``: ``n1 * 10_000 >> 52`` without leaving 64 bits.

    With ``n1 = high * 2**24 + low`` that is ``(high * 10_000 + low * 10_000 // 2**24) // 2**28``.
    """
    high = dialect.number.format(dialect.part.format(_DIGITS, 1, 7), "0")
    low = dialect.number.format(dialect.part.format(_DIGITS, 8, 6), "00")
    rest = dialect.divide.format(f"{low} * {PARTS}", 1 << 24, 24)
    exact = dialect.divide.format(f"{high} * {PARTS} + {rest}", 1 << 28, 28)
    if dialect.name != "duckdb":
        return exact
    # Reading digits is a fifth of a bulk run. The low ones add less than 10,000, which matters for
    # one id in 27,000 only.
    settled = f"({high} * {PARTS}) % {1 << 28} < {(1 << 28) - PARTS}"
    short = dialect.divide.format(f"{high} * {PARTS}", 1 << 28, 28)
    return f"CASE WHEN {settled} THEN {short} ELSE {exact} END"


def _case(lines: list[str], otherwise: str, indent: str = "    ") -> str:
    if not lines:
        return otherwise
    whens = "".join(f"\n{indent}  {line}" for line in lines)
    return f"CASE{whens}\n{indent}  ELSE {otherwise}\n{indent}END"
