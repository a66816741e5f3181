"""Make the data of the three examples; what is planted here, abtest must find.

    python experiments/make_data.py

Each example has its own seed, so the same bytes come out every time. Customers are split by the
hash of their experiment.yaml, as `abtest assign` splits them; dates, zones, lags and prices come
from there too. `planted` gives the true values in closed form.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from abtest.spec import load_spec
from invented.club import Club, club_files, planted_in_club
from invented.shop import Pace, Shop, planted_in_shop, shop_files

if TYPE_CHECKING:
    from abtest.spec import Spec
    from invented.people import Planted

FOLDER = Path(__file__).parent
Example: TypeAlias = Shop | Club

WINBACK = Shop(
    folder="2026_01_winback_incentive_mix",
    seed=20260105,
    n=2_600,
    hour=9,
    rate_30d=0.26,
    shape=1.0,
    weekday=(1.0, 0.8, 0.8, 0.9, 1.0, 1.2, 1.3),
    last_order=(60, 180),
    no_history=0.01,
    basket=48.0,
    decimals=2,
    refunded=0.04,
    paces=(Pace(), Pace(((30, 1.15),)), Pace(((30, 1.5),))),
    paid=(1.0, 0.9, 0.9),
    utc=True,
    redeeming_days=30.0,
)
PRICING = Club(
    folder="2026_02_membership_pricing",
    seed=20260202,
    n=3_300,
    hour=8,
    renewing=(0.70, 0.75),
    sameness=4.0,
)
# A week at 2.2 and three at 0.6 make four weeks at 1: orders are moved, none are made.
REMINDER = Shop(
    folder="2026_03_reorder_reminder",
    seed=20260301,
    n=2_200,
    hour=10,
    rate_30d=0.8,
    shape=2.0,
    weekday=(0.9, 0.9, 1.0, 1.2, 1.3, 0.9, 0.8),
    last_order=(24, 26),
    no_history=0.0,
    basket=400_000,
    decimals=-3,
    refunded=0.0,
    paces=(Pace(), Pace(((7, 2.2), (28, 0.6)))),
    paid=(1.0, 1.0),
    utc=False,
)
EXAMPLES: tuple[Example, ...] = (WINBACK, PRICING, REMINDER)


def spec_of(example: Example) -> Spec:
    """The example's spec."""
    return load_spec(FOLDER / example.folder / "experiment.yaml").spec


def make(example: Example, *, seed: int | None = None, n: int | None = None) -> dict[str, str]:
    """The example's files: text by name.

    Args:
        example: What to make.
        seed: Instead of the example's own.
        n: How many customers, instead of the example's own number.
    """
    rng = np.random.default_rng(example.seed if seed is None else seed)
    spec = spec_of(example)
    if isinstance(example, Club):
        return club_files(example, spec, n or example.n, rng)
    return shop_files(example, spec, n or example.n, rng)


def planted(example: Example) -> Planted:
    """The true value of every metric in every variant, over all who might have been enrolled."""
    spec = spec_of(example)
    if isinstance(example, Club):
        return planted_in_club(example, spec)
    return planted_in_shop(example, spec)


def main() -> None:
    """Write all files."""
    for example in EXAMPLES:
        for name, text in make(example).items():
            path = FOLDER / example.folder / name
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(FOLDER)}: {len(text.encode()):,} bytes")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
