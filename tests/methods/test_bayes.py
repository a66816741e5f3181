from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from abtest.methods import Bayes
from abtest.stats.bayes.baseline_lift import baseline_lift
from abtest.stats.bayes.beta_binomial import beta_binomial
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.normal_difference import normal_difference
from abtest.stats.bayes.normal_log_lift import LogLevel, normal_log_lift
from abtest.stats.bayes.question import Question
from abtest.stats.summaries import Moments, PairMoments, Proportion, Summary

if TYPE_CHECKING:
    from abtest.stats.posterior import Posterior

CONTROL, TREATMENT = Proportion(1000, 110), Proportion(1000, 130)
RARE = Proportion(1000, 19)


def _posterior(
    bayes: Bayes, control: Summary, *treatments: Summary, increase: bool = True
) -> Posterior:
    return bayes.posterior(control, treatments, increase=increase, ci_level=0.95)


def test_the_defaults_of_the_spec() -> None:
    assert Bayes().model_dump() == {
        "model": "normal_lift",
        "prior": {
            "log_lift": {"mean": 0.0, "sd": 0.05},
            "lift": None,
            "rate": None,
            "from_": None,
        },
        "rope": None,
        "bayes_factor": False,
        "models": {},
    }


def test_the_block_of_the_spec_is_read() -> None:
    block = {"prior": {"log_lift": {"mean": 0, "sd": 0.1}}, "rope": {"relative": 0.01}}
    bayes = Bayes.model_validate(block)
    result = _posterior(bayes, CONTROL, TREATMENT)
    assert (result.prior_mean, result.prior_sd) == (0, 0.1)
    assert result.variants[0] is not None
    assert result.variants[0].prob_in_rope is not None


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"prior": {"log_lift": {"sd": 0}}}, "greater than 0"),
        ({"prior": {"log_lift": {"sd": math.inf}}}, "finite"),
        ({"prior": {"log_lift": {"mean": math.nan}}}, "finite"),
        ({"rope": {"relative": 1}}, "less than 1"),
        ({"model": "normal"}, "normal_lift"),
        ({"prior": {"lift": {}}}, "Field required"),
        ({"prior": {"odds": {}}}, "Extra inputs"),
    ],
)
def test_bad_blocks(block: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Bayes.model_validate(block)


def test_enough_events_get_the_normal_model() -> None:
    result = _posterior(Bayes(), CONTROL, TREATMENT)
    levels = [
        LogLevel(math.log(p.value), (1 - p.value) / p.successes) for p in (CONTROL, TREATMENT)
    ]
    witness = normal_log_lift(levels[0], levels[1:], Normal(0, 0.05), Question())
    assert result.variants == witness.variants
    assert result.notes == ()


@pytest.mark.parametrize("few", [RARE, Proportion(1000, 981), Proportion(5, 0)])
def test_few_events_get_the_binomial_model(few: Proportion) -> None:
    for control, treatments in ((CONTROL, (TREATMENT, few)), (few, (CONTROL, TREATMENT))):
        result = _posterior(Bayes(), control, *treatments)
        witness = baseline_lift(control, treatments, Normal(0, 0.05), Question())
        assert result.variants == witness.variants
        assert result.model == "baseline_lift"
        assert "fewer than 20 events or non-events" in result.notes[0]


def test_beta_binomial_on_request() -> None:
    result = _posterior(Bayes(model="beta_binomial"), RARE, TREATMENT, increase=False)
    witness = beta_binomial(RARE, [TREATMENT], Question(increase=False))
    assert result.variants == witness.variants
    assert result.notes[0] == "beta_binomial: as the spec asks"


def test_means_clear_of_zero_get_a_lift() -> None:
    control, treatment = Moments(100, 10.0, 9900.0), Moments(100, 11.0, 9900.0)
    result = _posterior(Bayes(), control, treatment)
    witness = normal_log_lift(
        LogLevel(math.log(10), 0.01), [LogLevel(math.log(11), 1 / 121)], Normal(0, 0.05), Question()
    )
    assert result.model == "normal_log_lift"
    got, wanted = result.variants[0], witness.variants[0]
    assert got is not None
    assert wanted is not None
    assert got.prob_beats_control == pytest.approx(wanted.prob_beats_control, rel=1e-12)


@pytest.mark.parametrize(
    "treatment", [Moments(100, 4.4, 9900.0), Moments(100, -3.0, 9900.0), Moments(100, 0, 9900.0)]
)
def test_means_near_zero_get_a_difference(treatment: Moments) -> None:
    bayes = Bayes.model_validate({"rope": {"relative": 0.01}})
    result = _posterior(bayes, Moments(100, 10.0, 9900.0), treatment)
    witness = normal_difference(Normal(10, 1), [Normal(treatment.mean, 1)])
    assert result.model == "normal_difference"
    assert result.variants == witness.variants
    assert "a mean is not clear of zero" in result.notes[0]
    assert "does not apply" in result.notes[0]
    assert "metric's unit" in result.notes[1]


def test_ratios_are_means_too() -> None:
    control = PairMoments(n=100, mean_y=20, mean_x=2, m2_y=39600, m2_x=0, c_xy=0)
    treatment = PairMoments(n=100, mean_y=22, mean_x=2, m2_y=39600, m2_x=0, c_xy=0)
    plain = _posterior(Bayes(), Moments(100, 10.0, 9900.0), Moments(100, 11.0, 9900.0))
    assert _posterior(Bayes(), control, treatment) == plain


def test_beta_binomial_of_a_mean_is_refused_aloud() -> None:
    result = _posterior(
        Bayes(model="beta_binomial"), Moments(100, 10.0, 9900.0), Moments(100, 11.0, 9900.0)
    )
    assert result.variants == (None,)
    assert result.control_prob_best is None
    assert result.notes == (
        "beta_binomial is a model of proportions: this metric has no posterior",
    )


def test_a_variant_without_data_is_left_out() -> None:
    result = _posterior(Bayes(), CONTROL, Proportion(0, 0), TREATMENT)
    alone = _posterior(Bayes(), CONTROL, TREATMENT)
    assert result.variants == (None, *alone.variants)
    assert result.notes[0] == "treatment 1 has no observed units: no posterior"


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (Proportion(0, 0), TREATMENT, "control has no observed units: no posterior"),
        (CONTROL, Proportion(0, 0), "treatment 1 has no observed units: no posterior"),
        (Moments(5, 1, 1), Moments(5, 1, 0), "treatment 1 does not vary: no posterior"),
        (Moments(1, 1, 0), Moments(5, 1, 1), "control has one observed unit"),
    ],
)
def test_nothing_to_go_by(control: Summary, treatment: Summary, note: str) -> None:
    result = _posterior(Bayes(), control, treatment)
    assert result.variants == (None,)
    assert note in result.notes[0]


def test_mixed_summaries_are_a_mistake() -> None:
    with pytest.raises(TypeError, match="the summaries are of different types"):
        _posterior(Bayes(), CONTROL, Moments(5, 1, 1))
    with pytest.raises(ValueError, match="ci_level is 2; it must lie strictly"):
        Bayes().posterior(CONTROL, [TREATMENT], increase=True, ci_level=2)
