"""What an incentive did with its money: who took it, what it bought, and where it breaks even.

All are sums and ratios of means per assigned customer, over these amounts:

* ``gross``: contribution before what the variant costs (margin times revenue, or revenue less the
  goods);
* ``incentive``: what the incentive cost; ``exposure``: what reaching the customer cost;
* ``bought``: 1 for a customer who bought; ``both``: 1 for one who bought and redeemed;
* ``redemptions``: how often the incentive was used; ``base``: the value that a percentage is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.money.joint import Contrast, JointMeans, estimated
from abtest.stats.money.ratio import Ratio, fieller_ratio

if TYPE_CHECKING:
    from abtest.stats.money.joint import Weights

GROSS, INCENTIVE, EXPOSURE = "gross", "incentive", "exposure"
BOUGHT, BOTH, REDEMPTIONS, BASE = "bought", "both", "redemptions", "base"
PROFIT: Weights = {GROSS: 1.0, INCENTIVE: -1.0, EXPOSURE: -1.0}
_SPENT: Weights = {INCENTIVE: 1.0, EXPOSURE: 1.0}


@dataclass(frozen=True, slots=True)
class Means:
    """Both variants' means, and the critical value of every interval.

    Attributes:
        control: The control's means.
        treatment: The treatment's means.
        quantile: The critical value, such as 1.96.
    """

    control: JointMeans
    treatment: JointMeans
    quantile: float

    def ratio(self, top: Contrast, bottom: Contrast) -> Ratio:
        """One quantity over another, with Fieller's set."""
        return fieller_ratio(estimated(self.control, self.treatment, top, bottom), self.quantile)

    def difference(self, weights: Weights) -> float:
        """Treatment less control of a weighted sum."""
        return self.treatment.mean(weights) - self.control.mean(weights)


def bought_anyway(means: Means) -> Ratio:
    """Of the customers who redeemed and bought, the share who would have bought anyway.

    1 - (p_t - p_c) / r_t, with p the share of assigned customers who bought and r_t the share who
    redeemed and bought.

    Assumes that the offer moves nobody who does not redeem it, and that it keeps nobody from
    buying who would have bought without it. Where these fail the value may leave [0, 1]; it is
    then shown as it is.

    Args:
        means: Both variants' means of ``bought`` and ``both``.

    Returns:
        The share with Fieller's set.

    Source:
        The bounds of principal strata under exclusion and monotonicity: Angrist, Imbens & Rubin
        (1996), JASA 91, 444-455.

    Example:
        >>> names, none = ("bought", "both"), ((0.0, 0.0), (0.0, 0.0))
        >>> control = JointMeans(names, (0.10, 0.0), none, 100)
        >>> treatment = JointMeans(names, (0.14, 0.08), none, 100)
        >>> round(bought_anyway(Means(control, treatment, 1.96)).value, 9)
        0.5
    """
    top = Contrast({BOTH: 1.0, BOUGHT: -1.0}, {BOUGHT: -1.0})
    return means.ratio(top, Contrast({BOTH: 1.0}, {}))


def cost_per_incremental(means: Means) -> Ratio:
    """What one more customer who bought cost: (C_t - C_c) / (p_t - p_c), with C all that was spent.

    The costs are those of the variant alone, before any contribution. The set is unbounded where
    the difference in buyers is not clear of zero: `net_benefit` is then what to read.

    Args:
        means: Both variants' means of ``incentive``, ``exposure`` and ``bought``.

    Returns:
        The cost in money per incremental buyer, with Fieller's set.

    Source:
        Willan & O'Brien (1996), Health Economics 5, 297-305.

    Example:
        >>> names, none = ("bought", "incentive", "exposure"), ((0.0,) * 3,) * 3
        >>> control = JointMeans(names, (0.10, 0.0, 0.0), none, 100)
        >>> treatment = JointMeans(names, (0.14, 0.32, 0.05), none, 100)
        >>> round(cost_per_incremental(Means(control, treatment, 1.96)).value, 9)
        9.25
    """
    return means.ratio(Contrast(_SPENT, _SPENT), Contrast({BOUGHT: 1.0}, {BOUGHT: 1.0}))


def return_on_cost(means: Means) -> Ratio:
    """Incremental contribution after costs per unit of money spent, (P_t - P_c) / (C_t - C_c).

    Args:
        means: Both variants' means of ``gross``, ``incentive`` and ``exposure``.

    Returns:
        The return (0.5 is +50%), with Fieller's set.

    Source:
        Fieller (1954), JRSS B 16, 175-185.

    Example:
        >>> names, none = ("gross", "incentive", "exposure"), ((0.0,) * 3,) * 3
        >>> control = JointMeans(names, (2.0, 0.0, 0.0), none, 100)
        >>> treatment = JointMeans(names, (2.6, 0.35, 0.05), none, 100)
        >>> round(return_on_cost(Means(control, treatment, 1.96)).value, 9)
        0.5
    """
    return means.ratio(Contrast(PROFIT, PROFIT), Contrast(_SPENT, _SPENT))


def break_even_redemption(means: Means) -> Ratio:
    """What one redemption may cost before the variant loses money.

    (G_t - G_c - E_t + C_c) / R_t, with G the contribution before costs, E the cost of reaching a
    customer, C_c all that control costs and R_t the redemptions per assigned customer.

    Args:
        means: Both variants' means of ``gross``, ``incentive``, ``exposure`` and ``redemptions``.

    Returns:
        The break-even cost in money per redemption, with Fieller's set.

    Source:
        Fieller (1954), JRSS B 16, 175-185.

    Example:
        >>> names, none = ("gross", "incentive", "exposure", "redemptions"), ((0.0,) * 4,) * 4
        >>> control = JointMeans(names, (2.0, 0.0, 0.0, 0.0), none, 100)
        >>> treatment = JointMeans(names, (2.65, 0.4, 0.05, 0.1), none, 100)
        >>> round(break_even_redemption(Means(control, treatment, 1.96)).value, 9)
        6.0
    """
    top = Contrast({GROSS: 1.0, EXPOSURE: -1.0}, PROFIT)
    return means.ratio(top, Contrast({REDEMPTIONS: 1.0}, {}))


def break_even_share(means: Means) -> Ratio:
    """What share of the orders' value the discount may be before the variant loses money.

    As `break_even_redemption`, over the value B_t that the percentage is of.

    Args:
        means: Both variants' means of ``gross``, ``incentive``, ``exposure`` and ``base``.

    Returns:
        The break-even discount (0.1 is 10%), with Fieller's set.

    Source:
        Fieller (1954), JRSS B 16, 175-185.
    """
    top = Contrast({GROSS: 1.0, EXPOSURE: -1.0}, PROFIT)
    return means.ratio(top, Contrast({BASE: 1.0}, {}))


def break_even_lift(means: Means) -> float | None:
    """The lift of the share who buy at which the variant pays for itself.

    What is spent per assigned customer over the contribution of one buyer, as a share of control's
    buyers: (C_t - C_c) / (G_t / p_t) / p_c. It takes the contribution of a buyer as observed.

    Args:
        means: Both variants' means of ``gross``, ``incentive``, ``exposure`` and ``bought``.

    Returns:
        The lift (0.05 is +5%); None where nobody bought or a buyer brings nothing.

    Source:
        The condition delta_p V > c r_t, solved for delta_p.

    Example:
        >>> names, none = ("gross", "bought", "incentive", "exposure"), ((0.0,) * 4,) * 4
        >>> control = JointMeans(names, (2.0, 0.10, 0.0, 0.0), none, 100)
        >>> treatment = JointMeans(names, (2.4, 0.12, 0.2, 0.0), none, 100)
        >>> round(break_even_lift(Means(control, treatment, 1.96)), 9)
        0.1
    """
    buyers, gross = means.treatment.mean({BOUGHT: 1.0}), means.treatment.mean({GROSS: 1.0})
    base = means.control.mean({BOUGHT: 1.0})
    if buyers <= 0 or gross <= 0 or base <= 0:
        return None
    return means.difference(_SPENT) * buyers / gross / base


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """What the variant is worth where one more buyer is worth an amount.

    Attributes:
        worth: The worth of one more buyer.
        value: Net benefit per assigned customer.
        low: The lower end of its interval.
        high: The upper end.
    """

    worth: float
    value: float
    low: float
    high: float


def net_benefit(means: Means, worth: float) -> NetBenefit:
    """The line to read where a cost per incremental buyer has no bounds.

    NB(w) = w (p_t - p_c) - (C_t - C_c) is linear in the data, so its interval always has two ends.

    Args:
        means: Both variants' means of ``incentive``, ``exposure`` and ``bought``.
        worth: What one more buyer is worth, in money.

    Returns:
        The net benefit per assigned customer.

    Source:
        Stinnett & Mullahy (1998), Medical Decision Making 18, S68-S80.

    Example:
        >>> names, none = ("bought", "incentive", "exposure"), ((0.0,) * 3,) * 3
        >>> control = JointMeans(names, (0.10, 0.0, 0.0), none, 100)
        >>> treatment = JointMeans(names, (0.14, 0.32, 0.05), none, 100)
        >>> round(net_benefit(Means(control, treatment, 1.96), 10.0).value, 9)
        0.03
    """
    weights = {BOUGHT: worth, INCENTIVE: -1.0, EXPOSURE: -1.0}
    contrast = Contrast(weights, weights)
    found = estimated(means.control, means.treatment, contrast, contrast)
    half_width = means.quantile * max(found.variance_top, 0.0) ** 0.5
    return NetBenefit(worth, found.top, found.top - half_width, found.top + half_width)
