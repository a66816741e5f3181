"""What stands beside a number: off the survival curve, with values capped, before adjustment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.report import numbers
from abtest.report.languages import _, listed, named, native, tell
from abtest.report.numbers import ABSENT
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
        (str(found.get("reading")), str(found.get("metric")), _who(found)): found
        for found in sensitivity
    }


def _who(found: Mapping[str, Any]) -> str:
    """The variant; within a segment both."""
    variant, segment = str(found.get("variant")), found.get("segment")
    return variant if segment is None else f"{segment}: {variant}"


def asides_of(
    record: Record, spec: dict[str, Any], unit: Unit, second: SecondReadings
) -> tuple[Aside, ...]:
    """What stands beside one record's numbers; nothing for most."""
    found = [
        _off_the_curve(record, second),
        _capped(record, second, unit),
        _unadjusted(record, spec, unit),
        _shrunk(record, second, unit),
    ]
    return tuple(aside for aside in found if aside is not None)


def _off_the_curve(record: Record, second: SecondReadings) -> Aside | None:
    found, base = _pair(record, second, "censored")
    if found is None:
        return None
    return _("All units, off the survival curve"), _reading(found, base, SHARE)


def _capped(record: Record, second: SecondReadings, unit: Unit) -> Aside | None:
    found, base = _pair(record, second, "capped")
    if found is None:
        return None
    units = [numbers.count(one.get("n_capped")) for one in (base, found) if one is not None]
    above = _("units above the cap {n}", n=units[0] if base is None else numbers.arrow(*units))
    told = _("; ").join([_reading(found, base, unit), above])
    cap = native(f"{found['cap']:,.10g}") + _(unit.difference)
    return _("Each unit's value capped at {cap}", cap=cap), told


def _shrunk(record: Record, second: SecondReadings, unit: Unit) -> Aside | None:
    if record.segment is None:
        return None
    who = f"{record.segment}: {record.variant}"
    found = second.get(("segment_shrunk", record.metric, who))
    if found is None:
        return None
    difference, _interval = numbers.difference_with_interval(
        found.get("shrunk_difference"), None, None, unit=unit
    )
    told = _(
        "lift {lift}, difference {difference}",
        lift=numbers.lift(found.get("shrunk_lift")),
        difference=difference,
    )
    return _("Drawn towards the mean of the segments"), told


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
        value, _interval = numbers.value_with_interval(found.get("value"), None, None, unit=unit)
        told = _("{value}, n {n}", value=value, n=numbers.count(found.get("n")))
    else:
        values = numbers.compared_values(base.get("value"), found.get("value"), unit=unit)
        n = numbers.arrow(*(numbers.count(one.get("n")) for one in (base, found)))
        told = listed(
            [_("{value}, n {n}", value=numbers.arrow(*values), n=n), *_effect(found, unit)]
        )
    return _("; ").join([told, *(tell(note) for note in found.get("notes") or ())])


def _effect(found: Mapping[str, Any], unit: Unit) -> list[str]:
    difference, interval = numbers.difference_with_interval(
        found.get("difference"),
        found.get("difference_ci_low"),
        found.get("difference_ci_high"),
        unit=unit,
    )
    between = "" if interval == ABSENT else f" ({interval})"
    lift, pvalue = numbers.lift(found.get("lift")), numbers.pvalue(found.get("pvalue"))
    return [
        _("lift {number}", number=lift),
        _("difference {number}", number=f"{difference}{between}"),
        _("p-value {number}", number=pvalue),
    ]


def _unadjusted(record: Record, spec: dict[str, Any], unit: Unit) -> Aside | None:
    if record.unadjusted_difference is None:
        return None
    se = record.unadjusted_se
    low, high = (None, None) if se is None else (-se, se)
    difference, _interval = numbers.difference_with_interval(
        record.unadjusted_difference, low, high, unit=unit
    )
    told = _("a difference of {number}", number=difference)
    if se is not None:
        error = _("standard error {number}", number=numbers.size(se, unit=unit))
        told = f"{told} ({error})"
    how = _("{told}.", told=f"{_how(record, spec)}{_gain(record.variance_reduction)}")
    return _("Without adjustment"), _("{told}.", told=told) + f" {how}"


def _how(record: Record, spec: dict[str, Any]) -> str:
    if record.method == "post_stratification":
        return _("The result above compares units within the strata of the split")
    analysis = spec.get("analysis")
    covariates = analysis.get("covariates") if isinstance(analysis, dict) else None
    names = listed([named(name) for name in covariates or ()])
    told = _("The result above is adjusted for what was known before the assignment")
    return f"{told} ({names})" if names else told


def _gain(reduction: float | None) -> str:
    if reduction is None:
        return ""
    by = native(f"{100 * abs(reduction):.1f}%")
    if reduction >= 0:
        return _(", which made its variance {number} smaller", number=by)
    return _(", which made its variance {number} larger", number=by)
