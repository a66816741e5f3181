"""``layers.yaml``: the layers and the global holdout that all experiments of a folder share.

    holdout: {salt: holdout-2026, share: 0.05}
    layers:
      lifecycle-offers: {salt: lifecycle-2026, unit: customer_id}

It is looked for in the spec's folder and then in each folder above it; the first one found counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.fields import Block, Key
from abtest.sources.tables import Column
from abtest.spec.side_file import read_block
from abtest.spec.variants import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "layers.yaml"


class HoldoutBlock(Block):
    """The share of all units that no experiment touches, ever."""

    salt: Key
    """Never changes: the same units stay held out."""
    share: Coverage
    """A share with at most four decimals."""


class LayerBlock(Block):
    """A layer: experiments with different slots of it never share a unit."""

    salt: Key
    """Never changes while an experiment in the layer runs."""
    unit: Column
    """What is hashed for the slot: the column that its experiments randomise."""


class Layers(Block):
    """All layers and the holdout."""

    holdout: HoldoutBlock | None = None
    """The global holdout."""
    layers: dict[Key, LayerBlock] = {}
    """Layers by key, which is what specs name."""


def find_layers(folder: Path) -> Path | None:
    """The nearest ``layers.yaml`` at or above a folder, or None."""
    start = folder.resolve()
    return next((f / FILE for f in (start, *start.parents) if (f / FILE).is_file()), None)


def load_layers(path: Path) -> Layers:
    """Read and check a ``layers.yaml``.

    Raises:
        SpecError: The file is at fault; the error lists every fault with its line.
    """
    return read_block(path, Layers, _shared_salts)


def layers_for(folder: Path) -> Layers:
    """The layers that a spec in this folder shares; none where there is no file."""
    path = find_layers(folder)
    return Layers() if path is None else load_layers(path)


def salts_of(layers: Layers) -> dict[str, str]:
    """What each salt of the file belongs to."""
    salts = {block.salt: f"layer {key}" for key, block in layers.layers.items()}
    if layers.holdout is not None:
        salts[layers.holdout.salt] = "the holdout"
    return salts


def _shared_salts(layers: Layers) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    if layers.holdout is not None:
        seen[layers.holdout.salt] = "the holdout"
    for key, block in layers.layers.items():
        if block.salt in seen:
            message = f"is {block.salt!r}, the salt of {seen[block.salt]}; it must be its own"
            yield Fault(("layers", key, "salt"), message)
        seen.setdefault(block.salt, f"layer {key}")
