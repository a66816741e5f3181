"""Cluster-robust errors as other tools print them, and the intraclass correlation; to compare."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.stats.clusters.sums import cluster_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.clusters.sums import Clusters
    from abtest.stats.summaries import Moments

ClusterError = Literal["cr0", "cr1", "cr1s", "cr2", "cr3"]
_POWER = {"cr0": 0, "cr1": 0, "cr1s": 0, "cr2": 1, "cr3": 2}


def cluster_error(
    control: Clusters, treatment: Clusters, error: ClusterError = "cr2"
) -> float | None:
    """The standard error of a difference of two means where clusters were randomised.

    With u_g and h_g as in ``cluster_level``, sum_g u_g^2 / (1 - h_g)^k / X^2 over both variants:
    k = 0 for CR0, 1 for CR2, 2 for CR3. CR1 is CR0 times G / (G - 1) with the G clusters of both
    variants, and CR1S times another (N - 1) / (N - 2) with their N units (Stata, statsmodels).

    Results use CR2 with Satterthwaite's degrees of freedom. CR0 and CR1 are too small with few
    clusters: ten stores of 20 customers in each variant gave 8.6% errors by CR1 and a normal
    distribution where 5% was meant. CR3 is mostly too large.

    Assumes independent clusters, each wholly in one variant.

    Args:
        control: The control's clusters.
        treatment: The treatment's clusters.
        error: Which error.

    Returns:
        The error, in the metric's unit; None where a variant has fewer than two clusters or one
        that holds its whole denominator.

    Source:
        Bell & McCaffrey (2002), Survey Methodology 28, 169-181; the names are those of R's
        clubSandwich.

    Example:
        >>> from abtest.stats.clusters.sums import Clusters
        >>> control = Clusters(sizes=(2, 2, 2), y=(2.0, 4.0, 6.0), x=(2.0, 2.0, 2.0))
        >>> treatment = Clusters(sizes=(2, 2, 2), y=(6.0, 8.0, 10.0), x=(2.0, 2.0, 2.0))
        >>> [round(cluster_error(control, treatment, error), 4) for error in ("cr0", "cr2", "cr3")]
        [0.6667, 0.8165, 1.0]
    """
    variance = 0.0
    for one in (control, treatment):
        level = cluster_level(one).level
        if level.value is None or level.variance is None:
            return None
        x = np.asarray(one.x, dtype=float)
        total = float(x.sum())
        residuals = (np.asarray(one.y, dtype=float) - level.value * x) / total
        variance += float((residuals**2 / (1 - x / total) ** _POWER[error]).sum())
    clusters, units = len(control.sizes) + len(treatment.sizes), control.n + treatment.n
    if error in ("cr1", "cr1s"):
        variance *= clusters / (clusters - 1)
    if error == "cr1s":
        variance *= (units - 1) / (units - 2)
    return math.sqrt(variance)


def intraclass_correlation(variants: Sequence[Sequence[Moments]]) -> float | None:
    """How alike units of one cluster are, by the analysis of variance within variants.

    (MSB - MSW) / (MSB + (m_0 - 1) MSW), with MSB the mean square between the clusters of a variant,
    MSW that within clusters, both pooled over the variants, and
    m_0 = (N - sum_v sum_g n_vg^2 / n_v) / (G - V) for G clusters in V variants. For planning: with
    m units in each cluster the variance is 1 + (m - 1) ICC times that of single units.

    Args:
        variants: The moments of each cluster's units, variant by variant.

    Returns:
        The correlation, at most 1; below 0 where clusters are less alike than chance makes them.
        None where there is no second cluster in a variant, no second unit in a cluster, or no
        variation.

    Source:
        Donner & Klar (2000), Design and Analysis of Cluster Randomization Trials, section 1.5;
        Fisher (1925).

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> stores = [[Moments(2, 1.0, 0.5), Moments(2, 4.0, 0.5), Moments(2, 7.0, 0.5)]]
        >>> round(intraclass_correlation(stores), 4)
        0.9459
    """
    filled = [[one for one in clusters if one.n] for clusters in variants]
    filled = [clusters for clusters in filled if clusters]
    count = sum(map(len, filled))
    units = sum(one.n for clusters in filled for one in clusters)
    between_df, within_df = count - len(filled), units - count
    if between_df < 1 or within_df < 1:
        return None
    between, typical = 0.0, float(units)
    for clusters in filled:
        n = sum(one.n for one in clusters)
        mean = math.fsum(one.n * one.mean for one in clusters) / n
        between += math.fsum(one.n * (one.mean - mean) ** 2 for one in clusters)
        typical -= sum(one.n * one.n for one in clusters) / n
    mean_between, typical = between / between_df, typical / between_df
    mean_within = math.fsum(one.m2 for clusters in filled for one in clusters) / within_df
    total = mean_between + (typical - 1) * mean_within
    return (mean_between - mean_within) / total if total > 0 else None
