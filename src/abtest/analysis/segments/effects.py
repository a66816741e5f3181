"""Effects within segments: whether they differ, each by itself, and drawn towards their mean.

First whether the segments differ at all; then the segments, with p-values that allow for how many
there are, each beside what is left of it once luck is taken off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from abtest.analysis.health.readings import FEW_UNITS
from abtest.analysis.result import Record, Result
from abtest.sentences import plural, sentence
from abtest.stats.families.procedures import adjust, adjusted_ci_level
from abtest.stats.log_lift import value_and_variance
from abtest.stats.segments.heterogeneity import heterogeneity, qualitative_interaction
from abtest.stats.segments.shrinkage import shrink
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.population import Population
    from abtest.analysis.records import Comparer, Contrast
    from abtest.analysis.segments.slices import Slice
    from abtest.analysis.summaries import Found
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

INTERACTION, SHRUNK = "segment_interaction", "segment_shrunk"
FAMILY = "segments"
FEW = sentence("Fewer than 20 units in a variant: left out of the test of the segments.")


@dataclass(frozen=True, slots=True)
class SegmentResults:
    """What the segments say.

    Attributes:
        records: One for each metric, contrast and segment.
        sensitivity: The interaction tests, then the effects after shrinkage.
    """

    records: tuple[Record, ...]
    sensitivity: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One contrast within one segment."""

    slice_: Slice
    value: str
    comparer: Comparer
    contrast: Contrast

    @property
    def name(self) -> str:
        return f"{self.slice_.name}={self.value}"

    @property
    def effect(self) -> tuple[float, float] | None:
        """The difference and its standard error; None where it is not known well enough."""
        contrast = self.contrast
        difference, se = contrast.comparison.difference, contrast.comparison.se
        if contrast.adjusted is None and isinstance(contrast.control.summary, Proportion):
            # The score's standard error is that of no effect; here every segment has its own.
            values = (contrast.control.summary, contrast.treatment.summary)
            variances = [value_and_variance(summary)[1] or 0.0 for summary in values]
            se = math.sqrt(math.fsum(variances))
        few = min(contrast.control.n, contrast.treatment.n) < FEW_UNITS
        return None if few or difference is None or not se else (difference, se)


def segment_results(
    spec: Spec, population: Population, found: Found, comparer: Comparer
) -> SegmentResults:
    """The effects within each declared segment.

    Args:
        spec: The experiment.
        population: Its units.
        found: What was counted, with the segments.
        comparer: The comparison of all units.
    """
    if not found.segments:
        return SegmentResults((), ())
    records: list[Record] = []
    tests: list[dict[str, Any]] = []
    shrunk: list[dict[str, Any]] = []
    readers = [
        (slice_, value, comparer.of_part(replace(population, assigned=dict(assigned)), summaries))
        for slice_ in found.segments
        for (value, assigned), summaries in zip(
            slice_.assigned.items(), slice_.summaries.values(), strict=True
        )
    ]
    for metric in spec.metrics:
        parts = [
            _Part(slice_, value, reader, contrast)
            for slice_, value, reader in readers
            for contrast in reader.contrasts_of(metric)
        ]
        records += _records(spec, parts)
        tests += _interactions(spec, metric, parts)
        shrunk += _shrunk(spec, metric, parts)
    return SegmentResults(tuple(records), (*tests, *shrunk))


def unplanned(result: Result) -> Result:
    """The result of a spec that was never frozen: nobody knows that segments were chosen before."""
    if not any(record.segment is not None for record in result.results):
        return result
    records = tuple(
        record.model_copy(update={"label": "exploratory"})
        if record.segment is not None and record.label == "confirmatory"
        else record
        for record in result.results
    )
    return result.model_copy(update={"results": records})


def _records(spec: Spec, parts: Sequence[_Part]) -> Iterator[Record]:
    """The records of one metric: adjusted over all its segments and variants.

    The segments of one attribute share no unit, so that Sidak's level is exact for them. Those of
    several, and variants with one control, hang together: by Sidak's inequality it holds there too.
    """
    pvalues = [part.contrast.comparison.pvalue for part in parts]
    level, made = adjusted_ci_level(pvalues, "holm_sidak", spec.analysis.alpha)
    for part, adjusted in zip(parts, adjust(pvalues, "holm_sidak"), strict=True):
        interval = part.contrast.at_level(level).difference_ci
        ends = (None, None) if interval is None else (interval.low, interval.high)
        low, high = (end if end is not None and math.isfinite(end) else None for end in ends)
        compared = part.comparer.compared(part.contrast)
        few = [] if part.effect is not None else [FEW]
        yield Record(
            **compared,
            segment=part.name,
            family=FAMILY,
            pvalue_adjusted=adjusted,
            pvalue_adjustment="holm_sidak",
            difference_ci_low_adjusted=low,
            difference_ci_high_adjusted=high,
            ci_adjustment=made,
            notes=tuple(dict.fromkeys((*part.contrast.comparison.notes, *few))),
        )


def _groups(spec: Spec, parts: Sequence[_Part]) -> Iterator[tuple[str, str, list[_Part]]]:
    """The parts of each variant and attribute."""
    for variant in spec.treatments:
        for name in dict.fromkeys(part.slice_.name for part in parts):
            own = [
                part
                for part in parts
                if part.slice_.name == name and part.contrast.variant == variant.key
            ]
            yield variant.key, name, own


def _interactions(spec: Spec, metric: Metric, parts: Sequence[_Part]) -> list[dict[str, Any]]:
    """Does the effect differ by segment? One test for each variant and attribute; Holm over all."""
    tests = [
        {
            "reading": INTERACTION,
            "metric": metric.key,
            "variant": variant,
            "segment": name,
            **_interaction(spec, own),
        }
        for variant, name, own in _groups(spec, parts)
    ]
    adjusted = adjust([test["pvalue"] for test in tests], "holm")
    return [
        {**test, "pvalue_adjusted": pvalue} for test, pvalue in zip(tests, adjusted, strict=True)
    ]


def _interaction(spec: Spec, parts: Sequence[_Part]) -> dict[str, Any]:
    known = [part.effect for part in parts if part.effect is not None]
    notes: list[str] = []
    left_out = len(parts) - len(known)
    if left_out:
        notes.append(
            plural(
                "{n} segment has too few units or no variation and is left out",
                "{n} segments have too few units or no variation and are left out",
                left_out,
            )
        )
    if spec.cluster is not None:
        notes.append(sentence("segments that share clusters are not quite independent"))
    if len(known) < 2:
        notes.append(sentence("there are not two segments to compare"))
        absent = {"pvalue": None, "statistic": None, "df": None}
        return {**absent, "method": "cochran_q", "crossing_pvalue": None, "notes": notes}
    effects, ses = [effect for effect, _ in known], [se for _, se in known]
    found = heterogeneity(effects, ses)
    crossing = None
    if min(effects) < 0 < max(effects):
        crossing = qualitative_interaction(effects, ses).pvalue
    if crossing is not None and found.pvalue < spec.analysis.alpha:
        notes.append(
            sentence(
                "the effect points in both directions; test of a crossing (Gail and Simon): "
                "p-value {pvalue:.3g}",
                pvalue=crossing,
            )
        )
    return {
        "pvalue": found.pvalue,
        "statistic": found.statistic,
        "df": found.df,
        "method": "cochran_q",
        "crossing_pvalue": crossing,
        "notes": notes,
    }


def _shrunk(spec: Spec, metric: Metric, parts: Sequence[_Part]) -> Iterator[dict[str, Any]]:
    """Each segment's effect drawn towards the mean of its attribute's segments."""
    for variant, _, own in _groups(spec, parts):
        known = [(part, part.effect) for part in own if part.effect is not None]
        if len(known) < 2:
            continue
        found = shrink([effect for _, (effect, _) in known], [se for _, (_, se) in known])
        for (part, (effect, _)), drawn in zip(known, found.effects, strict=True):
            base = part.contrast.comparison.value_control
            yield {
                "reading": SHRUNK,
                "metric": metric.key,
                "variant": variant,
                "segment": part.name,
                "difference": effect,
                "shrunk_difference": drawn,
                "shrunk_lift": drawn / base if base is not None and base > 0 else None,
                "tau": found.tau,
                "method": "dersimonian_laird",
            }
