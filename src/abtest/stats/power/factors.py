"""What makes a design need more units, or fewer: history, clusters."""

from __future__ import annotations


def history_factor(correlation: float, share_with_history: float = 1.0) -> float:
    """The share of the variance that is left after adjustment for what was known before.

    1 - w rho^2 with rho the correlation of outcome and history among units that have one, and w
    their share.

    Args:
        correlation: Of outcome and history, -1 to 1; the multiple correlation of several.
        share_with_history: 0 to 1.

    Returns:
        The factor, 0 to 1, by which units are multiplied.

    Raises:
        ValueError: A number is out of range.

    Source:
        Deng, Xu, Kohavi & Walker (2013), WSDM, eq. 4; the share from first principles.

    Example:
        >>> round(history_factor(0.6, 0.7), 3)
        0.748
    """
    if not -1 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}; it must lie between -1 and 1.")
    if not 0 <= share_with_history <= 1:
        raise ValueError(f"share_with_history is {share_with_history}; it must lie from 0 to 1.")
    return 1 - share_with_history * correlation**2


def design_effect(mean_size: float, icc: float, cv: float = 0.0) -> float:
    """By how much clusters multiply the units that are needed.

    1 + [(1 + cv^2) m - 1] ICC.

    Args:
        mean_size: m, mean units of a cluster, at least 1.
        icc: The intraclass correlation, 0 to 1: how alike units of one cluster are.
        cv: Standard deviation of the cluster sizes over their mean, at least 0.

    Returns:
        The design effect, at least 1.

    Raises:
        ValueError: A number is out of range.

    Source:
        Eldridge, Ashby & Kerry (2006), International Journal of Epidemiology 35, 1292-1300.

    Example:
        >>> round(design_effect(20, 0.05), 2)
        1.95
    """
    if not mean_size >= 1:
        raise ValueError(f"mean_size is {mean_size}; it must be at least 1.")
    if not 0 <= icc <= 1:
        raise ValueError(f"icc is {icc}; it must lie between 0 and 1.")
    if not cv >= 0:
        raise ValueError(f"cv is {cv}; it must be at least 0.")
    return 1 + ((1 + cv**2) * mean_size - 1) * icc
