"""A factorial design's cells, which are its variants.

A cell is named by its levels in the order of ``factors.order``: ``discount_pct=5,gift=false``.
Cells come in the order of counting, the last factor fastest, and all have the same weight, so that
each factor's margin is balanced.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.spec.faults import nearest
from abtest.spec.variants import Cost, Variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abtest.spec.experiment import Spec
    from abtest.spec.variants import Factors, Level


def level_text(level: Level) -> str:
    """A level as it stands in a cell's name.

    >>> level_text(True), level_text(5), level_text("gold")
    ('true', '5', 'gold')
    """
    if isinstance(level, bool):
        return "true" if level else "false"
    return str(level)


def cell_key(levels: Mapping[str, Level], order: tuple[str, ...]) -> str:
    """The name of a cell.

    >>> cell_key({"gift": False, "discount_pct": 5}, ("discount_pct", "gift"))
    'discount_pct=5,gift=false'
    """
    return ",".join(f"{name}={level_text(levels[name])}" for name in order)


def cells(factors: Factors) -> dict[str, dict[str, Level]]:
    """Every cell's levels, by the cell's name."""
    combinations = itertools.product(*(factors.levels[name] for name in factors.order))
    found = (dict(zip(factors.order, levels, strict=True)) for levels in combinations)
    return {cell_key(levels, factors.order): levels for levels in found}


def weights_of(spec: Spec) -> dict[str, int]:
    """The weight of each variant or cell, in order."""
    if spec.factors is not None:
        return dict.fromkeys(cells(spec.factors), 1)
    return {variant.key: variant.weight for variant in spec.variants or ()}


def with_cells(spec: Spec) -> Spec:
    """The same with the cells of a factorial design as its variants."""
    factors = spec.factors
    if factors is None:
        return spec
    control = cell_key(factors.control, factors.order)
    variants = tuple(
        Variant(key=key, control=key == control, cost=_cost(factors, levels))
        for key, levels in cells(factors).items()
    )
    return spec.model_copy(update={"variants": variants})


def _cost(factors: Factors, levels: Mapping[str, Level]) -> Cost | None:
    """What a cell costs: the sum over the factors that are not at control's level."""
    total: dict[str, float] = {}
    for name, costs in factors.cost.items():
        level = levels[name]
        if level_text(level) == level_text(factors.control[name]):
            continue
        for key, amount in costs.items():
            own = level if amount == "level" else amount
            total[key] = total.get(key, 0.0) + float(own)  # type: ignore[arg-type]
    return Cost(**total) if total else None


def factor_faults(spec: Spec) -> Iterator[Fault]:
    """What is wrong with the names and levels of a factorial design."""
    factors = spec.factors
    if factors is None:
        return
    for name, count in Counter(factors.order).items():
        if count > 1:
            yield Fault(("factors", "order"), f"names {name!r} {count} times; once is enough")
    for block in ("levels", "control"):
        named = set(getattr(factors, block))
        for name in sorted(named.symmetric_difference(factors.order)):
            where = "factors.order" if name in named else f"factors.{block}"
            yield Fault(("factors", block), f"and factors.order must agree: {where} lacks {name!r}")
    for name, levels in factors.levels.items():
        yield from _level_faults(name, levels, factors.control.get(name))
    yield from _cost_faults(factors)


def _cost_faults(factors: Factors) -> Iterator[Fault]:
    """Costs of factors: known keys, and amounts, or the word level where levels are numbers."""
    known = list(Cost.model_fields)
    for name, costs in factors.cost.items():
        if name not in factors.order:
            yield Fault(
                ("factors", "cost", name), "is no factor", nearest(name, list(factors.order))
            )
            continue
        levels = factors.levels.get(name, ())
        numeric = all(_is_amount(level) for level in levels)
        for key, amount in costs.items():
            path = ("factors", "cost", name, key)
            if key not in known:
                yield Fault(path, "is no kind of cost", nearest(key, known))
            elif not (_is_amount(amount) or (amount == "level" and numeric)):
                message = f"is {amount!r}; it must be an amount of at least 0, or level"
                yield Fault(path, message, "level stands for the factor's own level, a number")


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _level_faults(name: str, levels: tuple[Level, ...], control: Level | None) -> Iterator[Fault]:
    texts = [level_text(level) for level in levels]
    path = ("factors", "levels", name)
    for text, count in Counter(texts).items():
        if count > 1:
            yield Fault(path, f"has {text} {count} times; levels must differ")
        if "," in text or "=" in text or not text:
            yield Fault(path, f"has the level {text!r}; it must have no comma and no equals sign")
    if control is not None and level_text(control) not in texts:
        message = f"is {level_text(control)}; it must be one of {', '.join(texts)}"
        yield Fault(("factors", "control", name), message)
