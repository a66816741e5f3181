"""How many units are left after each step, from the assignment to the number that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.result import WaterfallStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Summaries
    from abtest.spec import Spec


def waterfall(
    spec: Spec, population: Population, summaries: Summaries
) -> tuple[WaterfallStep, ...]:
    """The steps of all metrics and variants.

    Args:
        spec: The experiment.
        population: Its units.
        summaries: What was counted of them.
    """
    return tuple(_steps(spec, population, summaries))


def _steps(spec: Spec, population: Population, summaries: Summaries) -> Iterator[WaterfallStep]:
    variants = [variant.key for variant in spec.variants or ()]
    for variant in variants:
        yield WaterfallStep(step="assigned", variant=variant, n=population.assigned[variant])
    for metric in spec.metrics:
        for variant in variants:
            counts = summaries[metric.key, variant]
            eligible = counts.immature + counts.missing + counts.n
            mature = counts.missing + counts.n
            yield WaterfallStep(metric=metric.key, step="eligible", variant=variant, n=eligible)
            yield WaterfallStep(metric=metric.key, step="mature", variant=variant, n=mature)
            yield WaterfallStep(metric=metric.key, step="observed", variant=variant, n=counts.n)
