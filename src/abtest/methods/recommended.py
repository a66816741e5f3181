"""Which method suits two proportions, from what is planned and never from what came out."""

from __future__ import annotations

from abtest.methods.miettinen_nurminen import MiettinenNurminen
from abtest.methods.scas import Scas

_SMALL_SHARE = 0.10


def recommended_proportion_method(
    weight_control: float, weight_treatment: float, *, non_inferiority: bool = False
) -> MiettinenNurminen | Scas:
    """The method for two proportions, by the planned split of the two variants.

    The plain score keeps its two-sided error everywhere, but shifts it to one side where one
    variant is much smaller: with 95/5 one side misses 3.4% to 5.6% where 2.5% is nominal. The
    skewness-corrected score does not. So it is SCAS where the smaller share is under 10%, or where
    one side alone decides (non-inferiority) and the shares differ.

    Args:
        weight_control: The control's planned weight, above 0, in any unit.
        weight_treatment: The treatment's, in the same unit.
        non_inferiority: Whether one side alone decides.

    Returns:
        SCAS or Miettinen-Nurminen.

    Raises:
        ValueError: A weight is not above 0.

    Source:
        Laud & Dane (2014), Pharmaceutical Statistics 13, 294-308; Laud (2017), Pharmaceutical
        Statistics 16, 334-348.

    Example:
        >>> recommended_proportion_method(95, 5).kind
        'scas'
        >>> recommended_proportion_method(50, 50, non_inferiority=True).kind
        'miettinen_nurminen'
    """
    for name, weight in (("control", weight_control), ("treatment", weight_treatment)):
        if not weight > 0:
            raise ValueError(f"the weight of {name} is {weight}; it must be above 0.")
    share = min(weight_control, weight_treatment) / (weight_control + weight_treatment)
    one_sided = non_inferiority and weight_control != weight_treatment
    return Scas() if share < _SMALL_SHARE or one_sided else MiettinenNurminen()
