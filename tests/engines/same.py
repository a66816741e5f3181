"""Whether two results are the same: counts exactly, numbers to 1e-9."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

RELATIVE, ABSOLUTE = 1e-9, 1e-9


def differences(wanted: Any, got: Any, where: str = "") -> list[str]:
    """What differs, one line per place."""
    wanted, got = _plain(wanted), _plain(got)
    if isinstance(wanted, dict) and isinstance(got, dict):
        keys = [*wanted, *(key for key in got if key not in wanted)]
        return [
            line
            for key in keys
            for line in differences(wanted.get(key), got.get(key), f"{where}.{key}")
        ]
    if isinstance(wanted, list | tuple) and isinstance(got, list | tuple):
        if len(wanted) != len(got):
            return [f"{where}: {len(wanted)} items, not {len(got)}"]
        pairs = enumerate(zip(wanted, got, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]")]
    if isinstance(wanted, float) and isinstance(got, int | float):
        close = math.isclose(wanted, got, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        return [] if close else [f"{where}: {wanted!r}, not {got!r}"]
    return [] if wanted == got else [f"{where}: {wanted!r}, not {got!r}"]


def _plain(value: Any) -> Any:
    """Statistics as mappings and lists."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.tolist() if isinstance(value, np.ndarray) else value
