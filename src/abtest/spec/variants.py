"""What is compared, how units are split, and when."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from abtest.fields import Block, Key, Text
from abtest.spec.times import Instant, IsoDate, Zone

Weight = Annotated[int, Field(ge=0, le=1_000_000)]
Number = Annotated[int, Field(ge=0, le=2**52)]
Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0)]


class Cost(Block):
    """What a variant costs, in the currency of the data."""

    per_redemption: Money | None = None
    """Each time the incentive is used."""
    per_exposure: Money | None = None
    """For each unit that is assigned."""
    pct_of_order: Annotated[float, Field(ge=0, le=100)] | None = None
    """A share of the order's value, in percent."""
    fixed: Money | None = None
    """Once, whatever the number of units."""


class Variant(Block):
    """One of the things that are compared."""

    key: Text
    """The variant's name, as it stands in the data."""
    control: bool = False
    """Whether the others are compared with this one."""
    weight: Weight = 1
    """Its part of the split: small parts such as 1 and 1, or parts that add up to 100."""
    payload: dict[str, JsonValue] = {}
    """What the app does with it: a price, a text, a discount."""
    cost: Cost | None = None
    """What it costs."""


Level = bool | int | float | str


class Factors(Block):
    """A factorial design: the variants are the cells."""

    order: Annotated[tuple[Key, ...], Field(min_length=1)]
    """The factors, in the order in which cells are named."""
    levels: dict[Key, Annotated[tuple[Level, ...], Field(min_length=2)]]
    """Each factor's levels."""
    control: dict[Key, Level]
    """The level of each factor in the control cell."""
    cost: dict[Key, dict[str, JsonValue]] = {}
    """What each factor costs."""


def _four_decimals(share: float) -> float:
    if round(share * 10_000) / 10_000 != share:
        raise PydanticCustomError(
            "four_decimals",
            "is {value}; it must have at most four decimals",
            {"value": share},
        )
    return share


Coverage = Annotated[Share, AfterValidator(_four_decimals)]
Slot = Annotated[int, Field(ge=0, le=9_999)]


class Layer(Block):
    """The slots of a layer that this experiment owns."""

    key: Key
    """A layer of experiments/layers.yaml."""
    slots: Annotated[tuple[tuple[Slot, Slot], ...], Field(min_length=1)]
    """First and last slot of each range, of 10,000."""


class Phase(Block):
    """A dated change of coverage, weights or ranges; never rewritten."""

    from_: Annotated[Instant, Field(alias="from")]
    """When it takes effect."""
    coverage: Coverage | None = None
    """The share of units enrolled from then on."""
    weights: dict[str, Weight] | None = None
    """Weights from then on."""
    ranges: dict[str, tuple[tuple[Number, Number], ...]] | None = None
    """Which of the 2**52 numbers are whose from then on, so that fewer customers change variant;
    `abtest plan --write-ranges` writes them."""


class Rerandomised(Block):
    """How a seed was chosen among several, so that the variants are alike beforehand."""

    from_: Annotated[Key, Field(alias="from")]
    """The seed that the others were made from; it was tried too."""
    seeds: Annotated[int, Field(ge=2)]
    """How many seeds were tried."""
    covariates: Annotated[tuple[Key, ...], Field(min_length=1)]
    """What was balanced; the analysis must adjust for all of them."""
    distance: Annotated[float, Field(ge=0)]
    """The Mahalanobis distance of the means under the chosen seed, the largest of any variant."""


class Assignment(Block):
    """How units are split by hash."""

    hash: Literal["sha256-52"] = "sha256-52"
    """The formula."""
    seed: Key | None = None
    """The salt; the experiment's key where none is given. No two experiments may share one."""
    coverage: Coverage = 1.0
    """The share of units that are enrolled at all."""
    layer: Layer | None = None
    """Slots of a layer, so that experiments do not overlap."""
    phases: tuple[Phase, ...] = ()
    """Dated changes of coverage, weights or ranges."""
    rerandomised: Rerandomised | None = None
    """How the seed was chosen; `abtest plan --customers --seeds -o` writes it."""
    stratify: Annotated[str, Field(min_length=1)] | None = None
    """A column of a known list: variants are dealt out evenly within each of its values."""
    overrides: dict[str, Text] = {}
    """Units that always get a certain variant; they are left out of the analysis."""


class Schedule(Block):
    """When units are enrolled, and in which zone days begin."""

    start: IsoDate | None = None
    """The first day on which units are enrolled."""
    enrol_until: IsoDate | None = None
    """The day on which enrolment ends; units are enrolled before it."""
    timezone: Zone = "UTC"
    """The zone in which days begin, and in which times without an offset are read."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if self.start and self.enrol_until and self.enrol_until <= self.start:
            raise PydanticCustomError(
                "schedule_order",
                "enrols until {until}, which is not after its start {start}; it must be later",
                {"until": self.enrol_until, "start": self.start},
            )
