from __future__ import annotations

import pytest
from pydantic import ValidationError

from abtest.methods.cluster_robust import ClusterRobust
from abtest.stats.clusters.cr2 import Clusters, cluster_estimate, cluster_robust
from abtest.stats.summaries import Moments

ONE = Clusters((3, 2), (6.0, 3.0), (3.0, 2.0))
OTHER = Clusters((1, 4), (6.0, 5.0), (1.0, 4.0))


def test_clusters() -> None:
    method = ClusterRobust()
    assert method.compare(ONE, OTHER, 0.9) == cluster_robust(ONE, OTHER, 0.9)
    assert method.estimate(ONE, 0.9) == cluster_estimate(ONE, 0.9)
    assert method.compare(ONE, OTHER, 0.9).method == method.kind


def test_the_wrong_summary_is_refused() -> None:
    method = ClusterRobust()
    wrong = Moments(5, 1.0, 1.0)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.compare(wrong, wrong, 0.95)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.estimate(wrong, 0.95)


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ClusterRobust.model_validate({"kind": "cluster_robust", "type": "CR1"})
