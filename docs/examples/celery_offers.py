"""An experiment in Celery: `celery -A celery_offers worker`, then `send_offer.delay("C000123")`."""

import os
from pathlib import Path

from celery import Celery, Task

from abtest import assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now
from abtest.flags import Flag

FLAG = Flag.from_json(Path(os.environ["WINBACK_FLAGS"]).read_text(encoding="utf-8"))
LOG = ExposureLog(JsonLinesSink(os.environ["EXPOSURES"]))  # several workers may share the file
app = Celery("offers", broker=os.environ.get("BROKER", "memory://"))


@app.task(bind=True, max_retries=8, acks_late=True)
def send_offer(self: Task, customer: str) -> int:
    """Send a customer what the variant means; says how many per cent were offered."""
    at = now()
    given = assign(FLAG.experiment, customer, at=at)
    exposure = Exposure.of(FLAG.experiment, customer, given, at=at)
    # `write` waits until the record is on the disk. Nothing is sent that is not logged.
    if exposure is not None and not LOG.write(exposure):
        raise self.retry(countdown=2**self.request.retries)
    discount = FLAG.payload(given.variant).get("discount_pct", 0)
    if discount:
        send_mail(customer, discount)
    return discount


def send_mail(customer: str, discount: int) -> None:
    """What sends your mails. It is told the customer's id, so that it can refuse a second one."""
    with Path(os.environ["OUTBOX"]).open("a", encoding="utf-8") as outbox:
        outbox.write(f"{customer},{discount}\n")
