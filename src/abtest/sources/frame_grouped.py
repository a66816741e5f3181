"""Grouped aggregates of any shape on pandas and PyArrow, which themselves know simple ones only.

Narwhals 2.29 hands ``when(a).then(b).sum()`` in a group to pandas and PyArrow as the sum of ``b``
(or refuses it). Here every expression is taken apart: what stands under an aggregate becomes a
column, the aggregate of that column is simple, and what stands over it is computed afterwards.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX = "abtest:part"


class EagerFrame(nw.LazyFrame[Any]):
    """A frame in memory with the face of a lazy one."""

    def group_by(  # type: ignore[override]
        self, *keys: str | Iterable[str], drop_null_keys: bool = False
    ) -> _Groups:
        """Group by columns."""
        names = [name for key in keys for name in ([key] if isinstance(key, str) else key)]
        return _Groups(self, names, drop_null_keys=drop_null_keys)

    def __init__(self, df: Any, *, level: Any = "full") -> None:  # noqa: ANN401 - Narwhals' own
        super().__init__(df, level=level)


def eager(frame: nw.DataFrame[Any]) -> EagerFrame:
    """A frame in memory whose groups can be aggregated by any expression."""
    return EagerFrame(frame.lazy()._compliant_frame)  # noqa: SLF001 - there is no public way


class _Groups:
    """What ``group_by`` returns."""

    def __init__(self, frame: EagerFrame, keys: list[str], *, drop_null_keys: bool) -> None:
        self._frame = frame
        self._keys = keys
        self._drop_null_keys = drop_null_keys

    def agg(self, *aggregates: Any, **named: nw.Expr) -> EagerFrame:  # noqa: ANN401
        """One row per group."""
        flat = [one for item in aggregates for one in ([item] if _is_expr(item) else item)]
        flat += [expression.alias(name) for name, expression in named.items()]
        parts = _Parts()
        results = [(_name(one), parts.outside(one)) for one in flat]
        keys = {f"{_PREFIX}:key{i}": key for i, key in enumerate(self._keys)}
        # Keys under names of their own: a result may be called like a key's neighbour.
        inside = [nw.col(key).alias(name) for name, key in keys.items()]
        rows: Any = self._frame.select(*inside, *parts.inside)
        simple: Any = nw.LazyFrame.group_by
        grouped = simple(rows, *keys, drop_null_keys=self._drop_null_keys)
        with warnings.catch_warnings():
            # Narwhals adds pandas' columns one by one; nothing is wrong with a hundred of them.
            warnings.filterwarnings("ignore", message="DataFrame is highly fragmented")
            computed: EagerFrame = grouped.agg(*parts.simple)
        outside = [expression.alias(name) for name, expression in results]
        return computed.select(*(nw.col(name).alias(key) for name, key in keys.items()), *outside)


class _Parts:
    """Collects what is under aggregates and the simple aggregates themselves."""

    def __init__(self) -> None:
        self.inside: list[nw.Expr] = []
        self.simple: list[nw.Expr] = []

    def outside(self, expression: nw.Expr) -> nw.Expr:
        """The expression with each aggregate replaced by the column that will hold it."""
        nodes = expression._nodes  # noqa: SLF001 - Narwhals shows no parts of an expression
        places = [i for i, node in enumerate(nodes) if node.kind.name == "AGGREGATION"]
        if not places:
            return nw.Expr(*map(self._arguments, nodes))
        last = places[-1]
        name = f"{_PREFIX}{len(self.simple)}"
        column, simple = nw.col(name), nw.Expr(nodes[last])
        if last > 0:  # `len()` stands alone
            self.inside.append(nw.Expr(*nodes[:last]).alias(name))
            simple = nw.Expr(*column._nodes, nodes[last])  # noqa: SLF001
        self.simple.append(simple.alias(name))
        return nw.Expr(*column._nodes, *map(self._arguments, nodes[last + 1 :]))  # noqa: SLF001

    def _arguments(self, node: Any) -> Any:  # noqa: ANN401 - Narwhals' node
        if not any(_is_expr(argument) for argument in node.exprs):
            return node
        exprs = [self.outside(one) if _is_expr(one) else one for one in node.exprs]
        return type(node)(
            node.kind,
            node.name,
            exprs=exprs,
            str_as_lit=node.str_as_lit,
            allow_multi_output=node.allow_multi_output,
            **node.kwargs,
        )


def _is_expr(value: object) -> bool:
    return isinstance(value, nw.Expr)


def _name(expression: nw.Expr) -> str:
    """What the result is called: its alias, or the one column it is made of."""
    nodes = expression._nodes  # noqa: SLF001
    for node in reversed(nodes):
        if node.name == "alias":
            return str(node.kwargs["name"])
    root = nodes[0]
    if root.name == "col":
        return str(root.kwargs["names"][0])
    return root.name
