"""The methods on proportions and on value counts call their numerics; which one is recommended."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from abtest.methods.bootstrap import Bootstrap
from abtest.methods.boschloo import Boschloo
from abtest.methods.newcombe import Newcombe
from abtest.methods.permutation import Permutation
from abtest.methods.quantile import Quantile
from abtest.methods.recommended import recommended_proportion_method
from abtest.methods.scas import Scas
from abtest.stats.proportions.boschloo import boschloo
from abtest.stats.proportions.newcombe import newcombe
from abtest.stats.proportions.scas import scas
from abtest.stats.resampling.bootstrap import Target, bootstrap
from abtest.stats.resampling.draws import Resampling
from abtest.stats.resampling.permutation import permutation
from abtest.stats.resampling.quantiles import compare_quantiles, quantile_estimate
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, Proportion

RATES = Proportion(34, 1), Proportion(34, 7)
COUNTS = ValueCounts.of([float(k) for k in range(40)]), ValueCounts.of([k * 1.5 for k in range(40)])


def test_each_method_calls_its_numerics() -> None:
    assert Scas().compare(*RATES, 0.9) == scas(*RATES, 0.9)
    assert Newcombe().compare(*RATES, 0.9) == newcombe(*RATES, 0.9)
    assert Boschloo().compare(*RATES, 0.9) == boschloo(*RATES, 0.9)
    assert Quantile(q=0.4).compare(*COUNTS, 0.9) == compare_quantiles(*COUNTS, 0.4, 0.9)
    resampling = Resampling(99, 7)
    assert Permutation(seed=7, resamples=99).compare(*COUNTS, 0.9) == permutation(
        *COUNTS, resampling, 0.9
    )
    method = Bootstrap(seed=7, resamples=99, interval="bca", q=0.4)
    assert method.compare(*COUNTS, 0.9) == bootstrap(*COUNTS, resampling, Target("bca", 0.4), 0.9)


def test_own_values() -> None:
    assert Scas().estimate(RATES[1], 0.9).method == "wilson"
    assert Quantile().estimate(COUNTS[0], 0.9) == quantile_estimate(COUNTS[0], 0.5, 0.9)
    assert Bootstrap(q=0.5).estimate(COUNTS[0], 0.9) == quantile_estimate(COUNTS[0], 0.5, 0.9)
    assert Bootstrap().estimate(COUNTS[0], 0.9) == Permutation().estimate(COUNTS[0], 0.9)


def test_the_wrong_summary_and_bad_settings_are_refused() -> None:
    for method in (Quantile(), Permutation(), Bootstrap()):
        with pytest.raises(TypeError, match="is Moments; this method takes ValueCounts"):
            method.compare(Moments(5, 1.0, 1.0), Moments(5, 1.0, 1.0), 0.95)
        with pytest.raises(TypeError, match="is Moments; this method takes ValueCounts"):
            method.estimate(Moments(5, 1.0, 1.0), 0.95)
    with pytest.raises(ValidationError, match="less than 1"):
        Quantile(q=50)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Permutation(resamples=0)


@pytest.mark.parametrize(
    ("weights", "non_inferiority", "kind"),
    [
        ((50, 50), False, "miettinen_nurminen"),
        ((90, 10), False, "miettinen_nurminen"),
        ((91, 9), False, "scas"),
        ((5, 95), False, "scas"),
        ((50, 50), True, "miettinen_nurminen"),
        ((60, 40), True, "scas"),
    ],
)
def test_the_recommended_method(
    weights: tuple[float, float], non_inferiority: bool, kind: str
) -> None:
    method = recommended_proportion_method(*weights, non_inferiority=non_inferiority)
    assert method.kind == kind


def test_a_variant_without_weight_has_no_method() -> None:
    with pytest.raises(ValueError, match="the weight of treatment is 0; it must be above 0"):
        recommended_proportion_method(50, 0)
