from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from abtest.methods import (
    METHODS,
    AnyMethod,
    Cox,
    KaplanMeier,
    LinearizedRatio,
    LogRank,
    Method,
    MiettinenNurminen,
    Rmst,
    Welch,
    default_method,
)
from abtest.stats.means.ratios import linearized_ratio
from abtest.stats.means.welch import welch
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.summaries import Moments, PairMoments, Proportion, Summary
from abtest.stats.survival.life_table import LifeTable

PAIRS = (PairMoments(9, 6, 2, 80, 1, 0), PairMoments(8, 5, 2, 70, 2, 1))


def test_the_registry_is_the_union() -> None:
    assert {MiettinenNurminen, Welch, LinearizedRatio, KaplanMeier, Rmst, LogRank, Cox} <= set(
        METHODS
    )
    for method in METHODS:
        kind = method.model_fields["kind"].default
        assert TypeAdapter(Method).validate_python({"kind": kind}) == method()


def test_unknown_kinds_and_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="'miettinen_nurminen', 'welch', 'linearized_ratio'"):
        TypeAdapter(Method).validate_python({"kind": "fisher"})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Welch.model_validate({"kind": "welch", "equal_variance": True})


@pytest.mark.parametrize(
    ("summary", "kind"),
    [
        (Proportion(5, 2), "miettinen_nurminen"),
        (Moments(5, 2.0, 1.0), "welch"),
        (PAIRS[0], "linearized_ratio"),
        (LifeTable((1.0,), (2,), (3,)), "kaplan_meier"),
    ],
)
def test_defaults(summary: Summary, kind: str) -> None:
    method = default_method(summary)
    assert method.kind == kind
    assert isinstance(summary, method.takes)


def test_each_method_calls_its_numerics() -> None:
    rates = Proportion(34, 1), Proportion(34, 7)
    assert MiettinenNurminen().compare(*rates, 0.9) == miettinen_nurminen(*rates, 0.9)
    means = Moments(9, 1.0, 4.0), Moments(8, 2.0, 5.0)
    assert Welch().compare(*means, 0.9) == welch(*means, 0.9)
    assert LinearizedRatio().compare(*PAIRS, 0.9) == linearized_ratio(*PAIRS, 0.9)


@pytest.mark.parametrize("method", [method() for method in METHODS], ids=lambda m: m.kind)
def test_the_wrong_summary_is_refused(
    method: AnyMethod,
) -> None:
    wrong: Summary = Moments(5, 1, 1) if method.takes is Proportion else Proportion(5, 2)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.compare(wrong, wrong, 0.95)
    with pytest.raises(TypeError, match=f"this method takes {method.takes.__name__}"):
        method.estimate(wrong, 0.95)
