"""An experiment as an app serves it: the split, what each variant means, and which spec that is.

    {"format": "abtest-flags/v1", "fingerprint": "9f2c…", "unit": "customer_id", "cluster": null,
     "payloads": {"control": {}, "coupon": {"discount_pct": 10}},
     "assignment": {"format": "abtest-assignment/v1", …}}

``abtest compile SPEC --flags`` writes it; this module reads it with the standard library alone.
"""

import json

from abtest.assignment import Experiment
from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import Any

FORMAT = "abtest-flags/v1"
_KEYS = ("format", "fingerprint", "unit", "cluster", "payloads", "assignment")


class Flag:
    """A prepared experiment with its variants' payloads.

    Args:
        experiment: The prepared experiment.
        payloads: What each variant means, by its key; a variant that is absent means nothing.
        fingerprint: That of the spec, or an empty text.
        unit: What the ids are called.
        cluster: What is hashed instead of the unit, or None.

    Raises:
        AssignmentError: A payload is of no variant.

    Examples:
        >>> experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
        >>> flag = Flag(experiment, {"coupon": {"discount_pct": 10}})
        >>> flag.payload(experiment.variant("C000123"))
        {'discount_pct': 10}
    """

    def __init__(
        self,
        experiment: Experiment,
        payloads: "Mapping[str, Mapping[str, Any]] | None" = None,
        *,
        fingerprint: str = "",
        unit: str = "unit",
        cluster: "str | None" = None,
    ) -> None:
        names = [name for name, _ in experiment.variants]
        given = dict(payloads or {})
        for name in given:
            if name not in names:
                raise AssignmentError(
                    f"payloads holds {name!r}; it must be one of {', '.join(names)}."
                )
        self.experiment = experiment
        self.fingerprint = fingerprint
        self.unit = unit
        self.cluster = cluster
        # As text, so that nobody who changes a payload changes it for all.
        self._payloads = {name: json.dumps(dict(given.get(name, {}))) for name in names}
        self.fields = frozenset(field for payload in given.values() for field in payload)
        """The names of all fields of all payloads."""

    def payload(self, variant: "str | None") -> "dict[str, Any]":
        """A variant's payload, one's own copy; empty for None."""
        payload: dict[str, Any] = json.loads(self._payloads[variant]) if variant else {}
        return payload

    def to_json(self) -> str:
        """The JSON that ``from_json`` reads."""
        data = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "unit": self.unit,
            "cluster": self.cluster,
            "payloads": {name: json.loads(text) for name, text in self._payloads.items()},
            "assignment": json.loads(self.experiment.to_json()),
        }
        return json.dumps(data, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Flag":
        """Rebuild a flag from ``to_json``.

        Raises:
            AssignmentError: It is no JSON of this format, or a value is not valid.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise AssignmentError(f"The flag is not valid JSON: {error}.") from None
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise AssignmentError(
                f"format is {found!r}; it must be {FORMAT!r}.\n"
                "  Hint: `abtest compile SPEC --flags` writes such a file."
            )
        if sorted(data) != sorted(_KEYS):
            raise AssignmentError(f"The flag has the keys {sorted(data)}; it must have {_KEYS}.")
        return cls(
            Experiment.from_json(data["assignment"]),
            data["payloads"],
            fingerprint=data["fingerprint"],
            unit=data["unit"],
            cluster=data["cluster"],
        )

    @classmethod
    def from_spec(cls, path: "str | PathLike[str]") -> "Flag":
        """Read an experiment's YAML; this needs pydantic and PyYAML.

        Raises:
            SpecError: The spec or its ``layers.yaml`` is at fault, or the spec is stratified.
        """
        # By name: nothing here may depend on the spec, which depends on this.
        loaded: Flag = __import__("abtest.spec.assignable", fromlist=["load_flag"]).load_flag(path)
        return loaded
