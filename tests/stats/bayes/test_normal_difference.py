from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.normal_difference import normal_difference
from stats.bayes.witnesses import check_against_draws

levels = st.builds(Normal, st.floats(-5, 5), st.floats(0.01, 3))


@given(levels, levels, st.booleans())
def test_two_variants_by_integration(control: Normal, treatment: Normal, increase: bool) -> None:
    result = normal_difference(control, [treatment], increase=increase)
    (variant,) = result.variants
    assert variant is not None
    sign = 1 if increase else -1
    gain = norm(sign * (treatment.mean - control.mean), np.hypot(control.sd, treatment.sd))
    assert variant.prob_beats_control == pytest.approx(gain.sf(0), rel=1e-9)
    low = min(gain.ppf(1e-17), -1.0)
    loss = quad(lambda d: -d * gain.pdf(d), low, 0, epsabs=1e-12, limit=200)[0]
    assert variant.expected_loss == pytest.approx(loss, rel=1e-6, abs=1e-9)
    assert variant.prob_best == pytest.approx(variant.prob_beats_control, abs=1e-9)
    assert result.control_prob_best is not None
    assert result.control_prob_best + variant.prob_best == pytest.approx(1, abs=1e-9)
    assert variant.lift is None
    assert variant.prob_in_rope is None


@pytest.mark.parametrize("increase", [True, False])
def test_several_variants_against_draws(increase: bool) -> None:
    levels = [Normal(0.0, 1.0), Normal(0.5, 0.2), Normal(-0.3, 2.0), Normal(0.4, 0.02)]
    rng = np.random.default_rng(7)
    draws = np.stack([rng.normal(level.mean, level.sd, 200_000) for level in levels])
    result = normal_difference(levels[0], levels[1:], increase=increase)
    check_against_draws(result, draws[1:] - draws[0], increase=increase)
    assert "metric's unit" in result.notes[0]
