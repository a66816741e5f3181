"""A cron job that sends offers: `5 8 * * * python nightly_offers.py FLAGS CUSTOMERS OUTBOX LOG`.

It may be started again after a crash: a customer whose exposure is in the log got the mail.
"""

import csv
import sys
from pathlib import Path

from abtest import assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now, read_json_lines
from abtest.flags import Flag


def main(flags: str, customers: str, outbox: str, exposures: str) -> None:
    flag = Flag.from_json(Path(flags).read_text(encoding="utf-8"))
    sink = JsonLinesSink(exposures)
    done = {record.unit for record in read_json_lines(sink.files()).records}
    log = ExposureLog(sink)
    with (
        Path(customers).open(newline="", encoding="utf-8") as rows,
        Path(outbox).open("a", encoding="utf-8") as mails,
    ):
        for row in csv.DictReader(rows):
            customer, at = row[flag.unit], now()
            given = assign(flag.experiment, customer, at=at)
            exposure = Exposure.of(flag.experiment, customer, given, at=at)
            if exposure is None or customer in done:
                continue
            # `write` waits until the record is on the disk, and only then does the mail go out.
            if not log.write(exposure):
                sys.exit("the exposures cannot be written; nothing more is sent")
            offer = flag.payload(given.variant)
            if offer:  # control gets no mail, but is logged like everybody else
                mails.write(f"{customer},{offer['discount_pct']}\n")
    log.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
