"""Shares with so few events that no test by a normal distribution keeps its error exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.method_choice import choose_method
from abtest.analysis.result import Check
from abtest.methods import MiettinenNurminen, Scas
from abtest.sentences import joined, sentence
from abtest.stats.proportions.unconditional import MAX_UNITS
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.summaries import Summaries
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

# In the smallest variant, of what is rarer: the outcome or its absence.
FEW_EVENTS = 10
# Under so many units in all p-values come in steps that are too coarse.
FEW_IN_ALL = 200


def expected_events(shares: Sequence[Proportion]) -> float:
    """The rarer of events and others that the smallest variant has if nothing differs.

    Args:
        shares: All variants' units and events, each with a unit.

    Returns:
        The number, by the rate of all variants together.

    Example:
        >>> expected_events([Proportion(100, 4), Proportion(300, 4)])
        2.0
    """
    units = sum(share.n for share in shares)
    events = sum(share.successes for share in shares)
    return min(events, units - events) / units * min(share.n for share in shares)


def is_few(expected: float, units: int) -> bool:
    """Whether the score's errors of 5% may be some other."""
    return expected < FEW_EVENTS or units < FEW_IN_ALL


def few_events(spec: Spec, summaries: Summaries) -> Check | None:
    """Primary shares that are compared by a score with too few events or units for it."""
    parts, details, exact = [], {}, []
    for metric in spec.metrics:
        shares = _shares(spec, metric, summaries)
        if metric.role != "primary" or not shares:
            continue
        units, expected = sum(share.n for share in shares), expected_events(shares)
        details[metric.key] = {"expected_events": expected, "units": units}
        if is_few(expected, units):
            parts.append(
                sentence(
                    "{metric} (about {expected:.1f} in the smallest variant; "
                    "{units:,} units in all)",
                    metric=metric.key,
                    expected=expected,
                    units=units,
                )
            )
            exact += [metric.key] if units <= MAX_UNITS else []
    if not parts:
        return None
    return Check(
        key="few_events",
        status="warn",
        message=sentence(
            "Few events, with which a p-value below 5% is not exactly as rare as 5%: {parts}.",
            parts=joined("; ", parts),
        ),
        hint=_hint(exact),
        details=details,
    )


def _shares(spec: Spec, metric: Metric, summaries: Summaries) -> list[Proportion]:
    """The variants' events where a score compares them; none where a variant has nobody."""
    if spec.control is None:
        return []
    found = [summaries[metric.key, variant.key].summary for variant in spec.variants or ()]
    shares = [one for one in found if isinstance(one, Proportion) and one.n]
    if len(shares) < max(len(found), 2):
        return []
    by_score = isinstance(choose_method(spec, metric, found), MiettinenNurminen | Scas)
    return shares if by_score else []


def _hint(metrics: Sequence[str]) -> str:
    if not metrics:
        return sentence("Wait for more units, or for their windows to end.")
    named = ", ".join(f"{metric}: {{kind: boschloo}}" for metric in metrics)
    return sentence(
        "Before anybody looks, name the test in the plan: `{plan}`.",
        plan=f"analysis: {{methods: {{{named}}}}}",
    )
