"""An OpenFeature provider: flags are experiments, values are what a variant means.

    api.set_provider(AbtestProvider([Flag.from_json(text)], exposures=log))
    client.get_integer_value("winback.discount_pct", 0, EvaluationContext("C000123"))

It needs ``openfeature-sdk`` (``pip install abtest[openfeature]``). See docs/how-to/openfeature.md.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from openfeature.exception import (
    FlagNotFoundError,
    InvalidContextError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagType, Reason
from openfeature.hook import Hook
from openfeature.provider import AbstractProvider, Metadata

from abtest.assignment import assign
from abtest.errors import AbtestError, AssignmentError
from abtest.exposures import Event, Exposure, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from openfeature.evaluation_context import EvaluationContext
    from openfeature.flag_evaluation import FlagEvaluationDetails
    from openfeature.hook import HookContext, HookHints
    from openfeature.track import TrackingEventDetails

    from abtest.assignment import Assignment
    from abtest.exposures import ExposureLog
    from abtest.flags import Flag

    Object = Sequence[Any] | Mapping[str, Any]

_LOGGER = logging.getLogger("abtest.openfeature")
_REASONS = {
    "split": Reason.SPLIT,
    "override": Reason.TARGETING_MATCH,
    "outside_schedule": Reason.DISABLED,
}
_TYPES: dict[FlagType, tuple[type, ...]] = {
    FlagType.BOOLEAN: (bool,),
    FlagType.STRING: (str,),
    FlagType.INTEGER: (int,),
    FlagType.FLOAT: (int, float),
    FlagType.OBJECT: (dict, list),
}


class AbtestProvider(AbstractProvider):
    """Resolves flags by the hash of their experiments.

    A flag's key is the experiment's key (as object the whole payload, as string the variant's key)
    or ``key.field``, one field of the payload.

    Args:
        flags: The experiments.
        exposures: Where exposures and tracked events go, or None for nowhere.
        clock: Says the present instant; schedules and phases go by it.

    Raises:
        AssignmentError: Two flags have one key.
    """

    def __init__(
        self,
        flags: Iterable[Flag],
        *,
        exposures: ExposureLog | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        super().__init__()
        self._flags: dict[str, Flag] = {}
        for flag in flags:
            key = flag.experiment.key
            if key in self._flags:
                raise AssignmentError(f"flags holds {key!r} twice; each key must be used once.")
            self._flags[key] = flag
        self._exposures = exposures
        self._clock = clock

    def get_metadata(self) -> Metadata:
        return Metadata("abtest")

    def get_provider_hooks(self) -> list[Hook]:
        return [] if self._exposures is None else [ExposureHook(self._exposures, self._clock)]

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(flag_key, FlagType.BOOLEAN, default_value, evaluation_context)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        return self._resolve(flag_key, FlagType.STRING, default_value, evaluation_context)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        return self._resolve(flag_key, FlagType.INTEGER, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        return self._resolve(flag_key, FlagType.FLOAT, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Object,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Object]:
        return self._resolve(flag_key, FlagType.OBJECT, default_value, evaluation_context)

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Log an event of the unit in ``targeting_key``; it never raises."""
        if self._exposures is None:
            return
        given = tracking_event_details
        attributes = {} if given is None else given.attributes
        try:
            event = Event(
                unit=(evaluation_context and evaluation_context.targeting_key) or "",
                name=tracking_event_name,
                at=self._clock(),
                value=None if given is None else given.value,
                details=attributes,  # type: ignore[arg-type]
            )
        except AbtestError as error:
            _LOGGER.warning("event %r is not logged: %s", tracking_event_name, error)
        else:
            self._exposures.put(event)

    def _resolve(
        self,
        flag_key: str,
        kind: FlagType,
        default: Any,  # noqa: ANN401 - of the kind that is asked for
        context: EvaluationContext | None,
    ) -> FlagResolutionDetails[Any]:
        flag, field = self._find(flag_key)
        unit = _unit(flag, context)
        try:
            given = assign(flag.experiment, unit, at=self._clock())
        except AssignmentError as error:
            raise InvalidContextError(str(error)) from error
        value = _value(flag, given.variant, field, kind)
        if value is not None and not _fits(value, kind):
            raise TypeMismatchError(_mismatch(flag_key, value, kind))
        if value is None:
            value = default
        elif kind is FlagType.FLOAT and isinstance(value, int):
            value = float(value)
        return FlagResolutionDetails(
            value=value,
            reason=_REASONS.get(given.reason, Reason.DEFAULT),
            variant=given.variant,
            flag_metadata=_metadata(flag, unit, given),
        )

    def _find(self, flag_key: str) -> tuple[Flag, str | None]:
        """The flag of the longest key that fits, and the field behind it."""
        key, field = flag_key, None
        while key not in self._flags:
            key, dot, last = key.rpartition(".")
            if not dot:
                known = ", ".join(sorted(self._flags)) or "none"
                raise FlagNotFoundError(f"{flag_key!r} is no flag; the experiments are: {known}.")
            field = last if field is None else f"{last}.{field}"
        flag = self._flags[key]
        if field is not None and field not in flag.fields:
            known = ", ".join(sorted(flag.fields)) or "none"
            raise FlagNotFoundError(f"{field!r} is no field of {key!r}; its fields are: {known}.")
        return flag, field


class ExposureHook(Hook):
    """Logs an exposure after each evaluation that gave a variant, control's too."""

    def __init__(self, log: ExposureLog, clock: Callable[[], datetime] = now) -> None:
        self._log = log
        self._clock = clock

    def after(
        self,
        hook_context: HookContext,
        details: FlagEvaluationDetails[Any],
        hints: HookHints,
    ) -> None:
        del hints
        facts: Mapping[str, Any] = details.flag_metadata
        if details.variant is None or "experiment" not in facts:
            return
        try:
            exposure = Exposure(
                unit=facts["unit"],
                experiment=facts["experiment"],
                variant=details.variant,
                reason=facts["reason"],
                at=self._clock(),
                bucket=facts["bucket"],
                phase=facts.get("phase"),
                fingerprint=facts["fingerprint"],
                details={"flag": hook_context.flag_key},
            )
        except AbtestError as error:  # raised here, it would cost the unit its variant
            _LOGGER.warning("the exposure of %r is not logged: %s", hook_context.flag_key, error)
        else:
            self._log.put(exposure)


def _unit(flag: Flag, context: EvaluationContext | None) -> str:
    """The id that is hashed: the targeting key, or the attribute of the cluster's name."""
    if flag.cluster is not None:
        found = context.attributes.get(flag.cluster) if context is not None else None
        if not isinstance(found, str) or not found:
            raise InvalidContextError(
                f"{flag.experiment.key!r} is split by {flag.cluster!r}; the evaluation context "
                "must have it as an attribute, as text."
            )
        return found
    if context is None or not context.targeting_key:
        raise TargetingKeyMissingError(f"targeting_key is missing; it must be the {flag.unit}.")
    return context.targeting_key


def _value(
    flag: Flag,
    variant: str | None,
    field: str | None,
    kind: FlagType,
) -> object:
    """What the variant says, or None where it says nothing and the default holds."""
    if variant is None:
        return None
    if field is not None:
        return flag.payload(variant).get(field)
    return variant if kind is FlagType.STRING else flag.payload(variant)


def _fits(value: object, kind: FlagType) -> bool:
    if isinstance(value, bool):
        return kind is FlagType.BOOLEAN
    return isinstance(value, _TYPES[kind])


def _mismatch(flag_key: str, value: object, kind: FlagType) -> str:
    name = type(value).__name__
    return f"{flag_key!r} is {name}; it was asked for as {kind.value.lower()}."


def _metadata(flag: Flag, unit: str, given: Assignment) -> dict[str, bool | int | float | str]:
    facts: dict[str, bool | int | float | str] = {
        "experiment": flag.experiment.key,
        "fingerprint": flag.fingerprint,
        "unit": unit,
        "reason": given.reason,
        "bucket": given.bucket,
    }
    if given.phase is not None:
        facts["phase"] = given.phase
    return facts
