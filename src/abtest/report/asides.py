"""What stands beside a number: off the survival curve, with values capped, before adjustment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.numbers import ABSENT
from abtest.report.text import clean
from abtest.report.units import SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.result import Record
    from abtest.report.units import Unit

SecondReadings = dict[tuple[str, str, str], dict[str, Any]]
"""By reading, metric and variant."""

Aside = tuple[str, str]
"""A label, and what it says."""


def second_readings(sensitivity: Sequence[dict[str, Any]]) -> SecondReadings:
    """The readings off the survival curve, and those with capped values."""
    return {
        (str(found.get("reading")), str(found.get("metric")), str(found.get("variant"))): found
        for found in sensitivity
    }


def asides_of(
    record: Record, spec: dict[str, Any], unit: Unit, second: SecondReadings
) -> tuple[Aside, ...]:
    """What stands beside one record's numbers; nothing for most."""
    found = [
        _off_the_curve(record, second),
        _capped(record, second, unit),
        _unadjusted(record, spec, unit),
    ]
    return tuple(aside for aside in found if aside is not None)


def _off_the_curve(record: Record, second: SecondReadings) -> Aside | None:
    found, base = _pair(record, second, "censored")
    if found is None:
        return None
    return "All units, off the survival curve", _reading(found, base, SHARE)


def _capped(record: Record, second: SecondReadings, unit: Unit) -> Aside | None:
    found, base = _pair(record, second, "capped")
    if found is None:
        return None
    units = [numbers.count(one.get("n_capped")) for one in (base, found) if one is not None]
    told = f"{_reading(found, base, unit)}; units above the cap {' -> '.join(units)}"
    return f"Each unit's value capped at {found['cap']:,.10g}{unit.difference}", told


def _pair(
    record: Record, second: SecondReadings, reading: str
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """A reading of the record's variant, and of its control."""
    if record.segment is not None:
        return None, None
    found = second.get((reading, record.metric, record.variant))
    return found, second.get((reading, record.metric, record.control or ""))


def _reading(found: Mapping[str, Any], base: Mapping[str, Any] | None, unit: Unit) -> str:
    if base is None:
        value, _ = numbers.value_with_interval(found.get("value"), None, None, unit=unit)
        told = f"{value}, n {numbers.count(found.get('n'))}"
    else:
        values = numbers.compared_values(base.get("value"), found.get("value"), unit=unit)
        units = (numbers.count(one.get("n")) for one in (base, found))
        told = f"{' -> '.join(values)}, n {' -> '.join(units)}{_effect(found, unit)}"
    return "; ".join([told, *(clean(note) for note in found.get("notes") or ())])


def _effect(found: Mapping[str, Any], unit: Unit) -> str:
    difference, interval = numbers.difference_with_interval(
        found.get("difference"),
        found.get("difference_ci_low"),
        found.get("difference_ci_high"),
        unit=unit,
    )
    between = "" if interval == ABSENT else f" ({interval})"
    lift, pvalue = numbers.lift(found.get("lift")), numbers.pvalue(found.get("pvalue"))
    return f", lift {lift}, difference {difference}{between}, p-value {pvalue}"


def _unadjusted(record: Record, spec: dict[str, Any], unit: Unit) -> Aside | None:
    if record.unadjusted_difference is None:
        return None
    se = record.unadjusted_se
    low, high = (None, None) if se is None else (-se, se)
    difference, _ = numbers.difference_with_interval(
        record.unadjusted_difference, low, high, unit=unit
    )
    told = f"a difference of {difference}"
    if se is not None:
        told += f" (standard error {numbers.size(se, unit=unit)})"
    return "Without adjustment", f"{told}. {_how(record, spec)}{_gain(record.variance_reduction)}"


def _how(record: Record, spec: dict[str, Any]) -> str:
    if record.method == "post_stratification":
        return "The result above compares units within the strata of the split"
    analysis = spec.get("analysis")
    named = analysis.get("covariates") if isinstance(analysis, dict) else None
    names = ", ".join(clean(name) for name in named or ())
    known = f" ({names})" if names else ""
    return f"The result above is adjusted for what was known before the assignment{known}"


def _gain(reduction: float | None) -> str:
    if reduction is None:
        return "."
    change = "smaller" if reduction >= 0 else "larger"
    return f", which made its variance {100 * abs(reduction):.1f}% {change}."
