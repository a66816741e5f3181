"""Who changes variant when weights change, under the plain formula and at the least.

The formula gives each variant one interval of the 52-bit number. Changed weights move the ends of
all intervals behind the first change, so more units switch than have to: at the least, each variant
loses only the share by which it shrinks. Explicit ranges reach that.
"""

from dataclasses import dataclass
from fractions import Fraction

from abtest.assignment.formula import SPACE
from abtest.assignment.ranges import in_order, plain_ranges, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.assignment.parts import Split
    from abtest.assignment.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Switching:
    """What a change of weights does to the units that are enrolled before and after.

    Attributes:
        flows: Share of all units by old and new variant, each at most 1; their sum is 1.
        switched: Share of units whose variant changes.
        minimum: Share that must change whatever the intervals, sum of max(0, old - new share).
    """

    flows: "Mapping[tuple[str, str], Fraction]"
    switched: Fraction
    minimum: Fraction

    def leaving(self, variant: str) -> Fraction:
        """Share of all units that leave a variant."""
        pairs = self.flows.items()
        return sum((s for (a, b), s in pairs if a == variant != b), Fraction(0))


def ranges_of(weights: "Mapping[str, int]") -> "dict[str, Ranges]":
    """The formula's ranges by variant."""
    return dict(zip(weights, plain_ranges(list(weights.values())), strict=True))


def ranges_in(split: "Split") -> "dict[str, Ranges]":
    """The ranges of a split by variant, written out or the formula's."""
    ranges = plain_ranges(split.weights) if split.ranges is None else split.ranges
    return dict(zip(split.names, ranges, strict=True))


def switching(old: "Mapping[str, Ranges]", new: "Mapping[str, Ranges]") -> Switching:
    """Compare two splits with the same salt, exactly.

    Args:
        old: Ranges by variant, without gap or overlap.
        new: Ranges by variant; variants may have come and gone.

    Returns:
        The shares that flow from variant to variant.

    Example:
        >>> three, four = ranges_of(dict.fromkeys("abc", 1)), ranges_of(dict.fromkeys("abcd", 1))
        >>> found = switching(three, four)
        >>> round(float(found.switched), 6), round(float(found.minimum), 6)
        (0.5, 0.25)
    """
    flows: dict[tuple[str, str], Fraction] = {}
    for name, own in old.items():
        for other, its in new.items():
            shared = sum(min(a[1], b[1]) - max(a[0], b[0]) for a in own for b in its if _meet(a, b))
            if shared:
                flows[name, other] = Fraction(shared, SPACE)
    lost = (max(0, size_of(own) - size_of(new.get(name, ()))) for name, own in old.items())
    switched = sum((share for (a, b), share in flows.items() if a != b), Fraction(0))
    return Switching(flows, switched, Fraction(sum(lost), SPACE))


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def fewest_moves(old: "Mapping[str, Ranges]", weights: "Mapping[str, int]") -> "dict[str, Ranges]":
    """Ranges for new weights that move no more units than the weights demand.

    Each variant has as many numbers as the formula gives it. One that shrinks keeps its lowest
    numbers; those that grow take what is free, from the lowest up, in the order of the weights.
    Where the formula's own intervals move as few, they are the answer.

    Args:
        old: Ranges by variant that hold each number once; variants may be gone from the weights.
        weights: The new weight of every variant.

    Example:
        >>> three = ranges_of(dict.fromkeys("abc", 1))
        >>> four = fewest_moves(three, dict.fromkeys("abcd", 1))
        >>> switching(three, four).switched == switching(three, four).minimum
        True
    """
    plain = ranges_of(weights)
    found = switching(old, plain)
    if found.switched == found.minimum:
        return plain
    sizes = {name: size_of(own) for name, own in plain.items()}
    kept = {name: _cut(old.get(name, ()), size)[0] for name, size in sizes.items()}
    free = _gaps(kept)
    new: dict[str, Ranges] = {}
    for name, size in sizes.items():
        taken, free = _cut(free, size - size_of(kept[name]))
        new[name] = _joined(kept[name] + taken)
    return new


def _cut(ranges: "Ranges", size: int) -> "tuple[Ranges, Ranges]":
    """The lowest ``size`` numbers of the ranges, or all where there are fewer, and the rest."""
    first: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        middle = min(end, start + size)
        size -= middle - start
        if start < middle:
            first.append((start, middle))
        if middle < end:
            rest.append((middle, end))
    return tuple(first), tuple(rest)


def _gaps(ranges: "Mapping[str, Ranges]") -> "Ranges":
    """What no range holds."""
    gaps = []
    reached = 0
    for start, end, _ in [*in_order(ranges), (SPACE, SPACE, "")]:
        if reached < start:
            gaps.append((reached, start))
        reached = end
    return tuple(gaps)


def _joined(ranges: "Ranges") -> "Ranges":
    """The ranges in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]  # noqa: PLW2901 - the range now begins earlier
        joined.append((start, end))
    return tuple(joined)
