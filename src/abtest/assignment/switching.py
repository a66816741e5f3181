"""Who changes variant when weights change, under the plain formula and at the least.

The formula gives each variant one interval of the 52-bit number. Changed weights move the ends of
all intervals behind the first change, so more units switch than have to: at the least, each variant
loses only the share by which it shrinks.
"""

from dataclasses import dataclass
from fractions import Fraction

from abtest.assignment.formula import thresholds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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


def switching(old: "Mapping[str, int]", new: "Mapping[str, int]") -> Switching:
    """Compare two splits with the same salt, exactly.

    Args:
        old: Weights by variant, in order.
        new: Weights by variant, in order; variants may have come and gone.

    Returns:
        The shares that flow from variant to variant.

    Example:
        >>> three, four = dict.fromkeys("abc", 1), dict.fromkeys("abcd", 1)
        >>> found = switching(three, four)
        >>> round(float(found.switched), 6), round(float(found.minimum), 6)
        (0.5, 0.25)
    """
    before, after = list(_intervals(old)), list(_intervals(new))
    flows: dict[tuple[str, str], Fraction] = {}
    for name, start, end in before:
        for other, first, last in after:
            shared = min(end, last) - max(start, first)
            if shared > 0:
                flows[name, other] = Fraction(shared, 1 << 52)
    sizes_after = {name: end - start for name, start, end in after}
    lost = (max(0, end - start - sizes_after.get(name, 0)) for name, start, end in before)
    switched = sum((share for (a, b), share in flows.items() if a != b), Fraction(0))
    return Switching(flows, switched, Fraction(sum(lost), 1 << 52))


def _intervals(weights: "Mapping[str, int]") -> "Iterator[tuple[str, int, int]]":
    start = 0
    for name, end in zip(weights, thresholds(list(weights.values())), strict=True):
        yield name, start, end
        start = end
