"""Effects as people write them: ``repeat_purchase_30d=+5%`` or ``coupon:orders_30d=+0.02``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.errors import DataError
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from abtest.spec import Spec

_FORM = re.compile(r"(?:(?P<variant>.+):)?(?P<metric>[^=:]+)=(?P<size>[+-]?[0-9.]+)(?P<pct>%?)")


@dataclass(frozen=True, slots=True)
class Effect:
    """How much a metric differs from control in a variant.

    Attributes:
        variant: The variant; None for every treatment.
        metric: The metric's key.
        change: A share of control's value, or a difference in the metric's unit.
        relative: Whether it is a share.
    """

    variant: str | None
    metric: str
    change: float
    relative: bool


def parse_effect(text: str, spec: Spec) -> Effect:
    """Read one effect.

    Raises:
        DataError: It has another form, or names what the spec does not have.
    """
    found = _FORM.fullmatch(text)
    try:
        size = float(found["size"]) if found else None
    except ValueError:
        size = None
    if found is None or size is None:
        raise DataError(
            f"effect {text!r} cannot be read",
            "Write repeat_purchase_30d=+5%, or coupon:orders_30d=+0.02 for one variant.",
        )
    metrics = [metric.key for metric in spec.metrics]
    if found["metric"] not in metrics:
        raise DataError(
            f"effect {text!r} names {found['metric']!r}, which is no metric",
            nearest(found["metric"], metrics),
        )
    treatments = [variant.key for variant in spec.treatments]
    if found["variant"] is not None and found["variant"] not in treatments:
        raise DataError(
            f"effect {text!r} names {found['variant']!r}, which is no treatment",
            nearest(found["variant"], treatments),
        )
    relative = bool(found["pct"])
    return Effect(found["variant"], found["metric"], size / 100 if relative else size, relative)
