"""A/A on the past: did the variants do alike before the treatment, on the primary metric itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.health.watched import before_key, primaries
from abtest.analysis.result import Check
from abtest.methods import default_method
from abtest.sentences import joined, sentence
from abtest.stats.families.procedures import adjust
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.summaries import Found
    from abtest.spec import Spec
    from abtest.stats.comparison import Comparison

ALPHA = 0.001


def pre_period(spec: Spec, found: Found) -> Check | None:
    """Primary metrics on which the variants differed in the same length of time before.

    Conversion and repeat purchase are read as any event in that time. Holm over metrics and
    variants. Where the weights changed while units entered it is not asked: who came when may
    differ.
    """
    rows = list(_compared(spec, found))
    adjusted = adjust([compared.pvalue for _, _, compared in rows], "holm")
    off = [
        (*row, pvalue)
        for row, pvalue in zip(rows, adjusted, strict=True)
        if pvalue is not None and pvalue < ALPHA
    ]
    if not off:
        return None
    told = [
        sentence(
            "{metric}, {variant}: {control:.4g} -> {value:.4g}, adjusted p = {pvalue:.3g}",
            metric=metric,
            variant=variant,
            control=compared.value_control or 0.0,
            value=compared.value or 0.0,
            pvalue=pvalue,
        )
        for metric, variant, compared, pvalue in off
    ]
    return Check(
        key="pre_period",
        status="warn",
        message=sentence(
            "The variants differed before the treatment could do anything: {told}.",
            told=joined("; ", told),
        ),
        hint=sentence(
            "Is the split fair, and are the times of assignment and of events in one zone? An "
            "earlier experiment on the same customers may also still be at work."
        ),
        details={
            "differences": [
                {"metric": metric, "variant": variant, **_numbers(compared), "pvalue_adjusted": p}
                for metric, variant, compared, p in off
            ]
        },
    )


def _compared(spec: Spec, found: Found) -> Iterator[tuple[str, str, Comparison]]:
    control = spec.control.key if spec.control is not None else ""
    for metric in primaries(spec):
        for variant in spec.treatments:
            pair = [found.summaries.get((before_key(metric), k)) for k in (control, variant.key)]
            known = [one.summary for one in pair if one is not None and _varies(one.summary)]
            if len(known) == 2:
                base, other = known
                yield metric.key, variant.key, default_method(base).compare(base, other, 0.95)


def _numbers(compared: Comparison) -> dict[str, float | None]:
    keys = ("value", "value_control", "difference", "pvalue")
    return {key: getattr(compared, key) for key in keys}


def _varies(summary: object) -> bool:
    if isinstance(summary, Proportion):
        return 0 < summary.successes < summary.n
    return isinstance(summary, Moments) and summary.n > 1 and summary.m2 > 0
