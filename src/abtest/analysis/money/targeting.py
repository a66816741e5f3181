"""Who should get a variant: its worth by segment, and that of treating all, none or some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.health.readings import FEW_UNITS
from abtest.analysis.money.result import PolicyMoney, SegmentMoney, TargetingMoney
from abtest.analysis.money.segments import HALVES
from abtest.sentences import joined, sentence
from abtest.stats.money.targeting import targeting
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.money.segments import HalvedSegments
    from abtest.stats.money.targeting import Cell, PolicyValue, Segments, Targeting

_CROSS_FITTED = sentence(
    "The segments are chosen on one half of the customers and valued on the other, both ways: "
    "nobody counts for a choice that they helped to make. Nothing is promised beyond the interval."
)
_STILL_CHOSEN = sentence(
    "Of several attributes and variants, the policy that looks best is flattered again by being "
    "picked."
)


def targeting_of(
    found: Sequence[HalvedSegments],
    names: tuple[str, str],
    ci_level: float,
    for_all: tuple[int, float] | None,
) -> tuple[TargetingMoney, ...]:
    """Who should get a variant, by each attribute.

    Args:
        found: Contribution by segment and half, of each attribute.
        names: Control's key and the variant's.
        ci_level: Coverage of the intervals.
        for_all: The population, and what is paid once for a launch; None without a population.
    """
    return tuple(_by(one, names, ci_level, for_all, picked=len(found) > 1) for one in found)


def _by(
    found: HalvedSegments,
    names: tuple[str, str],
    ci_level: float,
    for_all: tuple[int, float] | None,
    *,
    picked: bool,
) -> TargetingMoney:
    cells = [_cells(found, half, names) for half in range(HALVES)]
    kept = [value for value in found.values if all(_enough(cell[value]) for cell in cells)]
    left_out = [value for value in found.values if value not in kept]
    notes = []
    if left_out:
        notes.append(
            sentence(
                "Left out, with fewer than {few} customers of a variant in a half: {names}.",
                few=FEW_UNITS,
                names=joined(", ", left_out),
            )
        )
    if len(kept) < 2:
        notes.append(sentence("There are not two segments to choose from."))
        return TargetingMoney(attribute=found.name, notes=tuple(notes))
    halves: list[Segments] = [{value: cell[value] for value in kept} for cell in cells]
    values = targeting(halves, ci_level)
    notes.append(_CROSS_FITTED)
    if picked:
        notes.append(_STILL_CHOSEN)
    return TargetingMoney(
        attribute=found.name,
        segments=tuple(_segments(halves, values, ci_level)),
        policies=(
            PolicyMoney(policy="nobody", value=0.0, total=None if for_all is None else 0.0),
            _policy("everybody", values.treat_all, for_all),
            # Where all data choose nobody there is nothing to launch.
            _policy("chosen", values.treat_chosen, for_all if values.chosen else None),
        ),
        notes=tuple(notes),
    )


def _cells(found: HalvedSegments, half: int, names: tuple[str, str]) -> dict[str, Cell]:
    """The segments of one half, in the strata that can be compared."""
    cells: dict[str, Cell] = {}
    for value in found.values:
        control, treatment = (found.moments[half, value, name] for name in names)
        cells[value] = {
            stratum: (control[stratum], treatment[stratum])
            for stratum in sorted(set(control) & set(treatment))
            if min(control[stratum].n, treatment[stratum].n) > 1
        }
    return cells


def _enough(cell: Cell) -> bool:
    return all(sum(pair[place].n for pair in cell.values()) >= FEW_UNITS for place in (0, 1))


def _segments(
    halves: Sequence[Segments], values: Targeting, ci_level: float
) -> Iterator[SegmentMoney]:
    def units(name: str, place: int) -> int:
        return sum(pair[place].n for half in halves for pair in half[name].values())

    total = sum(units(name, place) for name in values.effects for place in (0, 1))
    quantile = normal_quantile(ci_level)
    for name, (effect, se) in values.effects.items():
        yield SegmentMoney(
            segment=name,
            n=units(name, 1),
            n_control=units(name, 0),
            share=(units(name, 0) + units(name, 1)) / total,
            difference=effect,
            ci_low=effect - quantile * se,
            ci_high=effect + quantile * se,
            shrunk_difference=values.shrunken[name].mean,
            treat=name in values.chosen,
        )


def _policy(name: str, found: PolicyValue, for_all: tuple[int, float] | None) -> PolicyMoney:
    total = None if for_all is None else found.value * for_all[0] - for_all[1]
    return PolicyMoney.model_validate(
        {
            "policy": name,
            "value": found.value,
            "ci_low": found.low,
            "ci_high": found.high,
            "total": total,
        }
    )
