"""An experiment in FastAPI: `uvicorn fastapi_app:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request

from abtest import assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now
from abtest.flags import Flag

FLAG = Flag.from_json(Path(os.environ["WINBACK_FLAGS"]).read_text(encoding="utf-8"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.exposures = ExposureLog(JsonLinesSink(os.environ["EXPOSURES"]))
    yield
    app.state.exposures.close()  # waits until what was logged is written


app = FastAPI(lifespan=lifespan)


def winback(request: Request) -> dict[str, Any]:
    """What the customer's variant means; asking for it is the exposure."""
    # The session, the token: whatever says who this is. A header keeps the example short.
    customer = request.headers.get("x-customer-id")
    if customer is None:
        return {}
    at = now()
    given = assign(FLAG.experiment, customer, at=at)
    request.app.state.exposures.put(Exposure.of(FLAG.experiment, customer, given, at=at))
    return FLAG.payload(given.variant)


@app.get("/basket")
def basket(offer: Annotated[dict[str, Any], Depends(winback)]) -> dict[str, Any]:
    return {"discount_pct": offer.get("discount_pct", 0)}
