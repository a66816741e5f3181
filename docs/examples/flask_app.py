"""An experiment in Flask: `flask --app flask_app run`."""

import os
from pathlib import Path
from typing import Any

from flask import Flask, g, request

from abtest import assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now
from abtest.flags import Flag

FLAG = Flag.from_json(Path(os.environ["WINBACK_FLAGS"]).read_text(encoding="utf-8"))
LOG = ExposureLog(JsonLinesSink(os.environ["EXPOSURES"]))  # closed when the process ends
app = Flask(__name__)


@app.before_request
def who() -> None:
    # The session, the token: whatever says who this is. A header keeps the example short.
    g.customer = request.headers.get("x-customer-id")


def winback() -> dict[str, Any]:
    """What the customer's variant means; asking for it is the exposure."""
    if g.customer is None:
        return {}
    at = now()
    given = assign(FLAG.experiment, g.customer, at=at)
    LOG.put(Exposure.of(FLAG.experiment, g.customer, given, at=at))
    return FLAG.payload(given.variant)


@app.get("/basket")
def basket() -> dict[str, Any]:
    return {"discount_pct": winback().get("discount_pct", 0)}
