"""abtest over a prepared experiment."""

from abtest import Experiment, assign


def prepare():
    experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
    return {
        "`variant()`": experiment.variant,
        "`assign()` with its reason": lambda unit: assign(experiment, unit).variant,
    }
