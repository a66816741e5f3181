"""The win-back example with the Python interface: marimo edit docs/examples/incentive_mix.py."""

import marimo

app = marimo.App()


@app.cell
def _():
    from pathlib import Path

    import marimo as mo

    from abtest import analyze

    folder = Path(__file__).resolve().parents[2] / "experiments" / "2026_01_winback_incentive_mix"
    return analyze, folder, mo


@app.cell
def _(mo):
    mo.md("""
    # Is a coupon enough, or does it take free shipping?

    Lapsed customers got nothing, 10% off, or 10% off and free shipping. The data are invented, and
    so the true effects are known: +11.5% for the coupon, +36.0% with free shipping.
    """)


@app.cell
def _(analyze, folder):
    result = analyze(folder / "experiment.yaml")
    result  # the whole report
    return (result,)


@app.cell
def _(mo):
    mo.md("""
    ## What was counted

    Customers with an override and customers who never bought before are not in it. Nobody is
    counted as lost whose 30 days are not over.
    """)


@app.cell
def _(result):
    frame = result.to_pandas()
    frame.loc[
        frame.role == "primary",
        ["variant", "n_assigned", "n_immature", "n_ineligible", "n", "value_control", "value"],
    ]
    return (frame,)


@app.cell
def _(mo):
    mo.md("""
    ## What it did

    One row per metric and variant; a lift of 0.29 is 29% more. Incentives bring orders, but smaller
    ones: people pay 10% less.
    """)


@app.cell
def _(frame):
    lifts = frame.pivot_table(index="metric", columns="variant", values="lift", sort=False)
    lifts.style.format("{:+.1%}")
    return (lifts,)


@app.cell
def _(mo):
    mo.md("""
    ## Does it pay?

    What a customer pays, less the goods, less what the incentive costs. Each line is per assigned
    customer, also those who did not redeem.
    """)


@app.cell
def _(result):
    decision = result.decision
    {
        "verdict": f"{decision.verdict} {decision.variant}",
        "worth in a year": decision.value,
        "between": (decision.value_ci_low, decision.value_ci_high),
        "lost on average if it is wrong": decision.regret,
        "worth of waiting": decision.value_of_waiting,
    }
    return (decision,)


@app.cell
def _(mo, decision):
    mo.md(f"**{decision.reason}**")


@app.cell
def _(mo):
    mo.md("""
    ## What if the prior were another one?

    The same data, read by somebody who expects nothing (flat), by the plan, and by a sceptic.
    """)


@app.cell
def _(result):
    import pandas as pd

    readings = pd.DataFrame([row for row in result.sensitivity if row["reading"] == "prior"])
    readings[["variant", "prior", "posterior_lift", "prob_beats_control", "expected_loss"]]
    return (readings,)


if __name__ == "__main__":
    app.run()
