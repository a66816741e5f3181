"""Looking every night.

A plan with 5 to 56 looks is followed to its end, with no effect, with the effect that the plan
promises to find four times out of five, and with half of it. "Stopped" is the share of experiments
that crossed a boundary at any look (with no effect: false alarms), "stopped above" those that did
so on the side of the treatment; "sample used" is the mean share of the planned customers at the
stop. "Interval holds" is the interval that the report shows at the stop, "every night's interval
holds" the one that it shows on every night, all nights together; "estimate above truth" is right
at one half. Exaggeration is the announced effect over the true one, among experiments that stopped
above: of the plain difference, and of the estimate that the report shows.

Rows with even information are Brownian motion through the shipped boundaries; *uneven* has most
customers mature late, *ends early* stops at 80% of the plan, *over-run* goes on to 110%. The rows
called *raw* are customers with rates or with revenue (97% buy nothing), and *whole nights* go
through everything that `abtest monitor` does with a night, up to the decision.

The last rows are the check of the split, which is made every night too: alarms where the split is
as planned, and where one variant loses 4% of its customers.
"""

from __future__ import annotations

from calibration.cells import Cell
from calibration.sequential_nights import REVENUE, night_cell, raw_cell, split_cell
from calibration.sequential_plans import EFFECTS, NAIVE, SEQUENCE, plan_cell, unplanned_cell

LOOKS = (5, 14, 28, 56)
OBF, POCOCK = "O'Brien-Fleming", "Pocock"

CELLS: tuple[Cell, ...] = (
    *(
        plan_cell(looks, rule, "even", effect, fast=10_000 if looks == 14 else 0)
        for rule in (OBF, POCOCK)
        for looks in LOOKS
        for effect in EFFECTS
    ),
    *(plan_cell(14, rule, "even", "none") for rule in ("Hwang-Shih-DeCani", "power")),
    *(
        plan_cell(14, OBF, arrival, effect)
        for arrival in ("uneven", "ends early", "over-run")
        for effect in ("none", "planned")
    ),
    *(unplanned_cell(looks, SEQUENCE, effect) for looks in LOOKS for effect in EFFECTS),
    *(unplanned_cell(looks, NAIVE, effect) for looks in LOOKS for effect in ("none", "planned")),
    raw_cell(14, OBF, "raw, 2% return"),
    raw_cell(14, POCOCK, "raw, 2% return"),
    raw_cell(14, OBF, "raw, 20% return"),
    raw_cell(28, OBF, REVENUE, fast=200),
    raw_cell(28, SEQUENCE, REVENUE),
    night_cell(5, OBF, (0.1, 0.1), 2000, fast=30),
    night_cell(5, OBF, (0.1, 0.14), 1000),
    night_cell(14, SEQUENCE, (0.005, 0.005), 300),
    night_cell(14, SEQUENCE, (0.1, 0.1), 1000),
    split_cell(14, (0.5, 0.5), 0.0, fast=500),
    split_cell(56, (0.5, 0.5), 0.0),
    split_cell(28, (0.95, 0.05), 0.0),
    split_cell(28, (0.4, 0.3, 0.3), 0.0),
    split_cell(28, (0.5, 0.5), 0.04),
)
