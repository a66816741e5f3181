"""Explicit ranges: which of the 2**52 numbers belong to which variant, written out.

The formula gives each variant one interval. A phase may give several instead, so that fewer units
change variant. Ranges are half-open, ``[start, end)``, and count whole numbers from 0 to 2**52:
thirds have no exact decimal, and every such number is exact in YAML, JSON and JavaScript.
"""

from abtest.assignment.formula import SPACE, thresholds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Ranges = tuple[tuple[int, int], ...]


def size_of(ranges: "Iterable[tuple[int, int]]") -> int:
    """How many numbers the ranges hold."""
    return sum(end - start for start, end in ranges)


def plain_ranges(weights: "Sequence[int]") -> "tuple[Ranges, ...]":
    """The ranges of the formula: one for each weight, none for a weight of 0.

    Examples:
        >>> plain_ranges([1, 0, 1]) == (((0, 2**51),), (), ((2**51, 2**52),))
        True
    """
    ends = thresholds(weights)
    pairs = zip((0, *ends), ends, strict=False)
    return tuple(((start, end),) if start < end else () for start, end in pairs)


def in_order(ranges: "Mapping[str, Ranges]") -> list[tuple[int, int, str]]:
    """Every range with its variant, by where it starts."""
    return sorted((start, end, name) for name, own in ranges.items() for start, end in own)


def steps_of(ranges: "Mapping[str, Ranges]") -> list[tuple[int, str]]:
    """Ends that rise, each with the variant of the numbers below it and not below the one before.

    Ranges of one variant that touch become one step.

    Args:
        ranges: Ranges without gap or overlap.
    """
    steps: list[tuple[int, str]] = []
    for _, end, name in in_order(ranges):
        if steps and steps[-1][1] == name:
            steps.pop()
        steps.append((end, name))
    return steps


def range_faults(
    ranges: "Mapping[str, Ranges]", weights: "Mapping[str, int]"
) -> "Iterator[tuple[str, str]]":
    """What is wrong with explicit ranges: the variant (empty for all of them) and why.

    They must hold each number from 0 to 2**52 once, and each variant must have its weight's part of
    them: ``weight * 2**52 / total``, rounded down or up.

    Args:
        ranges: Ranges by variant; a variant without ranges takes nobody.
        weights: The weight of every variant.
    """
    faults = list(_empty(ranges)) or list(_misfits(ranges)) or list(_sizes(ranges, weights))
    yield from faults


def _empty(ranges: "Mapping[str, Ranges]") -> "Iterator[tuple[str, str]]":
    for start, end, name in in_order(ranges):
        if start >= end:
            yield name, f"has the range [{start}, {end}], which must end after it starts"


def _misfits(ranges: "Mapping[str, Ranges]") -> "Iterator[tuple[str, str]]":
    reached, owner = 0, ""
    for start, end, name in in_order(ranges):
        if start < reached:
            rule = "each number must be in one range only"
            yield name, f"has the range [{start}, {end}], which overlaps one of {owner}; {rule}"
        elif start > reached:
            yield "", _gap(reached, start)
        if end > reached:
            reached, owner = end, name
    if reached < SPACE:
        yield "", _gap(reached, SPACE)


def _gap(start: int, end: int) -> str:
    return f"leave out [{start}, {end}]; they must hold every number from 0 to 2**52 = {SPACE}"


def _sizes(
    ranges: "Mapping[str, Ranges]", weights: "Mapping[str, int]"
) -> "Iterator[tuple[str, str]]":
    total = sum(weights.values())
    for name, weight in weights.items():
        size = size_of(ranges.get(name, ()))
        if abs(size * total - weight * SPACE) < total:
            continue
        least, rest = divmod(weight * SPACE, total)
        wanted = f"{least} or {least + 1}" if rest else f"{least}"
        has = f"has {size} of the 2**52 numbers ({size / SPACE:.4%})"
        rule = f"for its weight, {weight} of {total}, it must have {wanted} ({weight / total:.4%})"
        yield name, f"{has}; {rule}"
