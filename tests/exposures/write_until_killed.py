"""Writes records until it is killed, and says of each that it is safe. Started by the tests.

Usage: write_until_killed.py KIND PATH PREFIX
"""

from __future__ import annotations

import itertools
import os
import sys

from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now, sqlite_sink


def main() -> None:
    kind, path, prefix = sys.argv[1:]
    sink = JsonLinesSink(path, max_bytes=8_000) if kind == "jsonl" else sqlite_sink(path)
    log = ExposureLog(sink)
    for number in itertools.count():
        unit = f"{prefix}-{number}"
        record = Exposure(
            unit=unit, experiment="winback", variant="coupon", reason="split", at=now()
        )
        if log.write(record):
            os.write(1, f"{unit}\n".encode())


main()
