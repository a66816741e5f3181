"""The formula ``sha256-52``: from a salt and a unit to 52-bit numbers, thresholds and buckets.

52 bits are exact in a signed 64-bit integer, a double and a JavaScript number, and are 13 whole
hexadecimal digits. Numbers of equal length compare as text as they do as integers, so decisions are
made on the digits themselves: it is the faster way here and the only portable one in SQL.
"""

import operator
from hashlib import sha256

from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from hashlib import _Hash

    Start = Callable[[], _Hash]

FORMULA = "sha256-52"
PARTS = 10_000
"""Coverage, holdout shares, layer slots and buckets are counted in ten-thousandths."""

_BITS = 52
_DIGITS = 13
SPACE = 1 << _BITS
"""How many values n1 and n2 can take."""
_ALPHANUMERIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_SALT_CHARACTERS = _ALPHANUMERIC | frozenset("._-")
_SALT_LENGTH = 64

_AS_TEXT = "read the id column as text."
_CAUSES = {
    "float": f"an id column with missing values was read as floating point; {_AS_TEXT}",
    "none": f"the id is missing: drop the row, or {_AS_TEXT}",
    "nan": f"the id is missing: drop the row, or {_AS_TEXT}",
    "nat": f"the id is missing: drop the row, or {_AS_TEXT}",
    "natype": f"the id is missing: drop the row, or {_AS_TEXT}",
    "nattype": f"the id is missing: drop the row, or {_AS_TEXT}",
    "nonetype": f"the id is missing: drop the row, or {_AS_TEXT}",
    "bool": "a yes/no value identifies nobody; check which column was passed.",
    "bytes": "decode it first, with the encoding it was written in.",
    "decimal": f"a numeric column was read as decimals; {_AS_TEXT}",
    "uuid": "pass str(unit), so that every language hashes the same text.",
}


def unit_text(unit: object) -> str:
    """The text that is hashed for a unit: the text itself, or an integer's decimal digits.

    Nothing is stripped, folded or normalised: other engines could not all do the same.

    Args:
        unit: Text of any characters and any length from 1, or an integer (``1`` equals ``"1"``).

    Returns:
        The unit as text.

    Raises:
        AssignmentError: The unit is empty or of another type; the message names the usual cause.

    Examples:
        >>> unit_text(7), unit_text("007")
        ('7', '007')
    """
    if isinstance(unit, str):
        if not unit:
            raise AssignmentError(
                "unit is empty; it must have at least one character.\n"
                "  Hint: the id is missing: drop the row before assigning."
            )
        return str.__str__(unit)
    if isinstance(unit, bool):
        raise _refused(unit)
    try:
        return str(operator.index(unit))  # type: ignore[arg-type]
    except TypeError:
        raise _refused(unit) from None
    except ValueError:
        # Python refuses to write integers of more than 4,300 digits.
        raise AssignmentError(
            "unit is an integer too long to be written out; it must be an id."
        ) from None


def _refused(unit: object) -> AssignmentError:
    name = type(unit).__name__
    cause = _CAUSES.get(name.lower().rstrip("0123456789_"), "pass the id itself.")
    return AssignmentError(
        f"unit is {repr(unit)[:60]} ({name}); it must be text or an integer.\n  Hint: {cause}"
    )


def salted(salt: str) -> "Start":
    """What starts a hash that has already read ``salt + ":"``, for ``digits_of``.

    A salt has no colon, so the first colon ends it. Copying the salted state costs a fifth less
    than hashing anew, and is safe to do from several threads at once.
    """
    return sha256(f"{salt}:".encode("ascii")).copy


def digits_of(start: "Start", text: str) -> str:
    """The 64 lowercase hexadecimal digits of SHA-256 over salt, colon and unit.

    Raises:
        AssignmentError: The text holds half of a surrogate pair, which UTF-8 cannot express.

    Examples:
        >>> digits_of(salted("exp-1"), "C000123")[:13]
        '2b4acf2fa9fa6'
    """
    state = start()
    try:
        state.update(text.encode())
    except UnicodeEncodeError:
        raise AssignmentError(
            f"unit is {text[:60]!r}; it must be valid Unicode.\n"
            "  Hint: half of a surrogate pair usually means that text was cut in the middle of a "
            "character or decoded with the wrong encoding."
        ) from None
    return state.hexdigest()


def bucket_of(digits: str) -> int:
    """The slot or bucket, 0 to 9,999: ``n1 * 10_000 >> 52``."""
    return int(digits[:_DIGITS], 16) * PARTS >> _BITS


def below_share(digits: str, limit: "str | None") -> bool:
    """Whether n2 is below the limit that ``share_limit`` gave."""
    return limit is None or digits[_DIGITS : 2 * _DIGITS] < limit


def share_limit(parts: int) -> "str | None":
    """The digits that n2 must be below for a share of ``parts`` ten-thousandths; None: no limit.

    2**52 has 14 digits and would compare wrongly as text, so a full share is no condition at all.
    """
    return None if parts == PARTS else digits13(parts * SPACE // PARTS)


def thresholds(weights: "Sequence[int]") -> tuple[int, ...]:
    """The exclusive upper end of each variant: ``cumulative_weight * 2**52 // total_weight``.

    Args:
        weights: Whole numbers from 0, with a sum above 0.

    Returns:
        One integer per weight, rising, the last one 2**52.

    Examples:
        >>> thresholds([1, 1]) == (2**51, 2**52)
        True
    """
    total = sum(weights)
    reached = 0
    ends = []
    for weight in weights:
        reached += weight
        ends.append(reached * SPACE // total)
    return tuple(ends)


def variant_limits(weights: "Sequence[int]") -> tuple[str, ...]:
    """The thresholds as 13 digits, up to the first that is 2**52; n1 needs no comparison there.

    Variant ``k`` is the first whose limit the digits are below; past the last limit it is variant
    ``len(limits)``.
    """
    return tuple(digits13(end) for end in thresholds(weights) if end < SPACE)


def slot_limit(slot: int) -> str:
    """The lowest 13 digits whose bucket is ``slot``, which is below 10,000.

    Examples:
        >>> slot_limit(5_000)
        '8000000000000'
    """
    return digits13(-(-slot * SPACE // PARTS))


def digits13(number: int) -> str:
    """A number below 2**52 as its 13 digits."""
    return f"{number:0{_DIGITS}x}"


def check_salt(value: object, name: str) -> str:
    """A salt as given, if it matches ``[A-Za-z0-9][A-Za-z0-9._-]{0,63}``.

    Raises:
        AssignmentError: It does not match.
    """
    if (
        isinstance(value, str)
        and 1 <= len(value) <= _SALT_LENGTH
        and value[0] in _ALPHANUMERIC
        and _SALT_CHARACTERS.issuperset(value)
    ):
        return str.__str__(value)
    raise AssignmentError(
        f"{name} is {repr(value)[:80]}; it must be 1 to {_SALT_LENGTH} of the characters "
        "A-Z a-z 0-9 . _ - and start with a letter or a digit."
    )


def check_integer(value: object, name: str, low: int, high: "int | None" = None) -> int:
    """A whole number from ``low`` to ``high``.

    Raises:
        AssignmentError: It is no integer (a bool and 1.0 are none), or out of range.
    """
    rule = f"from {low} to {high:,}" if high is not None else f"of at least {low}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        raise AssignmentError(f"{name} is {repr(value)[:60]}; it must be a whole number {rule}.")
    return number
