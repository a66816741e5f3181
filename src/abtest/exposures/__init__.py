"""What customers met and did, written down by the app that showed it: standard library only.

    sink = JsonLinesSink("exposures/winback.jsonl")
    log = ExposureLog(sink)
    log.put(Exposure.of(experiment, unit, assign(experiment, unit), at=now()))

``put`` never waits and never raises; ``write`` says whether the record is safely kept.
"""

from abtest.exposures.jsonl import JsonLinesSink, read_json_lines
from abtest.exposures.log import Counts, ExposureLog
from abtest.exposures.record import Event, Exposure, Record, now
from abtest.exposures.sink import Sink
from abtest.exposures.sql import SqlSink, sqlite_sink

__all__ = [
    "Counts",
    "Event",
    "Exposure",
    "ExposureLog",
    "JsonLinesSink",
    "Record",
    "Sink",
    "SqlSink",
    "now",
    "read_json_lines",
    "sqlite_sink",
]
