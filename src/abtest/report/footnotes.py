"""Footnotes, and which method and adjustment made each number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers, words
from abtest.report.languages import _, native, tell
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.result import Record


class Footnotes:
    """Numbers notes from 1 in the order they are met; the same text gets the same mark."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}

    def marks(self, notes: Sequence[str]) -> tuple[int, ...]:
        """The marks of these notes."""
        found = (self._marks.setdefault(tell(note), len(self._marks) + 1) for note in notes)
        return tuple(dict.fromkeys(found))

    def listed(self) -> tuple[tuple[int, str], ...]:
        """All notes with their marks."""
        return tuple((mark, note) for note, mark in self._marks.items())


@dataclass(frozen=True, slots=True)
class MethodNote:
    """How the numbers of some metrics were made."""

    metrics: tuple[str, ...]
    text: str


def describe_methods(records: Sequence[Record], spec: dict[str, Any]) -> tuple[MethodNote, ...]:
    """One note per way of making numbers, with the metrics it was used for."""
    used: dict[str, dict[str, None]] = {}
    for record in records:
        used.setdefault(method_line(record, spec), {})[clean(record.metric)] = None
    return tuple(MethodNote(tuple(metrics), text) for text, metrics in used.items())


def method_line(record: Record, spec: dict[str, Any]) -> str:
    """Method, level, adjustment and prior of one record, in one line."""
    if record.method is None:
        return _("no numbers, see the notes")
    level, method = numbers.level(record.ci_level), words.method(clean(record.method))
    parts = [_("{level} intervals: {method}", level=level, method=method)]
    if record.coherent is False:
        parts.append(_("p-value and interval come from different statistics"))
    parts.extend(_adjustment(record, spec))
    if record.bayes_model is not None:
        parts.append(_bayes(record))
    # What is said of the rule is not said of the number: no footnote in the table.
    return ". ".join([_("; ").join(parts), *(tell(note) for note in record.rule_notes)])


def _adjustment(record: Record, spec: dict[str, Any]) -> list[str]:
    parts = []
    correction = _correction(record, spec)
    if record.pvalue_adjusted is not None and correction != "none":
        told = _("p-values adjusted")
        if correction:
            told = _("p-values adjusted by {method}", method=words.method(correction))
        family = tell(record.family) if record.family else None
        parts.append(
            _("{told} over the family {family}", told=told, family=family) if family else told
        )
    elif record.pvalue is not None:
        parts.append(_("p-values not adjusted"))
    if record.ci_adjustment is not None:
        made = words.method(clean(record.ci_adjustment))
        parts.append(_("adjusted intervals by {method}", method=made))
    return parts


def _correction(record: Record, spec: dict[str, Any]) -> str | None:
    """How the record says that it was adjusted, else what the spec declares for its family."""
    if record.pvalue_adjustment is not None:
        return clean(record.pvalue_adjustment)
    analysis = spec.get("analysis")
    declared = analysis.get("correction") if isinstance(analysis, dict) else None
    if isinstance(declared, dict):
        declared = declared.get(record.family) or declared.get(record.role)
    return clean(declared) if isinstance(declared, str) else None


def _bayes(record: Record) -> str:
    model = words.method(clean(record.bayes_model))
    if record.prior_mean is None or record.prior_sd is None:
        return _("Bayesian reading: {model}", model=model)
    return _(
        "Bayesian reading: {model}; the prior of the log lift is normal, "
        "with mean {mean} and standard deviation {sd}",
        model=model,
        mean=native(f"{record.prior_mean:g}"),
        sd=native(f"{record.prior_sd:g}"),
    )
