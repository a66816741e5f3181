"""Are the variants of a known list alike beforehand, and which of several seeds makes them most so?

Re-randomisation (Morgan & Rubin 2012, Annals of Statistics 40, 1263-1282): of K seeds the one whose
variants differ least is taken, by the Mahalanobis distance of the covariates' means. An analysis
that adjusts for these covariates is valid (Li, Ding & Rubin 2018, PNAS 115, 9157-9162; Li & Ding
2020, JRSS B 82, 241-268); one that does not is conservative.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from abtest.analysis.assign_table import plan_of
from abtest.analysis.planning.model import BalancePlan, CovariateBalance, VariantBalance
from abtest.errors import DataError
from abtest.sources.duckdb_assign import assign_rows
from abtest.sources.duckdb_balance import moments_of
from abtest.sources.duckdb_sql import value_sql
from abtest.sources.tables import UnitsTable
from abtest.spec.covariates import ColumnCovariate
from abtest.stats.health.balance import omnibus, standardized_difference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.spec import LoadedSpec, Spec
    from abtest.stats.adjustment.co_moments import CoMoments

_LONGEST_SEED = 64


@dataclass(frozen=True, slots=True)
class Population:
    """A list of customers that will be assigned.

    Attributes:
        engine: Where it is read.
        path: The list.
        at: When its customers are assigned.
    """

    engine: DuckDBEngine
    path: str
    at: datetime


def balance_of(loaded: LoadedSpec, population: Population, seeds: int = 1) -> BalancePlan:
    """The balance of the spec's own seed, or of the best of several.

    Args:
        loaded: The spec; it adjusts for the covariates that are compared.
        population: The customers.
        seeds: How many seeds are tried, the spec's own first.

    Returns:
        The balance of the chosen seed, and that of the spec's own.

    Raises:
        DataError: The list lacks a covariate, or the spec splits something else than single units.
    """
    spec = loaded.spec
    _refuse(spec, seeds)
    columns = _columns(spec, population)
    found = [_of_seed(loaded, population, columns, seed) for seed in _seeds(spec, seeds)]
    best = min(found, key=lambda one: one.distance)
    chosen = best.model_copy(update={"seeds": seeds})
    return chosen.model_copy(update={"own_distance": found[0].distance})


def _refuse(spec: Spec, seeds: int) -> None:
    if spec.control is None:
        raise DataError("the spec has no control, so there is nothing to compare")
    if spec.cluster is not None:
        raise DataError("balance is that of single units; the spec splits clusters")
    if not spec.analysis.covariates:
        raise DataError(
            "the spec adjusts for no covariates, so there is nothing to balance",
            "Declare what is known beforehand in covariates, and name it in analysis.covariates.",
        )
    if seeds > 1 and spec.assignment.stratify is not None:
        raise DataError("a stratified split is balanced by its blocks; leave out --seeds")
    if seeds > 1 and spec.assignment.rerandomised is not None:
        raise DataError("the spec's seed was chosen already; leave out --seeds")


def _seeds(spec: Spec, count: int) -> list[str]:
    base = spec.seed[: _LONGEST_SEED - len(f"-r{count}")]
    return [spec.seed, *(f"{base}-r{number}" for number in range(2, count + 1))]


def _columns(spec: Spec, population: Population) -> dict[str, str]:
    """The column of each covariate: its own, or for events one that is called like it."""
    table = UnitsTable(path=population.path, unit=spec.unit)
    types = population.engine.source("customers", table).types
    columns = {}
    for key in spec.analysis.covariates:
        covariate = spec.covariates[key]
        name = covariate.column if isinstance(covariate, ColumnCovariate) else key
        if name not in types:
            hint = f"The list has: {', '.join(types)}."
            raise DataError(f"{population.path} has no column {name!r} for covariate {key}", hint)
        columns[key] = value_sql(name, types[name], "number", spec.schedule.timezone)
    return columns


def _of_seed(
    loaded: LoadedSpec, population: Population, columns: Mapping[str, str], seed: str
) -> BalancePlan:
    spec = loaded.spec
    split = spec.assignment.model_copy(update={"seed": seed})
    moved = replace(loaded, spec=spec.model_copy(update={"assignment": split}))
    plan = plan_of(moved, population.at)
    table = UnitsTable(path=population.path, unit=plan.column)
    _, rows = assign_rows(population.engine, table, plan)
    control = spec.control.key if spec.control is not None else ""
    moments = moments_of(population.engine, rows, columns)
    if control not in moments:
        raise DataError(f"no customer of {population.path} is split into {control}")
    others = [v.key for v in spec.treatments if v.key in moments]
    variants = tuple(_variant(key, moments[control], moments[key]) for key in others)
    known = [one.distance for one in variants if one.distance is not None]
    if not known:
        raise DataError(f"no covariate of {population.path} varies, or a variant is empty")
    return BalancePlan(
        seed=seed, seeds=1, covariates=tuple(columns), distance=max(known), variants=variants
    )


def _variant(key: str, control: CoMoments, treatment: CoMoments) -> VariantBalance:
    test = omnibus(control, treatment)
    return VariantBalance(
        variant=key,
        n=treatment.n,
        n_control=control.n,
        distance=None if test is None else test.chi_square,
        pvalue=None if test is None else test.pvalue,
        covariates=tuple(
            CovariateBalance(
                covariate=name,
                mean=treatment.means[place],
                mean_control=control.means[place],
                standardized_difference=standardized_difference(
                    _value(control, place), _value(treatment, place)
                ),
            )
            for place, name in enumerate(control.columns.covariates, start=1)
        ),
    )


def _value(moments: CoMoments, place: int) -> tuple[float, float]:
    spread = moments.products[place][place] / max(moments.n - 1, 1)
    return moments.means[place], max(spread, 0.0)
