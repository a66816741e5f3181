"""An experiment in Django: add `"django_middleware.WinbackMiddleware"` to MIDDLEWARE."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from abtest import assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now
from abtest.flags import Flag

FLAG = Flag.from_json(Path(os.environ["WINBACK_FLAGS"]).read_text(encoding="utf-8"))
LOG = ExposureLog(JsonLinesSink(os.environ["EXPOSURES"]))  # closed when the process ends


class WinbackMiddleware:
    """Gives each request `winback()`, which says what the customer's variant means."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # request.user.pk, as a rule. A header keeps the example short.
        customer = request.headers.get("x-customer-id")
        request.winback = lambda: _winback(customer)
        return self.get_response(request)


def _winback(customer: str | None) -> dict[str, Any]:
    """Asking is the exposure: a page that does not ask does not log."""
    if customer is None:
        return {}
    at = now()
    given = assign(FLAG.experiment, customer, at=at)
    LOG.put(Exposure.of(FLAG.experiment, customer, given, at=at))
    return FLAG.payload(given.variant)


def basket(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"discount_pct": request.winback().get("discount_pct", 0)})
