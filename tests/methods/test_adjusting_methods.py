from __future__ import annotations

import pytest
from pydantic import ValidationError

from abtest.methods.cluster_robust import ClusterRobust
from abtest.methods.regression_adjustment import RegressionAdjustment
from abtest.stats.adjustment import adjust_means
from abtest.stats.clusters import Clusters, cluster_estimate, cluster_robust
from abtest.stats.co_moments import Columns
from abtest.stats.summaries import Moments
from adjustment_data import summarise, trial

COLUMNS = Columns(("y",), ("x", "z"))
SUMMARIES = {
    key: summarise(COLUMNS, rows)
    for key, rows in trial(1, {"control": 40, "coupon": 50, "gift": 30}).items()
}
ONE = Clusters((3, 2), (6.0, 3.0), (3.0, 2.0))
OTHER = Clusters((1, 4), (6.0, 5.0), (1.0, 4.0))


def test_clusters() -> None:
    method = ClusterRobust()
    assert method.compare(ONE, OTHER, 0.9) == cluster_robust(ONE, OTHER, 0.9)
    assert method.estimate(ONE, 0.9) == cluster_estimate(ONE, 0.9)
    assert method.compare(ONE, OTHER, 0.9).method == method.kind


def test_adjustment() -> None:
    method = RegressionAdjustment()
    assert method.adjust(SUMMARIES) == adjust_means(SUMMARIES)
    control, gift = SUMMARIES["control"], SUMMARIES["gift"]
    result = method.compare(control, gift, 0.9)
    two = adjust_means({"control": control, "treatment": gift})
    assert result == two.compare("control", "treatment", 0.9).comparison
    assert result.method == method.kind
    assert method.estimate(gift, 0.9).value == pytest.approx(gift.means[0])


@pytest.mark.parametrize("method", [ClusterRobust(), RegressionAdjustment()])
def test_the_wrong_summary_is_refused(method: ClusterRobust | RegressionAdjustment) -> None:
    wrong = Moments(5, 1.0, 1.0)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.compare(wrong, wrong, 0.95)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.estimate(wrong, 0.95)


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ClusterRobust.model_validate({"kind": "cluster_robust", "type": "CR1"})
