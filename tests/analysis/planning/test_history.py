"""What a history says about the metrics, against pandas and known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abtest.analysis.clock import Cutoff
from abtest.analysis.planning.arrivals import Arrivals, arrivals_of
from abtest.analysis.planning.baselines import Known, baseline
from abtest.analysis.planning.history import History, read_history
from abtest.errors import DataError
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.spec import Spec, draft_mapping
from analysis.by_hand import spec_for

END = "2026-07-01"
WINDOW = {"end": "30d"}
DAY = pd.Timedelta(days=1)


def spec_of(metrics: list[dict[str, Any]], *, units: str | None = None, **more: Any) -> Spec:
    data: dict[str, Any] = {
        "assignments": {"path": "assignments.csv"},
        "events": {
            "orders": {"path": "orders.csv", "at": "at", "value": "amount", "lag": "2d"},
            "refunds": {"path": "refunds.csv", "at": "at", "value": "amount"},
        },
    }
    if units is not None:
        data["units"] = {"path": units}
    draft = draft_mapping(spec_for(data, metrics, **more))
    assert not draft.faults
    return draft.loaded.spec


def orders_of(seed: int = 7, customers: int = 400) -> pd.DataFrame:
    """Orders over a year; some customers come often, some are new."""
    random = np.random.default_rng(seed)
    rates = random.gamma(0.8, 4.0, customers)
    joined = random.integers(0, 330, customers)
    rows = []
    for customer, (rate, start) in enumerate(zip(rates, joined, strict=True)):
        for day in random.uniform(start, 365, random.poisson(rate * (365 - start) / 365)):
            at = pd.Timestamp("2025-07-01") + day * DAY
            rows.append((f"c{customer}", at.floor("s"), float(random.lognormal(3, 1))))
    return pd.DataFrame(rows, columns=["id", "at", "amount"])


def read(spec: Spec, **tables: Any) -> History:
    engine = DuckDBEngine(Path(), "UTC", tables)
    try:
        return read_history(spec, engine, tables, Cutoff.parse(END, "UTC"))
    finally:
        engine.close()


REPEAT = {"key": "again", "kind": "repeat_purchase", "events": "orders", "window": WINDOW}
PRIMARY = {**REPEAT, "role": "primary"}
REVENUE = {"key": "revenue", "kind": "sum", "events": "orders", "window": WINDOW}
COUNT = {"key": "orders", "kind": "count", "events": "orders", "window": WINDOW}
RATIO = {"key": "value", "kind": "ratio", "numerator": "revenue", "denominator": "orders"}
REFUNDED = {"key": "refunded", "kind": "conversion", "events": "refunds", "window": WINDOW}


def test_against_pandas() -> None:
    orders = orders_of()
    spec = spec_of([PRIMARY, REVENUE, COUNT, RATIO, REFUNDED])
    history = read(spec, orders=orders)

    anchor = pd.Timestamp(END) - 32 * DAY
    year = orders[(orders["at"] < anchor) & (orders["at"] >= anchor - 365 * DAY)]
    cohort = year["id"].unique()
    window = orders[(orders["at"] >= anchor) & (orders["at"] < anchor + 30 * DAY)]
    window = window[window["id"].isin(cohort)]
    revenue = window.groupby("id")["amount"].sum().reindex(cohort).fillna(0)
    count = window.groupby("id").size().reindex(cohort).fillna(0)

    assert history.units == len(cohort)
    assert history.anchor == "2026-05-30T00:00:00+00:00"
    assert "refunded" not in history.counts  # there is no history of refunds
    again = baseline(spec, spec.metrics[0], history)
    assert isinstance(again, Known)
    assert again.value == pytest.approx((count > 0).mean())
    spend = baseline(spec, spec.metrics[1], history)
    assert isinstance(spend, Known)
    assert spend.value == pytest.approx(revenue.mean())
    assert spend.variance == pytest.approx(revenue.var())
    value = baseline(spec, spec.metrics[3], history)
    assert isinstance(value, Known)
    ratio = revenue.sum() / count.sum()
    linearised = (revenue - ratio * count) / count.mean()
    assert value.value == pytest.approx(ratio)
    assert value.variance == pytest.approx(linearised.var())


def test_the_gain_from_history_is_that_of_a_regression() -> None:
    orders = orders_of(seed=3)
    covariate = {"kind": "sum", "events": "orders", "window": {"start": "-90d", "end": "0d"}}
    spec = spec_of(
        [PRIMARY, REVENUE],
        covariates={"before": covariate},
        analysis={"covariates": ["before"]},
    )
    history = read(spec, orders=orders)
    found = baseline(spec, spec.metrics[1], history)

    anchor = pd.Timestamp(END) - 32 * DAY
    year = orders[(orders["at"] < anchor) & (orders["at"] >= anchor - 365 * DAY)]
    cohort = year["id"].unique()

    def spent(since: pd.Timestamp, until: pd.Timestamp) -> pd.Series[float]:
        part = orders[(orders["at"] >= since) & (orders["at"] < until)]
        return part.groupby("id")["amount"].sum().reindex(cohort).fillna(0)

    before, after = spent(anchor - 90 * DAY, anchor), spent(anchor, anchor + 30 * DAY)
    assert isinstance(found, Known)
    assert found.factor == pytest.approx(1 - np.corrcoef(before, after)[0, 1] ** 2)
    assert found.factor < 1


def test_columns_of_customers_are_known_beforehand_too() -> None:
    """A column of data.units leaves of the variance what a regression on it leaves."""
    orders = orders_of(seed=3)
    spec = spec_of(
        [PRIMARY, REVENUE],
        units="units.csv",
        covariates={"score": {"kind": "column", "column": "score"}},
        analysis={"covariates": ["score"], "segments": ["tier"]},
    )
    spent = orders.groupby("id")["amount"].sum()
    units = pd.DataFrame({"id": spent.index, "score": np.log(spent.to_numpy()), "tier": "a"})
    found = baseline(spec, spec.metrics[1], read(spec, orders=orders, units=units))
    alone = baseline(spec, spec.metrics[1], read(spec, orders=orders))
    assert isinstance(found, Known)
    assert isinstance(alone, Known)
    assert alone.factor == 1
    assert found.n == alone.n
    assert found.value == pytest.approx(alone.value)

    anchor = pd.Timestamp(END) - 32 * DAY
    year = orders[(orders["at"] < anchor) & (orders["at"] >= anchor - 365 * DAY)]
    cohort = year["id"].unique()
    window = orders[(orders["at"] >= anchor) & (orders["at"] < anchor + 30 * DAY)]
    revenue = window.groupby("id")["amount"].sum().reindex(cohort).fillna(0)
    score = units.set_index("id")["score"].reindex(cohort)
    assert found.factor == pytest.approx(1 - np.corrcoef(revenue, score)[0, 1] ** 2)


def test_entrants_are_counted_once() -> None:
    orders = orders_of(seed=5)
    history = read(spec_of([PRIMARY]), orders=orders)
    start = pd.Timestamp(END) - 26 * 7 * DAY
    first = orders[orders["at"] >= start].groupby("id")["at"].min()
    weeks = ((first - start) // (7 * DAY)).value_counts()
    assert history.entrants == tuple(int(weeks.get(week, 0)) for week in range(26))


def test_a_short_history_has_fewer_weeks() -> None:
    orders = pd.DataFrame(
        {
            "id": ["a", "b", "a", "c"],
            "at": pd.to_datetime(["2026-05-10", "2026-05-20", "2026-06-09", "2026-06-25"]),
            "amount": [1.0, 2.0, 3.0, 4.0],
        }
    )
    history = read(spec_of([PRIMARY]), orders=orders)
    assert history.units == 2
    assert len(history.entrants) == 7  # whole weeks between 10 May and 1 July
    assert sum(history.entrants) == 3


def test_cdnow(shared_data: Path) -> None:
    """The share of customers of a window, by hand from the file."""
    path = shared_data / "cdnow_sample.csv"
    spec = draft_mapping(
        spec_for(
            {
                "assignments": {"from_events": "orders"},
                "events": {"orders": {"path": str(path), "at": "date", "unit": "master_id"}},
            },
            [{**REPEAT, "role": "primary", "window": {"end": "60d"}}],
        )
    ).loaded.spec
    engine = DuckDBEngine(Path(), "UTC", {})
    history = read_history(spec, engine, ["orders"], Cutoff.parse("1998-07-01", "UTC"))
    rows = pd.read_csv(path)
    rows["date"] = pd.to_datetime(rows["date"].astype(str))
    anchor = pd.Timestamp("1998-07-01") - 60 * DAY
    before = rows[(rows["date"] < anchor) & (rows["date"] >= anchor - 365 * DAY)]
    # The file has days, not times: who buys at the very anchor has not come back after it.
    after = rows[(rows["date"] > anchor) & (rows["date"] < anchor + 60 * DAY)]
    found = history.counts["again"].summary
    assert found.n == before["master_id"].nunique()
    bought = set(before["master_id"]) & set(after["master_id"])
    assert getattr(found, "successes", None) == len(bought)


def test_columns_of_units() -> None:
    metric = {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    spec = draft_mapping(spec_for(data, [metric])).loaded.spec
    units = pd.DataFrame({"id": ["a", "b", "c"], "spend": [1.0, 2.0, 6.0]})
    history = read(spec, units=units)
    found = baseline(spec, spec.metrics[0], history)
    assert isinstance(found, Known)
    assert (found.value, found.variance, found.n) == (3.0, 7.0, 3)
    assert history.entrants == ()


def test_what_cannot_be_read() -> None:
    nobody = pd.DataFrame({"id": ["a"], "at": pd.to_datetime(["2026-06-25"]), "amount": [1.0]})
    with pytest.raises(DataError, match="the history has no orders before 2026-05-30"):
        read(spec_of([PRIMARY]), orders=nobody)
    with pytest.raises(DataError, match="no metric can be read off refunds alone"):
        read(spec_of([PRIMARY]), refunds=nobody)


def test_a_metric_that_never_happens_says_nothing() -> None:
    spec = spec_of([PRIMARY, REFUNDED])
    early = orders_of()
    early = early[early["at"] < pd.Timestamp(END) - 32 * DAY]
    found = baseline(spec, spec.metrics[0], read(spec, orders=early))
    assert found == "every unit of the history has the same outcome, 0"
    absent = baseline(spec, spec.metrics[1], read(spec, orders=early))
    assert isinstance(absent, str)
    assert absent.startswith("say what is normal in plan.baselines")


def test_arrivals() -> None:
    arrivals = Arrivals((100.0, 50.0), 10.0)
    assert [arrivals.by(weeks) for weeks in (0.5, 1, 1.5, 2, 4)] == [50, 100, 125, 150, 170]
    assert arrivals.weeks_for(151) == 3
    assert arrivals.weeks_for(10**6) is None


def test_a_list_comes_at_once() -> None:
    spec = spec_of([PRIMARY], assignment={"coverage": 0.5}, plan={"units": 8000})
    found = arrivals_of(spec, History(None, 5, {}, (10, 4, 4, 4, 4)))
    assert found is not None
    assert [found.by(weeks) for weeks in (1 / 7, 1, 20)] == [4000, 4000, 4000]
    assert (found.weeks_for(4000), found.weeks_for(4001)) == (1, None)


def test_the_spec_counts_before_the_history() -> None:
    history = History(None, 5, {}, (10, 4, 4, 4, 4))
    spec = spec_of([PRIMARY], assignment={"coverage": 0.5})
    found = arrivals_of(spec, history)
    assert found is not None
    assert (found.weeks, found.later) == ((5.0, 2.0, 2.0, 2.0, 2.0), 2.0)
    said = spec_of([PRIMARY], assignment={"coverage": 0.5}, plan={"units_per_week": 200})
    found = arrivals_of(said, history)
    assert found is not None
    assert found.by(2) == 200
    assert arrivals_of(spec, None) is None
