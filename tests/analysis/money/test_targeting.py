"""Who should get the incentive: recomputed with pandas, on every engine, in any order of rows."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abtest import analyze
from abtest.report.html import render_html
from abtest.report.markdown import render_markdown
from abtest.report.terminal import render_table
from abtest.stats.bayes.partial_pooling import partial_pool

SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "coupon",
    "kind": "messaging",
    "unit": "id",
    "variants": [
        {"key": "none", "control": True},
        {"key": "coupon", "cost": {"per_redemption": 2.0, "per_exposure": 0.1, "fixed": 100}},
    ],
    "data": {
        "as_of": "2026-03-01",
        "currency": "EUR",
        "assignments": {"path": "assignments.csv", "at": "at"},
        "units": {"path": "units.csv"},
        "events": {
            "orders": {"path": "orders.csv", "at": "at", "value": "amount"},
            "used": {"path": "used.csv", "at": "at"},
        },
    },
    "metrics": [
        {
            "key": "bought",
            "kind": "conversion",
            "events": "orders",
            "window": {"end": "14d"},
            "role": "primary",
        }
    ],
    "analysis": {"segments": ["tier"]},
    "decision": {
        "value": {"events": "orders"},
        "margin_pct": 40,
        "redemptions": "used",
        "population": 10_000,
    },
}
N = 900


def tables(seed: int = 5) -> dict[str, pd.DataFrame]:
    """The coupon makes tier "high" buy more, and costs money in the others."""
    rng = np.random.default_rng(seed)
    ids = [f"ç{i}" for i in range(N)]
    tiers = rng.choice(["high", "mid", "low"], N)
    variants = rng.choice(["none", "coupon"], N)
    bought = rng.random(N) < 0.2 + 0.4 * ((tiers == "high") & (variants == "coupon"))
    buyers = pd.Series(ids)[bought]
    amounts = rng.lognormal(3, 0.5, bought.sum()).round(2)
    at = "2026-01-07 10:00:00"
    return {
        "assignments": pd.DataFrame({"id": ids, "variant": variants, "at": "2026-01-05 10:00:00"}),
        "units": pd.DataFrame({"id": ids, "tier": tiers}),
        "orders": pd.DataFrame({"id": buyers, "at": at, "amount": amounts}),
        "used": pd.DataFrame({"id": buyers[variants[bought] == "coupon"], "at": at}),
    }


def found(data: dict[str, pd.DataFrame], spec: dict[str, Any] = SPEC, **more: Any) -> Any:
    money = analyze(spec, data=data, **more).money
    assert money is not None
    return money.variants[0].targeting


def customers(data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per customer with the contribution and the half, by pandas alone."""
    rows = data["assignments"].merge(data["units"], on="id")
    spent = data["orders"].groupby("id").amount.sum().reindex(rows.id).fillna(0).to_numpy()
    used = data["used"].groupby("id").size().reindex(rows.id).fillna(0).to_numpy()
    rows["profit"] = 0.4 * spent - 2 * used - 0.1 * (rows.variant == "coupon")
    digests = [sha256(f"coupon:half:{one}".encode()).hexdigest() for one in rows.id]
    rows["half"] = [int(digest[0] in "89abcdef") for digest in digests]
    return rows


def effects(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby(["tier", "variant"]).profit.agg(["size", "mean", "var"]).reset_index()
    none, coupon = (
        groups[groups.variant == key].set_index("tier").drop(columns="variant")
        for key in ("none", "coupon")
    )
    return pd.DataFrame(
        {
            "share": (none["size"] + coupon["size"]) / len(rows),
            "effect": coupon["mean"] - none["mean"],
            "se": (none["var"] / none["size"] + coupon["var"] / coupon["size"]) ** 0.5,
        }
    )


def belief(one: pd.DataFrame) -> list[float]:
    return [p.mean for p in partial_pool(list(one.effect), list(one.se)).posteriors]


def test_by_pandas() -> None:
    data = tables()
    (got,) = found(data)
    rows = customers(data)
    whole, halves = effects(rows), [effects(rows[rows.half == half]) for half in (0, 1)]
    assert [one.segment for one in got.segments] == ["high", "low", "mid"]
    assert [one.difference for one in got.segments] == pytest.approx(list(whole.effect))
    assert [one.share for one in got.segments] == pytest.approx(list(whole.share))
    assert [one.shrunk_difference for one in got.segments] == pytest.approx(belief(whole))
    assert [one.treat for one in got.segments] == [True, False, False]
    lows = whole.effect - 1.959964 * whole.se
    assert [one.ci_low for one in got.segments] == pytest.approx(list(lows), rel=1e-6)
    nobody, everybody, chosen = got.policies
    assert (nobody.value, nobody.ci_low, nobody.total) == (0.0, None, 0.0)
    assert everybody.value == pytest.approx((whole.share * whole.effect).sum())
    sizes = [len(rows[rows.half == half]) / N for half in (0, 1)]
    value = variance = 0.0
    for half, other, size in zip(halves, reversed(halves), sizes, strict=True):
        picked = half[np.array(belief(other)) > 0]
        value += size * (picked.share * picked.effect).sum()
        variance += size**2 * ((picked.share * picked.se) ** 2).sum()
    assert chosen.value == pytest.approx(value)
    assert chosen.ci_high == pytest.approx(value + 1.959964 * (1.405 * variance) ** 0.5, rel=1e-6)
    assert chosen.total == pytest.approx(value * 10_000 - 100)
    assert chosen.value > everybody.value


def test_the_order_of_rows_does_not_matter() -> None:
    data = tables()
    turned = {name: table.iloc[::-1].reset_index(drop=True) for name, table in data.items()}
    (one,), (other,) = found(data), found(turned)
    assert other.policies[2].value == pytest.approx(one.policies[2].value, rel=1e-12)
    assert [s.n for s in other.segments] == [s.n for s in one.segments]


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_engines_agree(engine: str) -> None:
    data = tables()
    (wanted,), (got,) = found(data), found(data, engine=engine)
    for one, other in zip(wanted.policies, got.policies, strict=True):
        assert (other.value, other.ci_low) == pytest.approx((one.value, one.ci_low))


def test_ids_that_are_numbers_have_the_same_halves() -> None:
    data = {name: table.assign(id=table.id.str[1:].astype(int)) for name, table in tables().items()}
    texts = {name: table.assign(id=table.id.astype(str)) for name, table in data.items()}
    values = [found(d, engine=e)[0].policies[2].value for d in (data, texts) for e in ENGINES]
    assert values == pytest.approx([values[0]] * len(values))


ENGINES = ["duckdb", "pandas"]


def test_it_is_shown() -> None:
    result = analyze(SPEC, data=tables())
    for text in (render_table(result), render_markdown(result), render_html(result)):
        flat = " ".join(text.split())
        assert "Who should get it, by tier" in flat
        assert "Treat the chosen segments (by all data: high)" in flat
        assert "Nothing is promised beyond the interval." in flat


def test_small_segments_are_left_out() -> None:
    data = tables()
    data["units"].loc[:29, "tier"] = "new"
    (got,) = found(data)
    assert [one.segment for one in got.segments] == ["high", "low", "mid"]
    assert "fewer than 20 customers of a variant in a half: new" in got.notes[0]


def test_without_two_segments() -> None:
    data = tables()
    data["units"]["tier"] = "all"
    (got,) = found(data)
    assert (got.segments, got.policies) == ((), ())
    assert "not two segments" in got.notes[0]


def test_nobody_is_chosen() -> None:
    """A coupon that costs more than anything it brings: there is nothing to launch."""
    dear = {"per_redemption": 200.0, "per_exposure": 5.0}
    variants = [{"key": "none", "control": True}, {"key": "coupon", "cost": dear}]
    result = analyze({**SPEC, "variants": variants}, data=tables())
    assert result.money is not None
    chosen = result.money.variants[0].targeting[0].policies[2]
    assert (chosen.value, chosen.ci_low, chosen.ci_high) == (0.0, 0.0, 0.0)
    assert chosen.total is None
    assert "(by all data: none)" in " ".join(render_table(result).split())


def test_a_ramp_does_not_decide_who_gets_it() -> None:
    """Without an effect: late customers spend more, and more of them are treated."""
    rng = np.random.default_rng(3)
    late = rng.random(N) < 0.5
    variants = np.where(rng.random(N) < np.where(late, 0.8, 0.2), "coupon", "none")
    frame = pd.DataFrame({"id": range(N), "variant": variants, "entry": late.astype(str)})
    frame["tier"] = rng.choice(["a", "b"], N)
    frame["spend"] = 100.0 * late + rng.normal(0, 1, N)
    frame["bought"] = 1
    spec = {
        **{key: value for key, value in SPEC.items() if key not in {"variants", "data"}},
        "variants": [{"key": "none", "control": True}, {"key": "coupon"}],
        "assignment": {"stratify": "entry"},
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [{"key": "m", "kind": "mean", "column": "spend", "role": "primary"}],
        "decision": {"value": {"column": "spend"}},
    }
    (got,) = found({"units": frame}, spec)
    raw = frame.groupby("variant").spend.mean()
    assert raw["coupon"] - raw["none"] > 50
    for one in got.segments:
        assert abs(one.difference) < 0.5


def test_rows_without_ids_have_no_halves() -> None:
    frame = pd.DataFrame({"variant": ["none", "coupon"] * 100, "tier": ["a", "a", "b", "b"] * 50})
    frame["spend"] = np.arange(200.0)
    spec = {
        **{key: value for key, value in SPEC.items() if key not in {"variants", "data"}},
        "unit": None,
        "variants": [{"key": "none", "control": True}, {"key": "coupon"}],
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [{"key": "m", "kind": "mean", "column": "spend", "role": "primary"}],
        "decision": {"value": {"column": "spend"}},
    }
    result = analyze(spec, data={"units": frame})
    assert result.money is not None
    assert result.money.variants[0].targeting == ()
    assert any("have no ids" in note for note in result.money.notes)
