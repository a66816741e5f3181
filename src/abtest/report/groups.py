"""Records as groups of rows: role by role, metric by metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers, words
from abtest.report.asides import second_readings
from abtest.report.footnotes import Footnotes
from abtest.report.languages import _, listed, named
from abtest.report.rows import Around, Row, build_row
from abtest.report.text import clean
from abtest.report.units import metrics_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abtest.analysis.result import Record, Result

_ROLE_ORDER = ("primary", "secondary", "guardrail")


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one metric.

    Attributes:
        metric: Its key.
        name: Its title, or its kind where it has none.
        unit: Its unit, where the numbers do not say it; None where they do.
        rows: One for each contrast.
    """

    metric: str
    name: str
    unit: str | None
    rows: tuple[Row, ...]

    @property
    def about(self) -> str:
        """What to say beside the key."""
        return self.name if self.unit is None else listed([self.name, self.unit])

    @property
    def has_posterior(self) -> bool:
        """Whether any row has a Bayesian reading."""
        return any(row.has_posterior for row in self.rows)


@dataclass(frozen=True, slots=True)
class Group:
    """The metrics of one role.

    Attributes:
        title: The heading.
        meaning: What it means, in plain words; None where there is nothing to add.
        level: Coverage of the intervals, such as ``95%``; several where they differ.
        blocks: One per metric, in the order of the result.
        role: The metrics' role, ``segments``, or ``estimates``.
    """

    title: str
    meaning: str | None
    level: str
    blocks: tuple[Block, ...]
    role: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all metrics."""
        return tuple(row for block in self.blocks for row in block.rows)

    @property
    def has_rope(self) -> bool:
        """Whether any row says how likely it is that there is practically no effect."""
        return any(row.prob_in_rope is not None for row in self.rows)

    @property
    def has_posterior(self) -> bool:
        """Whether any row has a Bayesian reading."""
        return any(block.has_posterior for block in self.blocks)


class GroupBuilder:
    """Turns a result's records into groups and collects their notes on the way."""

    def __init__(self, result: Result) -> None:
        self._spec = result.spec
        self._compared = [record for record in result.results if record.control is not None]
        self._described = [record for record in result.results if record.control is None]
        self._around = Around(
            spec=result.spec,
            estimates={(e.metric, e.variant): e for e in result.estimates},
            second=second_readings(result.sensitivity),
        )
        self._footnotes = Footnotes()

    def comparisons(self) -> tuple[Group, ...]:
        """One group per role in the order people read them, then the segments."""
        whole = [record for record in self._compared if record.segment is None]
        roles = dict.fromkeys([*_ROLE_ORDER, *(record.role for record in whole)])
        groups = [
            self._group(
                words.role_title(clean(role)),
                words.role_meaning(role),
                [record for record in whole if record.role == role],
                role,
            )
            for role in roles
        ]
        parts = [record for record in self._compared if record.segment is not None]
        meaning = _(words.SEGMENTS_MEANING)
        groups.append(self._group(_(words.SEGMENTS_TITLE), meaning, parts, "segments"))
        return tuple(group for group in groups if group.blocks)

    def estimates(self) -> Group | None:
        """The values of variants that are not compared; None where there are none."""
        if not self._described:
            return None
        meaning = words.MEANINGS["estimates"]
        return self._group(_(words.ESTIMATES_TITLE), _(meaning), self._described, "estimates")

    def notes(self) -> tuple[tuple[int, str], ...]:
        """The notes of all groups that were built so far, with their marks."""
        return self._footnotes.listed()

    def _group(
        self, title: str, meaning: str | None, records: Sequence[Record], role: str
    ) -> Group:
        by_metric: dict[str, list[Record]] = {}
        for record in records:
            by_metric.setdefault(record.metric, []).append(record)
        blocks = tuple(self._block(members) for members in by_metric.values())
        level = _levels(record.ci_level for record in records)
        return Group(title, meaning, level, blocks, clean(role))

    def _block(self, records: Sequence[Record]) -> Block:
        first = records[0]
        about = unit_of(first, self._spec).about
        return Block(
            metric=clean(first.metric),
            name=metric_name(first.metric, self._spec, words.readable(first.kind)),
            unit=None if about is None else _(about),
            rows=tuple(map(self._row, records)),
        )

    def _row(self, record: Record) -> Row:
        return build_row(record, self._around, self._footnotes.marks(record.notes))


def metric_name(key: str, spec: dict[str, Any], default: str) -> str:
    """A metric's title, or what kind it is; for a quantile which one, and of what."""
    metric = metrics_of(spec).get(key, {})
    if metric.get("title"):
        return clean(metric["title"])
    if metric.get("kind") == "quantile":
        q = metric.get("q", 0.5)
        column = named(metric.get("column"))
        if q == 0.5:
            return _("median of {column}", column=column)
        return _("{level} quantile of {column}", level=numbers.level(q), column=column)
    return clean(default)


def _levels(levels: Iterable[float]) -> str:
    return _(" and ").join(numbers.level(level) for level in dict.fromkeys(levels))
