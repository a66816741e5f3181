"""Families of comparisons: which p-values are adjusted together, and the intervals that match.

A family is the metrics of one role with all their contrasts. Guardrails are in none: a variant must
pass all of them, so that no claim is easier for there being several; a correction would hide harm.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.sentences import sentence
from abtest.stats.families.max_t import MaxT, loadings_of
from abtest.stats.families.procedures import adjust, adjusted_ci_level, gated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from abtest.analysis.records import Contrast
    from abtest.spec import Spec
    from abtest.stats.comparison import Interval

    VarianceOf = Callable[[str, str], float | None]
    """The variance of a metric's value in a variant, by their keys; None where unknown."""

# From here on the normal distribution stands for t: the two differ by less than 1% of a p-value
# that matters, and each contrast keeps its own p-value.
ENOUGH_DF = 200
# Procedures that leave each variant a part of alpha of its own, for its secondary metrics.
OWN_GATES = ("dunnett", "bonferroni")
SHUT = sentence(
    "There is no adjusted p-value: a primary metric that has to be significant first has none."
)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One contrast's adjusted p-value, its interval's coverage, and the words for both.

    Attributes:
        pvalue: The adjusted p-value; None where there is none.
        ci_level: The coverage of the interval that goes with it.
        by: How the p-value was adjusted.
        ci_by: How the interval was widened; None where it was not.
        notes: Why there is no adjusted p-value.
    """

    pvalue: float | None
    ci_level: float
    by: str
    ci_by: str | None
    notes: tuple[str, ...] = ()

    def fields(self, interval: Interval | None) -> dict[str, Any]:
        """What a record says of it."""
        ends = (None, None) if interval is None else (interval.low, interval.high)
        low, high = (None if end in (float("-inf"), float("inf")) else end for end in ends)
        return {
            "pvalue_adjusted": self.pvalue,
            "pvalue_adjustment": self.by,
            "difference_ci_low_adjusted": low,
            "difference_ci_high_adjusted": high,
            "ci_adjustment": self.ci_by,
        }


def adjust_families(
    spec: Spec, contrasts: Sequence[Contrast], variance_of: VarianceOf
) -> dict[int, dict[str, Any]]:
    """The adjusted fields of each contrast's record, by its place.

    Args:
        spec: The experiment.
        contrasts: All contrasts of all metrics.
        variance_of: The variance of each value, for what contrasts share.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, contrast in enumerate(contrasts):
        places[contrast.metric.role].append(place)
    guardrails = {place: {"pvalue_adjustment": "none"} for place in places.pop("guardrail", ())}
    families = _Families(spec, contrasts, variance_of)
    found: dict[int, Adjusted] = {}
    for role in sorted(places, key=lambda role: role != "primary"):  # the gate comes first
        procedure = getattr(spec.analysis.correction, role)
        found |= families.adjusted(places[role], procedure, found)
    adjusted: dict[int, dict[str, Any]] = {}
    for place, one in found.items():
        interval = contrasts[place].at_level(one.ci_level).difference_ci
        adjusted[place] = {**one.fields(interval), "notes": one.notes}
    return guardrails | adjusted


class _Families:
    """The contrasts, and what is known of each pair's shared error."""

    def __init__(self, spec: Spec, contrasts: Sequence[Contrast], variance_of: VarianceOf) -> None:
        self._alpha = spec.analysis.alpha
        self._primary = spec.analysis.correction.primary
        self._control = spec.control.key if spec.control is not None else ""
        self._contrasts = contrasts
        self._variance_of = variance_of

    def adjusted(
        self, places: Sequence[int], procedure: str, gates: Mapping[int, Adjusted]
    ) -> dict[int, Adjusted]:
        """One family by one procedure."""
        if procedure == "dunnett":
            return self._dunnett(places)
        if procedure == "gate_holm":
            return self._gate(places, gates)
        pvalues = self._pvalues(places)
        level, name = adjusted_ci_level(pvalues, procedure, self._alpha)  # type: ignore[arg-type]
        return {
            place: Adjusted(pvalue, level, procedure, name)
            for place, pvalue in zip(
                places,
                adjust(pvalues, procedure),  # type: ignore[arg-type]
                strict=True,
            )
        }

    def _dunnett(self, places: Sequence[int]) -> dict[int, Adjusted]:
        """Dunnett over the variants of each metric, Bonferroni over the metrics."""
        by_metric = self._by_metric(places)
        count = max(len(by_metric), 1)
        found = {place: Adjusted(None, 1 - self._alpha, "none", None) for place in places}
        for own in by_metric.values():
            word = _word(len(own), count)
            for place in own:
                joint = self._joint(own, place)
                pvalue = self._contrasts[place].comparison.pvalue or 0.0
                found[place] = Adjusted(
                    min(count * joint.adjusted(pvalue), 1.0),
                    1 - joint.error_rate_of_one(self._alpha / count),
                    word,
                    None if word == "none" else word,
                )
        return found

    def _gate(self, places: Sequence[int], gates: Mapping[int, Adjusted]) -> dict[int, Adjusted]:
        """Holm over a variant's metrics, behind its own primary metrics where these allow it."""
        variants = list(dict.fromkeys(self._contrasts[place].variant for place in places))
        groups = [[variant] for variant in variants]
        if self._primary not in OWN_GATES:
            groups = [variants]
        found: dict[int, Adjusted] = {}
        for group in groups:
            own = [place for place in places if self._contrasts[place].variant in group]
            opening = [place for place in gates if self._contrasts[place].variant in group]
            share = self._share(list(gates), group[0]) if len(group) < len(variants) else 1.0
            pvalues = self._pvalues(own)
            count = max(sum(pvalue is not None for pvalue in pvalues), 1)
            level = 1 - share * self._alpha / count
            adjusted = gated([gates[place].pvalue for place in opening], pvalues, share=share)
            shut = any(gates[place].pvalue is None for place in opening)
            found |= {
                place: Adjusted(pvalue, level, "gate_holm", "bonferroni", (SHUT,) if shut else ())
                for place, pvalue in zip(own, adjusted, strict=True)
            }
        return found

    def _share(self, places: Sequence[int], variant: str) -> float:
        """The part of alpha that only this variant's primary metrics use.

        With the critical value c of the whole family it is P(only |T_i| > c): what a true effect
        of this variant sets free, whatever is true of the others. Over all variants these parts
        add up to less than alpha, so that the chance of any false claim stays below it.
        """
        by_metric = self._by_metric(places)
        if self._primary == "bonferroni" or not by_metric:
            return 1 / max(len({self._contrasts[place].variant for place in places}), 1)
        rate = self._alpha / len(by_metric)
        free = 0.0
        for own in by_metric.values():
            position = [self._contrasts[place].variant for place in own]
            if variant not in position:
                continue
            joint = self._joint(own, own[position.index(variant)])
            others = joint.without(position.index(variant))
            used = others.adjusted(joint.error_rate_of_one(rate)) if others is not None else 0.0
            free += rate - used
        return min(max(free / self._alpha, 1e-9), 1.0)

    def _joint(self, places: Sequence[int], place: int) -> MaxT:
        """The contrasts of one metric together, with the degrees of freedom of one of them.

        Source:
            Hasler & Hothorn (2008), Biometrical Journal 50, 793-800, for each contrast's own
            degrees of freedom.
        """
        metric = self._contrasts[place].metric.key
        control = self._variance_of(metric, self._control)
        treatments = [self._variance_of(metric, self._contrasts[p].variant) for p in places]
        loadings = loadings_of(control or 0.0, [variance or 0.0 for variance in treatments])
        df = self._contrasts[place].comparison.df
        return MaxT(loadings, None if df is None or df >= ENOUGH_DF else df)

    def _by_metric(self, places: Iterable[int]) -> dict[str, list[int]]:
        """Those with a p-value, by metric."""
        found: dict[str, list[int]] = defaultdict(list)
        for place in places:
            contrast = self._contrasts[place]
            if contrast.comparison.pvalue is not None:
                found[contrast.metric.key].append(place)
        return found

    def _pvalues(self, places: Iterable[int]) -> list[float | None]:
        return [self._contrasts[place].comparison.pvalue for place in places]


def _word(contrasts: int, metrics: int) -> str:
    """What was done, in one word: one contrast of one metric is the plain test."""
    if contrasts == 1:
        return "none" if metrics == 1 else "bonferroni"
    return "dunnett" if metrics == 1 else "dunnett_bonferroni"
