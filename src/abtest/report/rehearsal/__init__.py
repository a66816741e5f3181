"""A rehearsal, shown as a table or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from abtest.report.numbers import ABSENT
from abtest.report.terminal_text import print_pairs, print_title, put
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from abtest.analysis.rehearsal.summary import (
        MetricRehearsal,
        MoneyRehearsal,
        Rehearsal,
        Share,
    )

__all__ = ["print_rehearsal", "render_json"]


def render_json(rehearsal: Rehearsal) -> str:
    """The rehearsal as JSON (abtest-rehearsal/v1) that ends with a line break."""
    return json.dumps(rehearsal.to_dict(), ensure_ascii=False, indent=2) + "\n"


def print_rehearsal(rehearsal: Rehearsal, console: Console) -> None:
    """Print a rehearsal: the verdicts, then metric by metric what was right and wrong."""
    planted = [one for one in rehearsal.metrics if one.planted]
    told = "effects planted" if planted else "nothing differs (A/A)"
    head = f"{rehearsal.replays:,} replays of {rehearsal.units:,} units, {told}"
    put(Text(head, style="bold"), console, by=0)
    print_title("Verdicts that would have come", console)
    verdicts = [(verdict, _share(share)) for verdict, share in rehearsal.verdicts.items()]
    shipped = [
        (clean(f"ship {variant}"), _share(share)) for variant, share in rehearsal.shipped.items()
    ]
    print_pairs([*verdicts, *shipped], console)
    print_title("Which line of the rule decided", console)
    lines = rehearsal.rule_lines.items()
    print_pairs([(clean(line), _share(share)) for line, share in lines], console)
    if rehearsal.money is not None:
        _print_money(rehearsal.money, console)
    for metric in rehearsal.metrics:
        print_title(clean(f"{metric.metric}, {metric.variant}"), console)
        print_pairs(list(_lines(metric, rehearsal.alpha)), console)
    left_out = [*rehearsal.left_out, *rehearsal.not_rehearsed]
    if left_out:
        print_title("Not replayed", console)
        print_pairs([(clean(key), clean(why)) for key, why in left_out], console)
    print_title("How to read this", console)
    put(
        Text(
            "In brackets is what chance allows in so many replays (95%). Without an effect a test "
            f"rejects in {rehearsal.alpha:.0%} of replays, and intervals hold the truth in "
            f"{1 - rehearsal.alpha:.0%}."
        ),
        console,
    )


def _print_money(money: MoneyRehearsal, console: Console) -> None:
    """What the decisions would have been worth, beside what is true."""
    print_title("What the decisions would have been worth", console)
    unit = clean(money.currency or "in money")
    unit += " per assigned unit" if money.population is None else ""

    def amount(value: float) -> str:
        return f"{value:,.4g} {unit}" if money.population is None else f"{value:,.0f} {unit}"

    pairs = [
        ("the best decision", amount(money.best)),
        ("on average", amount(money.mean_worth)),
        ("mean regret", amount(money.mean_regret)),
        ("shipped what loses money", _share(money.false_ships)),
        ("did not ship what pays", _share(money.missed)),
    ]
    if money.redeemed is not None:
        pairs.append(("orders taken to redeem", f"{money.redeemed:.0%} (--redeemed)"))
    print_pairs(pairs, console)
    for one in money.variants:
        print_title(clean(f"Contribution, {one.variant}"), console)
        truth = f"{one.difference:+,.4g} per assigned unit, worth {amount(one.worth)}"
        mean = ABSENT if one.mean_difference is None else f"{one.mean_difference:+,.4g}"
        print_pairs(
            [
                ("true change", truth),
                ("mean of the replays", mean),
                ("intervals that hold the truth", _share(one.covered)),
            ],
            console,
        )


def _lines(metric: MetricRehearsal, alpha: float) -> Iterator[tuple[str, str]]:
    if metric.planted:
        yield "planted", f"{metric.planted:+.1%}, a difference of {metric.truth:,.4g}"
        yield f"power (p < {alpha:g})", _share(metric.rejected)
    else:
        yield f"false positives (p < {alpha:g})", _share(metric.rejected)
    yield "after correction", _share(metric.rejected_adjusted)
    yield "intervals that hold the truth", _share(metric.covered)
    if metric.exaggeration is not None:
        yield "significant effects, over the truth", f"{metric.exaggeration:.2f}"
    if metric.uniform_pvalue is not None:
        yield "p-values uniform (Kolmogorov-Smirnov)", f"p = {metric.uniform_pvalue:.3f}"


def _share(share: Share | None) -> str:
    if share is None:
        return ABSENT
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
