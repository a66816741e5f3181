"""A comparison without numbers, and the sentences that say why."""

from __future__ import annotations

from abtest.sentences import joined, sentence
from abtest.stats.comparison import Comparison

SIDES = (sentence("control"), sentence("treatment"))
LIFT_UNBOUNDED = sentence("relative lift cannot be bounded")
CONTROL_NOT_POSITIVE = sentence("control is zero or negative: a relative lift has no meaning")


def without_inference(
    value_control: float | None,
    value: float | None,
    *,
    ci_level: float,
    method: str,
    note: str,
) -> Comparison:
    """The two values and what separates them, but no p-value and no interval.

    Args:
        value_control: The control's value, in the metric's unit; None where there is none.
        value: The treatment's value.
        ci_level: The coverage that was asked for.
        method: The method's kind.
        note: Why there is no inference.

    Returns:
        A comparison whose inferential fields are all None.

    Example:
        >>> without_inference(2.0, None, ci_level=0.95, method="welch", note="no units").difference
    """
    difference = lift = None
    if value_control is not None and value is not None:
        difference = value - value_control
        lift = difference / value_control if value_control > 0 else None
    return Comparison(
        value=value,
        value_control=value_control,
        difference=difference,
        difference_ci=None,
        lift=lift,
        lift_ci=None,
        se=None,
        statistic=None,
        df=None,
        pvalue=None,
        ci_level=ci_level,
        method=method,
        notes=(note,),
    )


def problems_of(control: str, treatment: str) -> str:
    """The problems of both variants in one sentence; empty where there are none.

    Example:
        >>> problems_of("has one unit", "")
        'control has one unit'
    """
    named = zip(SIDES, (control, treatment), strict=True)
    found = [problem_of(name, problem) for name, problem in named if problem]
    return joined("; ", found) if found else ""


def problem_of(name: str, problem: str) -> str:
    """What is wrong with one variant.

    Example:
        >>> problem_of("coupon", "has one unit")
        'coupon has one unit'
    """
    return sentence("{variant} {problem}", variant=name, problem=problem)
