"""Simpson's paradox: the pooled difference beside the one within segments and weeks of entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.result import Check
from abtest.sentences import joined, sentence
from abtest.stats.families.procedures import adjust
from abtest.stats.segments.confounding import confounding
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.segments.slices import Slice
    from abtest.analysis.summaries import Found
    from abtest.spec import Spec
    from abtest.stats.segments.confounding import Confounding

ALPHA = 0.001
"""As for the sample ratio: the check is made at every look at every experiment."""


def simpson(spec: Spec, found: Found) -> Check | None:
    """Primary metrics whose pooled difference is not the one within segments or weeks of entry.

    A gap that chance does not explain says that who got which variant hangs on the segment. Holm
    over all metrics, variants and attributes. Where the weights changed and the result is weighted
    by the splits, only the segments are looked at: the weeks are taken care of.
    """
    if spec.control is None or spec.cluster is not None:
        return None
    slices = [*found.segments, *([found.weeks] if found.weeks is not None else [])]
    rows = [row for slice_ in slices for row in _gaps(spec, slice_)]
    adjusted = adjust([gap.pvalue for _, _, _, gap in rows], "holm")
    off = [
        (row, pvalue)
        for row, pvalue in zip(rows, adjusted, strict=True)
        if pvalue is not None and pvalue < ALPHA
    ]
    if not off:
        return None
    told = [
        sentence(
            "{metric}, {variant}: {crude:+.4g} over all, {within:+.4g} within {slice}",
            metric=metric,
            variant=variant,
            crude=gap.crude,
            within=gap.within,
            slice=name,
        )
        for (metric, variant, name, gap), _ in off
    ]
    return Check(
        key="simpson",
        status="warn",
        message=sentence(
            "Simpson's paradox: the difference over all customers is not the one within parts of "
            "them. {told}.",
            told=joined("; ", told),
        ),
        hint=sentence(
            "The split depends on the part. Find out why; a change of weights belongs in "
            "assignment.phases, by which the result is then weighted."
        ),
        details={"gaps": [_details(*row, pvalue) for row, pvalue in off]},
    )


def _gaps(spec: Spec, slice_: Slice) -> Iterator[tuple[str, str, str, Confounding]]:
    control = spec.control.key if spec.control is not None else ""
    for metric in spec.metrics:
        if metric.role != "primary":
            continue
        for variant in spec.treatments:
            pairs = [
                (summaries[metric.key, control].summary, summaries[metric.key, variant.key].summary)
                for summaries in slice_.summaries.values()
                if (metric.key, control) in summaries
            ]
            if all(isinstance(one, Proportion | Moments) for pair in pairs for one in pair):
                gap = confounding(pairs)
                if gap is not None:
                    yield metric.key, variant.key, slice_.name, gap


def _details(
    metric: str, variant: str, name: str, gap: Confounding, pvalue: float
) -> dict[str, Any]:
    return {
        "metric": metric,
        "variant": variant,
        "by": name,
        "crude": gap.crude,
        "within": gap.within,
        "within_se": gap.within_se,
        "reversed": gap.reversed,
        "pvalue_adjusted": pvalue,
    }
