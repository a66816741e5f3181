"""Effects of factors: main effects, interactions and simple effects, from the cells' summaries.

The cells are the variants; each is compared with the control cell like any variant, and that is
what can be launched. Beside it stand the effects of the factors, from the saturated model: every
cell counts the same, interactions are never left out.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from abtest.analysis.families import Adjusted
from abtest.analysis.health.readings import FEW_UNITS
from abtest.analysis.result import Record
from abtest.sentences import sentence
from abtest.spec.cells import cell_key, level_text
from abtest.stats.clusters.sums import Clusters, cluster_level
from abtest.stats.factorial import combined, joint_interactions, margin
from abtest.stats.families.procedures import Procedure, adjust, adjusted_ci_level
from abtest.stats.means.ratios import ratio_level
from abtest.stats.means.t_pivot import Level, t_comparison
from abtest.stats.means.welch import mean_level
from abtest.stats.summaries import Moments, PairMoments, Proportion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from abtest.analysis.summaries import Summaries
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.variants import Factors
    from abtest.stats.comparison import Comparison
    from abtest.stats.factorial import Cell
    from abtest.stats.summaries import Summary

    Who = Callable[[Metric, str], dict[str, Any]]
    """What a record says of a metric in a cell: names, label and counts."""

Kind = Literal["main", "interaction", "simple"]

METHOD = "factorial"
FOUR_TIMES = sentence(
    "An interaction of the size of a main effect needs about four times the sample to be seen."
)
# Main effects and interactions are few and are claims; simple effects are many and are leads.
PROCEDURES: dict[Kind, Procedure] = {"main": "holm", "interaction": "holm", "simple": "bh"}
_COUNTS = ("n", "n_assigned", "n_immature", "n_ineligible")


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of one metric.

    Attributes:
        kind: Which kind.
        name: Its contrast, such as ``main:gift`` or ``simple:gift|discount_pct=10``.
        variant: The levels that are compared, in words.
        control: The levels that they are compared with.
        treatment: The estimate with the level; for an interaction, the effect of one factor where
            the other has its level.
        base: The same without.
        cells: The cells on the side of the level.
        base_cells: Those on the other.
        notes: What to say of it.
    """

    kind: Kind
    name: str
    variant: str
    control: str
    treatment: Level
    base: Level
    cells: tuple[str, ...]
    base_cells: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def at_level(self, ci_level: float) -> Comparison:
        """The comparison; an interaction has no lift, for it is a difference of differences."""
        found = t_comparison(self.base, self.treatment, ci_level, METHOD)
        if self.kind != "interaction":
            return found
        return replace(found, lift=None, lift_ci=None, notes=())


def effect_records(spec: Spec, summaries: Summaries, who: Who) -> list[Record]:
    """The effects of every metric whose cells have a value with a variance.

    Args:
        spec: The experiment, with its cells as variants.
        summaries: What was counted in each cell.
        who: What a record says of a metric in a cell.
    """
    if spec.factors is None or len(spec.factors.order) < 2:
        return []  # one factor: its cells against control are its effects
    found: list[tuple[Metric, Effect]] = []
    records: list[Record] = []
    for metric in spec.metrics:
        design = _Design(
            spec.factors, {key: summaries[metric.key, key].summary for key in _keys(spec)}
        )
        if not design.has_levels:
            continue
        reason = _refusal(spec, {key: summaries[metric.key, key].n for key in _keys(spec)})
        if reason is not None:
            records.append(_refused(spec, metric, who, reason))
            continue
        found += [(metric, effect) for effect in design.effects()]
        records.append(_joint(spec, metric, who, design))
    adjusted = _adjusted(found, spec.analysis.alpha)
    return [
        *(
            _record(spec, metric, effect, who, adjusted.get(place))
            for place, (metric, effect) in enumerate(found)
        ),
        *records,
    ]


def _keys(spec: Spec) -> list[str]:
    return [variant.key for variant in spec.variants or ()]


class _Design:
    """One metric's cells, by the place of each factor's level; control's level comes first."""

    def __init__(self, factors: Factors, summaries: Mapping[str, Summary]) -> None:
        self._order = factors.order
        self._levels = {
            name: sorted(
                factors.levels[name],
                key=lambda level, name=name: level_text(level) != level_text(factors.control[name]),  # type: ignore[misc]
            )
            for name in factors.order
        }
        self.sizes = [len(self._levels[name]) for name in self._order]
        self._keys: dict[Cell, str] = {}
        self.cells: dict[Cell, Level] = {}
        for cell in itertools.product(*map(range, self.sizes)):
            key = self._key(cell)
            level = _level(summaries[key])
            if level is not None:
                self._keys[cell], self.cells[cell] = key, level

    @property
    def has_levels(self) -> bool:
        """Whether every cell's summary is of a kind that has a value with a variance."""
        return len(self.cells) == len(list(itertools.product(*map(range, self.sizes))))

    def effects(self) -> Iterator[Effect]:
        """All main effects, then interactions of two factors, then simple effects."""
        places = range(len(self._order))
        for place in places:
            for level in range(1, self.sizes[place]):
                yield self._effect("main", place, level, {})
        for one, other in itertools.combinations(places, 2):
            for level, at in itertools.product(
                range(1, self.sizes[one]), range(1, self.sizes[other])
            ):
                yield self._interaction((one, level), (other, at))
        for one, other in itertools.permutations(places, 2):
            for level, at in itertools.product(range(1, self.sizes[one]), range(self.sizes[other])):
                yield self._effect("simple", one, level, {other: at})

    def _effect(self, kind: Kind, place: int, level: int, fixed: dict[int, int]) -> Effect:
        """A level against control's, over all cells or those with a level of another factor."""
        where = "".join(f"|{self._text(other, at)}" for other, at in fixed.items())
        with_, without = {**fixed, place: level}, {**fixed, place: 0}
        return Effect(
            kind,
            f"{kind}:{self._short(place, level)}{where}",
            self._text(place, level) + where,
            self._text(place, 0) + where,
            margin(self.cells, with_),
            margin(self.cells, without),
            tuple(self._in(with_)),
            tuple(self._in(without)),
        )

    def _interaction(self, one: tuple[int, int], other: tuple[int, int]) -> Effect:
        """How much larger the effect of one factor is where the other has its level."""
        (place, level), (by, at) = one, other
        with_, without = (
            combined(
                [
                    (1.0, margin(self.cells, {place: level, by: side})),
                    (-1.0, margin(self.cells, {place: 0, by: side})),
                ]
            )
            for side in (at, 0)
        )
        levels = (0, level)
        note = sentence(
            "The values are the effect of {factor} without and with {other}.",
            factor=self._text(place, level),
            other=self._text(by, at),
        )
        return Effect(
            "interaction",
            f"interaction:{self._short(place, level)}*{self._short(by, at)}",
            f"{self._text(place, level)}*{self._text(by, at)}",
            f"{self._text(place, level)}*{self._text(by, 0)}",
            with_,
            without,
            tuple(key for one in levels for key in self._in({place: one, by: at})),
            tuple(key for one in levels for key in self._in({place: one, by: 0})),
            (note, FOUR_TIMES),
        )

    def _in(self, fixed: Mapping[int, int]) -> Iterator[str]:
        for cell, key in self._keys.items():
            if all(cell[place] == level for place, level in fixed.items()):
                yield key

    def _text(self, place: int, level: int) -> str:
        name = self._order[place]
        return f"{name}={level_text(self._levels[name][level])}"

    def _short(self, place: int, level: int) -> str:
        """A factor of two levels needs no level to be named."""
        return self._order[place] if self.sizes[place] == 2 else self._text(place, level)

    def _key(self, cell: Cell) -> str:
        found = {name: self._levels[name][at] for name, at in zip(self._order, cell, strict=True)}
        return cell_key(found, self._order)


def _level(summary: Summary) -> Level | None:
    """A cell's value with its robust variance; None for curves and quantiles."""
    if isinstance(summary, Proportion):
        n, rate = summary.n, summary.value if summary.n else 0.0
        return mean_level(Moments(n, rate, n * rate * (1 - rate)))
    if isinstance(summary, Moments):
        return mean_level(summary)
    if isinstance(summary, PairMoments):
        return ratio_level(summary)
    return cluster_level(summary).level if isinstance(summary, Clusters) else None


def _adjusted(found: Sequence[tuple[Metric, Effect]], alpha: float) -> dict[int, Adjusted]:
    """Each kind of effect of each role is a family of its own; guardrails are in none."""
    families: dict[tuple[str, Kind], list[int]] = defaultdict(list)
    for place, (metric, effect) in enumerate(found):
        if metric.role != "guardrail":
            families[metric.role, effect.kind].append(place)
    adjusted: dict[int, Adjusted] = {}
    for (role, kind), places in families.items():
        procedure = "bh" if role == "exploratory" else PROCEDURES[kind]
        pvalues = [found[place][1].at_level(1 - alpha).pvalue for place in places]
        level, name = adjusted_ci_level(pvalues, procedure, alpha)
        for place, pvalue in zip(places, adjust(pvalues, procedure), strict=True):
            adjusted[place] = Adjusted(pvalue, level, procedure, name)
    return adjusted


def _record(
    spec: Spec, metric: Metric, effect: Effect, who: Who, adjusted: Adjusted | None
) -> Record:
    comparison = effect.at_level(1 - spec.analysis.alpha)
    fields: dict[str, Any] = {"pvalue_adjustment": "none"}
    if adjusted is not None:
        fields = adjusted.fields(effect.at_level(adjusted.ci_level).difference_ci)
        fields["family"] = f"{metric.role} {effect.kind}"
    counts = _summed(who(metric, key) for key in effect.cells)
    if effect.kind == "simple" and counts["label"] == "confirmatory":
        counts["label"] = "exploratory"
    control = _summed(who(metric, key) for key in effect.base_cells)
    fields |= {f"{name}_control": control[name] for name in _COUNTS if name != "n_assigned"}
    interval, lift = comparison.difference_ci, comparison.lift_ci
    notes = (*effect.notes, *comparison.notes, *_plain_notes(spec))
    return Record(
        **{**counts, "variant": effect.variant, "contrast": effect.name},
        control=effect.control,
        value=comparison.value,
        value_control=comparison.value_control,
        difference=comparison.difference,
        difference_ci_low=interval.low if interval else None,
        difference_ci_high=interval.high if interval else None,
        lift=comparison.lift,
        lift_ci_low=lift.low if lift else None,
        lift_ci_high=lift.high if lift else None,
        se=comparison.se,
        statistic=comparison.statistic,
        df=comparison.df,
        pvalue=comparison.pvalue,
        coherent=comparison.coherent if comparison.pvalue is not None else None,
        method=comparison.method,
        notes=tuple(dict.fromkeys(notes)),
        **fields,
    )


def _joint(spec: Spec, metric: Metric, who: Who, design: _Design) -> Record:
    """All interactions at once."""
    counts = _summed(who(metric, key) for key in _keys(spec))
    base = {**counts, "variant": "interactions", "contrast": "interaction:joint"}
    base["control"] = spec.control.key if spec.control is not None else None
    try:
        test = joint_interactions(design.sizes, design.cells)
    except ValueError:
        note = sentence("No joint test of interactions: a cell does not vary.")
        return Record(**base, notes=(note,))
    note = sentence("A large p-value does not show that there are no interactions.")
    return Record(
        **base,
        statistic=test.statistic,
        df=test.df,
        pvalue=test.pvalue,
        pvalue_adjustment="none",
        method="wald",
        notes=(note, *_plain_notes(spec)),
    )


def _refusal(spec: Spec, units: Mapping[str, int]) -> str | None:
    """Why there are no effects of factors; None where there are."""
    if spec.analysis.sequential is not None:
        return sentence("No effects of factors: the sequential plan is about the cells alone.")
    small = next((cell for cell, n in units.items() if n < FEW_UNITS), None)
    if small is None:
        return None
    return sentence(
        "No effects of factors: {cell} has {n:,} units; each cell must have at least {least}.",
        cell=small,
        n=units[small],
        least=FEW_UNITS,
    )


def _refused(spec: Spec, metric: Metric, who: Who, reason: str) -> Record:
    """A metric without effects of factors."""
    counts = _summed(who(metric, key) for key in _keys(spec))
    base = {**counts, "variant": "factors", "contrast": "factors"}
    base["control"] = spec.control.key if spec.control is not None else None
    return Record(**base, notes=(reason,))


def _plain_notes(spec: Spec) -> tuple[str, ...]:
    if not spec.analysis.covariates:
        return ()
    return (sentence("Effects of factors are not adjusted for covariates."),)


def _summed(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Names and label of the first cell, counts of all."""
    every = list(parts)
    return {**every[0], **{name: sum(part[name] for part in every) for name in _COUNTS}}
