"""What every Bayesian model returns."""

from __future__ import annotations

from dataclasses import dataclass

# Models on the difference: their expected loss is in the metric's unit, and they have no lift.
IN_UNITS = ("normal_difference", "normal_inverse_gamma", "dirichlet")


@dataclass(frozen=True, slots=True)
class VariantPosterior:
    """The posterior of one variant's lift over control.

    Attributes:
        prob_beats_control: Probability that the variant is better than control.
        prob_best: Probability that it is the best of all variants, control included.
        expected_loss: Expected loss of shipping where control is better: E[max(0, -lift)],
            relative to control (0.01 is 1% of its value), or in the metric's unit where the
            model is on the difference; None where the model has none.
        lift: Posterior median of the lift; None where the model is on the difference.
        lift_low: Lower end of the equal-tailed credible interval of the lift.
        lift_high: Upper end.
        prob_in_rope: Probability that the lift is practically nothing; None without a ROPE.
    """

    prob_beats_control: float
    prob_best: float
    expected_loss: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    prob_in_rope: float | None


@dataclass(frozen=True, slots=True)
class Posterior:
    """The joint posterior of all variants of one metric.

    Attributes:
        model: Which model was used, such as ``normal_log_lift``.
        prior_mean: Mean of the prior, on the model's scale; None where the model has no such prior.
        prior_sd: Its standard deviation.
        control_prob_best: Probability that control is the best.
        variants: One per treatment variant, in the order they were passed; None where there is no
            posterior for that variant.
        notes: Why something is missing or needs care.
    """

    model: str
    prior_mean: float | None
    prior_sd: float | None
    control_prob_best: float | None
    variants: tuple[VariantPosterior | None, ...]
    notes: tuple[str, ...] = ()
