"""What a spec's text names, also where the thing that is named has faults of its own."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from abtest.errors import Fault
from abtest.metrics.base import ANCHORS
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec.plain import YamlPath


@dataclass(frozen=True, slots=True)
class Names:
    """What is declared in the text.

    Attributes:
        variants: Keys of variants.
        variant_words: Every key that a variant has, misspelt or not.
        metrics: Keys of metrics.
        covariates: Names of covariates.
        has_primary: Whether a metric says something like ``role: primary``.
        has_data: Whether there is a block of data.
        has_assignments: Whether the data say who was assigned to what.
        has_unit_rows: Whether the data have one row per unit, with outcomes in columns.
        has_totals: Whether the data are counts that somebody else added up.
        has_moments: Whether they are means and variances that somebody else computed.
        streams: Names of streams of events.
        used_streams: Where a stream is named, and which.
        used_anchors: Where an anchor is named, and which.
    """

    variants: tuple[str, ...]
    variant_words: frozenset[str]
    metrics: tuple[str, ...]
    covariates: tuple[str, ...]
    has_primary: bool
    has_data: bool
    has_assignments: bool
    has_unit_rows: bool
    has_totals: bool
    has_moments: bool
    streams: tuple[str, ...]
    used_streams: tuple[tuple[YamlPath, str], ...]
    used_anchors: tuple[tuple[YamlPath, str], ...]

    @classmethod
    def of(cls, spec: Any) -> Names:  # noqa: ANN401 - raw YAML
        """Read the names off raw data, whatever shape it has."""
        data = _get(spec, "data")
        events, covariates = _meant(data, "events"), _meant(spec, "covariates")
        variants, metrics = _mappings(_get(spec, "variants")), _mappings(_get(spec, "metrics"))
        return cls(
            variants=_keys(variants),
            variant_words=frozenset(word for variant in variants for word in variant),
            metrics=_keys(metrics),
            covariates=tuple(covariates) if isinstance(covariates, dict) else (),
            has_primary=any(_primary(metric) for metric in metrics),
            has_data=isinstance(data, dict),
            has_assignments=_meant(data, "assignments") is not None,
            has_unit_rows=_meant(_meant(data, "units"), "variant") is not None,
            has_totals=_meant(data, "totals") is not None,
            has_moments=_meant(data, "moments") is not None,
            streams=tuple(events) if isinstance(events, dict) else (),
            used_streams=tuple(_used_streams(spec)),
            used_anchors=tuple(
                (("metrics", i, "anchor"), metric["anchor"])
                for i, metric in enumerate(_list(_get(spec, "metrics")))
                if isinstance(_get(metric, "anchor"), str)
            ),
        )

    @property
    def has_aggregates(self) -> bool:
        """Whether there are no rows of units: somebody else added them up."""
        return self.has_totals or self.has_moments

    def misspells(self, word: str) -> bool:
        """Whether a variant has a key that is probably meant to be this one."""
        return any(_close(word, other) and other != word for other in self.variant_words)


def _get(data: Any, key: str | int) -> Any:  # noqa: ANN401 - raw YAML
    return data.get(key) if isinstance(data, dict) else None


def _meant(data: Any, key: str) -> Any:  # noqa: ANN401 - raw YAML
    """The value of a key, or of a misspelling of it, which is a fault of its own."""
    if not isinstance(data, dict):
        return None
    close = get_close_matches(key, [word for word in data if isinstance(word, str)], 1, 0.8)
    return data.get(key) if key in data or not close else data[close[0]]


def _list(items: Any) -> list[Any]:  # noqa: ANN401 - raw YAML
    return items if isinstance(items, list) else []


def _mappings(items: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - raw YAML
    return [item for item in _list(items) if isinstance(item, dict)]


def _keys(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(str(item["key"]) for item in items if "key" in item)


def _close(word: str, other: str) -> bool:
    return bool(get_close_matches(other, [word], cutoff=0.7))


def _primary(metric: dict[str, Any]) -> bool:
    """A misspelt key or role is a fault of its own; the metric is then not missed as well."""
    role = metric.get("role")
    if isinstance(role, str):
        return role == "primary" or _close("primary", role)
    return "primary" in [value for value in metric.values() if isinstance(value, str)]


def _used_streams(spec: Any) -> Iterator[tuple[YamlPath, str]]:  # noqa: ANN401 - raw YAML
    """Every place where a stream of data.events is named."""
    places: list[YamlPath] = [
        ("data", "assignments", "from_events"),
        ("decision", "value", "events"),
    ]
    if _get(_get(_get(spec, "decision"), "value"), "column") is None:
        places.append(("decision", "redemptions"))
    for i, metric in enumerate(_list(_get(spec, "metrics"))):
        stream = _get(metric, "events")
        if isinstance(stream, str):
            yield ("metrics", i, "events"), stream
    covariates = _get(spec, "covariates")
    keys = covariates if isinstance(covariates, dict) else {}
    places += [("covariates", key, "events") for key in keys]
    for path in places:
        found = spec
        for step in path:
            found = _get(found, step)
        if isinstance(found, str):
            yield path, found


def unknown_streams(names: Names) -> Iterator[Fault]:
    """One fault for each name of a stream that data.events does not declare."""
    if not names.has_data:
        return
    streams = list(names.streams)
    for path, stream in names.used_streams:
        if stream not in streams:
            message = f"is {stream!r}, which is no stream of data.events"
            hint = nearest(stream, streams) or "add the stream to data.events"
            yield Fault(path, message, hint)
    for path, anchor in names.used_anchors:
        if anchor not in (*ANCHORS, *streams):
            message = (
                f"is {anchor!r}; it must be assignment, first_event or a stream of data.events"
            )
            yield Fault(path, message, nearest(anchor, [*ANCHORS, *streams]))
