"""How often other libraries' defaults are right, on the same simulated experiments.

    python benchmarks/peers_calibration.py TOOL [--repeats 4000] [--into FILE]

TOOL is abtest, tea-tasting, gbstats, spotify-confidence, statsmodels or scipy. Each is run in an
environment of its own that has that library: some of them cannot live together. Needs nothing but
numpy besides. The numbers of experiment k of a setting are the same for every tool, and their
checksum is kept with the answers. FILE (tests/calibration/peers.json) is what docs/calibration.md
shows; a run replaces its tool's part of it.

Every tool is asked as its own first example does: no option is set.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from peers_experiments import (
    SETTINGS,
    Answer,
    Pair,
    Setting,
    Variant,
    checksum,
    experiments,
    measured,
)

WATCHED = 200  # experiments whose skew is checked: it warns in nearly all or in nearly none
INTO = Path(__file__).resolve().parent.parent / "tests" / "calibration" / "peers.json"

Ask = Callable[[Setting, list[Pair]], list[Answer]]


def _one_by_one(ask: Callable[[Setting, Variant, Variant], Answer]) -> Ask:
    def asked(setting: Setting, pairs: list[Pair]) -> list[Answer]:
        answers = []
        for control, treatment in pairs:
            try:
                answers.append(ask(setting, control, treatment))
            except (ValueError, ZeroDivisionError, ArithmeticError):
                answers.append(Answer())  # no answer
        return answers

    return asked


def ask_abtest() -> Ask:
    """The comparison of `abtest analyze`, and whether its check of the skew warns."""
    import narwhals as nw
    import pandas as pd

    from abtest.analysis.method_choice import uneven_contrasts
    from abtest.analysis.population import Population
    from abtest.analysis.records import Comparer
    from abtest.analysis.summaries import MetricCounts
    from abtest.spec import draft_mapping
    from abtest.stats.means.shape import skew_check
    from abtest.stats.resampling.value_counts import ValueCounts
    from abtest.stats.summaries import Moments, Proportion

    nobody = nw.from_native(pd.DataFrame()).lazy()

    def spec_of(setting: Setting) -> Any:
        kind = "proportion" if setting.kind == "rate" else "mean"
        keys = ("control", "treatment")
        variants = [{"key": key, "weight": n} for key, n in zip(keys, setting.n, strict=True)]
        variants[0]["control"] = True
        return draft_mapping(
            {
                "spec": "abtest/v1",
                "key": "peers",
                "kind": "messaging",
                "unit": "id",
                "variants": variants,
                "data": {"units": {"path": "units.csv", "variant": "variant"}},
                "metrics": [{"key": "y", "kind": kind, "column": "y", "role": "primary"}],
            }
        ).loaded.spec

    def summary(setting: Setting, side: Variant) -> Any:
        if setting.kind == "rate":
            return Proportion(side.n, len(side.above))
        mean = side.total / side.n
        zeros = (side.n - len(side.above)) * mean**2
        return Moments(side.n, mean, float(((side.above - mean) ** 2).sum()) + zeros)

    def asked(setting: Setting, pairs: list[Pair]) -> list[Answer]:
        spec = spec_of(setting)
        (metric,) = spec.metrics
        watched = setting.kind == "revenue" and uneven_contrasts(spec)
        answers = []
        for place, pair in enumerate(pairs):
            sides = dict(zip(("control", "treatment"), pair, strict=True))
            assigned = {key: side.n for key, side in sides.items()}
            population = Population(nobody, assigned, sum(assigned.values()))
            summaries = {
                ("y", key): MetricCounts(0, 0, 0, summary(setting, side))
                for key, side in sides.items()
            }
            (contrast,) = Comparer(spec, population, summaries, {}).contrasts_of(metric)
            found = contrast.comparison
            counts = []
            if watched and place < WATCHED:
                counts = [ValueCounts.of(side.values) for side in pair]
            answers.append(
                Answer(
                    found.pvalue,
                    _both(found.difference_ci),
                    _both(found.lift_ci),
                    not skew_check(*counts).passes if counts else None,
                )
            )
        return answers

    return asked


def _both(interval: Any) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def ask_tea_tasting() -> Ask:
    """`Proportion` and `Mean` as they are."""
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    def ask(setting: Setting, control: Variant, treatment: Variant) -> Answer:
        metric = tt.Proportion("y") if setting.kind == "rate" else tt.Mean("y")
        sides = {
            place: Aggregates(
                count_=side.n, mean_={"y": side.total / side.n}, var_={"y": side.variance}
            )
            for place, side in enumerate((control, treatment))
        }
        found = metric.analyze(sides, 0, 1)._asdict()
        return Answer(
            _number(found["pvalue"]),
            _interval(found, "effect_size_ci_lower", "effect_size_ci_upper"),
            _interval(found, "rel_effect_size_ci_lower", "rel_effect_size_ci_upper"),
        )

    return _one_by_one(ask)


def ask_gbstats() -> Ask:
    """`TwoSidedTTest` as it is (relative), and with difference_type absolute for the difference."""
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import ProportionStatistic, SampleMeanStatistic

    def ask(setting: Setting, control: Variant, treatment: Variant) -> Answer:
        sides = [
            ProportionStatistic(n=side.n, sum=len(side.above))
            if setting.kind == "rate"
            else SampleMeanStatistic(n=side.n, sum=side.total, sum_squares=side.squares)
            for side in (control, treatment)
        ]
        relative = TwoSidedTTest(*sides).compute_result()
        absolute = TwoSidedTTest(
            *sides, FrequentistConfig(difference_type="absolute")
        ).compute_result()
        if relative.error_message:
            return Answer()
        return Answer(
            _number(relative.p_value),
            (float(absolute.ci[0]), float(absolute.ci[1])),
            (float(relative.ci[0]), float(relative.ci[1])),
        )

    return _one_by_one(ask)


def ask_spotify() -> Ask:
    """`ChiSquared` and `StudentsTTest` as they are, many experiments at once."""
    import pandas as pd
    import spotify_confidence as confidence

    def rows(pairs: list[Pair]) -> Any:
        return pd.DataFrame(
            [
                {"experiment": k, "variant": key, "y": s.total, "yy": s.squares, "n": s.n}
                for k, pair in enumerate(pairs)
                for key, s in zip(("control", "treatment"), pair, strict=True)
            ]
        )

    def asked(setting: Setting, pairs: list[Pair]) -> list[Answer]:
        groups = {"categorical_group_columns": ["variant", "experiment"]}
        columns = {"numerator_column": "y", "denominator_column": "n"}
        if setting.kind == "rate":
            test = confidence.ChiSquared(rows(pairs), **columns, **groups)
        else:
            test = confidence.StudentsTTest(
                rows(pairs), numerator_sum_squares_column="yy", **columns, **groups
            )
        absolute, relative = (
            test.difference(
                level_1="control", level_2="treatment", groupby="experiment", absolute=kind
            ).set_index("experiment")
            for kind in (True, False)
        )
        return [
            Answer(
                _number(absolute["p-value"][k]),
                (absolute["ci_lower"][k], absolute["ci_upper"][k]),
                (relative["ci_lower"][k], relative["ci_upper"][k]),
            )
            for k in range(len(pairs))
        ]

    return asked


def ask_statsmodels() -> Ask:
    """`test_proportions_2indep`, `confint_proportions_2indep`, and `CompareMeans` as they are."""
    from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    def ask(setting: Setting, control: Variant, treatment: Variant) -> Answer:
        if setting.kind == "revenue":
            means = CompareMeans(DescrStatsW(treatment.values), DescrStatsW(control.values))
            low, high = means.tconfint_diff()
            return Answer(_number(means.ttest_ind()[1]), (low, high))
        counts = (len(treatment.above), treatment.n, len(control.above), control.n)
        ratio = confint_proportions_2indep(*counts, compare="ratio")
        return Answer(
            _number(test_proportions_2indep(*counts).pvalue),
            confint_proportions_2indep(*counts),
            (ratio[0] - 1, ratio[1] - 1),
        )

    return _one_by_one(ask)


def ask_scipy() -> Ask:
    """`chi2_contingency` and `ttest_ind` as they are."""
    from scipy import stats

    def ask(setting: Setting, control: Variant, treatment: Variant) -> Answer:
        if setting.kind == "revenue":
            found = stats.ttest_ind(treatment.values, control.values)
            interval = found.confidence_interval()
            return Answer(_number(found.pvalue), (interval.low, interval.high))
        table = [[len(side.above), side.n - len(side.above)] for side in (control, treatment)]
        return Answer(_number(stats.chi2_contingency(table).pvalue))

    return _one_by_one(ask)


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _interval(found: dict[str, Any], low: str, high: str) -> tuple[float, float] | None:
    ends = _number(found.get(low)), _number(found.get(high))
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


@dataclass(frozen=True)
class Tool:
    """A library, and what is asked of it."""

    package: str
    rates: str
    means: str
    ask: Callable[[], Ask]


TOOLS = {
    "abtest": Tool("abtest", "a metric of kind proportion", "a metric of kind mean", ask_abtest),
    "tea-tasting": Tool("tea-tasting", "tt.Proportion(y)", "tt.Mean(y)", ask_tea_tasting),
    "gbstats": Tool(
        "gbstats",
        "TwoSidedTTest of ProportionStatistic",
        "TwoSidedTTest of SampleMeanStatistic",
        ask_gbstats,
    ),
    "spotify-confidence": Tool(
        "spotify-confidence",
        "ChiSquared(...).difference",
        "StudentsTTest(...).difference",
        ask_spotify,
    ),
    "statsmodels": Tool(
        "statsmodels",
        "test_proportions_2indep, confint_proportions_2indep",
        "CompareMeans.ttest_ind, tconfint_diff",
        ask_statsmodels,
    ),
    "scipy": Tool("scipy", "stats.chi2_contingency", "stats.ttest_ind", ask_scipy),
}


def main() -> None:
    """Ask one tool, and keep the answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--into", type=Path, default=INTO)
    options = parser.parse_args()
    tool = TOOLS[options.tool]
    ask = tool.ask()
    settings = {}
    warnings.simplefilter("ignore")  # a division by zero is an answer that is not there
    for place, setting in enumerate(SETTINGS):
        pairs = list(experiments(place, setting, options.repeats))
        with np.errstate(all="ignore"):
            answers = ask(setting, pairs)
        found = measured(setting, answers)
        settings[setting.name] = {
            **asdict(setting),
            "checksum": checksum(pairs),
            "measures": found,
        }
        print(setting.name, found, flush=True)
    kept = json.loads(options.into.read_text()) if options.into.exists() else {}
    kept[options.tool] = {
        "version": version(tool.package),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "rates": tool.rates,
        "means": tool.means,
        "settings": settings,
    }
    options.into.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
