"""Means and ratios where whole clusters (households, stores, villages) were randomised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.absent import problems_of, without_inference
from abtest.stats.adjustment.correlated_pivot import Pair, correlated_comparison
from abtest.stats.clusters.sums import ClusterLevel, Clusters, cluster_level
from abtest.stats.means.t_pivot import t_estimate
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.stats.comparison import Comparison, Estimate

__all__ = [
    "ClusterLevel",
    "Clusters",
    "cluster_estimate",
    "cluster_level",
    "cluster_pair",
    "cluster_robust",
]

METHOD = "cluster_robust"
FEW_CLUSTERS = 10  # in a variant; below, one unusual cluster decides
FEW_DF = 4  # below, Satterthwaite's approximation is not to be trusted


def cluster_robust(control: Clusters, treatment: Clusters, ci_level: float = 0.95) -> Comparison:
    """Compare two means, shares or ratios of sums where clusters were randomised.

    t = (R_t - R_c) / sqrt(v_t + v_c) with the CR2 variances of ``cluster_level`` and
    Satterthwaite's degrees of freedom under independent units of one variance,
    (w_c + w_t)^2 / (w_c^2 / df_c + w_t^2 / df_t) with w = 1 / sum(x). The lift's interval is
    Fieller's with the same degrees of freedom, so p-value and both intervals agree. The mean is
    that of units, not of clusters: a large cluster counts for more.

    Assumes independent clusters, each wholly in one variant.

    Args:
        control: The control's clusters.
        treatment: The treatment's clusters.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit. Without inference with fewer than two clusters in a
        variant or where neither varies; with a note where clusters are few.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Bell & McCaffrey (2002); Imbens & Kolesar (2016), Review of Economics and Statistics 98,
        701-712; the same as clubSandwich's CR2 for a regression on the variant.

    Example:
        >>> control = Clusters(sizes=(2, 2, 2), y=(2.0, 4.0, 6.0), x=(2.0, 2.0, 2.0))
        >>> treatment = Clusters(sizes=(2, 2, 2), y=(6.0, 8.0, 10.0), x=(2.0, 2.0, 2.0))
        >>> result = cluster_robust(control, treatment)
        >>> round(result.statistic, 4), round(result.df, 4)
        (2.4495, 4.0)
    """
    check_ci_level(ci_level)
    pair = cluster_pair(control, treatment)
    if isinstance(pair, str):
        values = [cluster_level(one).level.value for one in (control, treatment)]
        return without_inference(*values, ci_level=ci_level, method=METHOD, note=pair)
    notes = few_clusters({"control": control, "treatment": treatment})
    if pair.df < FEW_DF:
        notes = (
            *notes,
            sentence("{df:.1f} degrees of freedom are too few to trust the p-value", df=pair.df),
        )
    return correlated_comparison(pair, ci_level=ci_level, method=METHOD, notes=notes)


def cluster_pair(control: Clusters, treatment: Clusters) -> Pair | str:
    """Two values with their CR2 variances, or why there is nothing to compare.

    Args:
        control: The control's clusters.
        treatment: The treatment's clusters.

    Returns:
        The two; a sentence where a variance is unknown or nothing varies.

    Example:
        >>> cluster_pair(Clusters((), (), ()), Clusters((1, 1), (2.0, 3.0), (1.0, 1.0)))
        'control has no observed units'
    """
    base, other = cluster_level(control), cluster_level(treatment)
    problem = problems_of(base.level.problem, other.level.problem)
    value_control, value = base.level.value, other.level.value
    if problem or value_control is None or value is None:
        return problem
    residual_base, residual = base.level.variance or 0.0, other.level.variance or 0.0
    if residual_base + residual == 0:
        return sentence("neither variant varies: there is nothing to test against")
    return Pair(value_control, value, residual_base, residual, 0.0, _joint_df(base, other))


def _joint_df(control: ClusterLevel, treatment: ClusterLevel) -> float:
    share = control.weight / (control.weight + treatment.weight)
    return 1 / (share**2 / control.level.df + (1 - share) ** 2 / treatment.level.df)


def few_clusters(named: Mapping[str, Clusters]) -> tuple[str, ...]:
    """What to say where there are few clusters."""
    return tuple(
        sentence(
            "{variant} has only {n} clusters: one unusual cluster can decide",
            variant=name,
            n=len(one.sizes),
        )
        for name, one in named.items()
        if len(one.sizes) < FEW_CLUSTERS
    )


def cluster_estimate(clusters: Clusters, ci_level: float = 0.95) -> Estimate:
    """A mean, share or ratio of sums with the t interval of its CR2 variance.

    Args:
        clusters: The variant's clusters.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate; without an interval with fewer than two clusters or where none varies.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Bell & McCaffrey (2002), Survey Methodology 28, 169-181.

    Example:
        >>> cluster_estimate(Clusters(sizes=(3,), y=(6.0,), x=(3.0,)))
        Estimate(value=2.0, ci=None, method='cr2_t')
    """
    return t_estimate(cluster_level(clusters).level, ci_level, "cr2_t")
