"""Eppo: a client with its configuration given, so that nothing is fetched."""

import json

import eppo_client
from eppo_client import AssignmentLogger, ClientConfig, Configuration

SHARD = {"totalShards": 10000}


def flags():
    def split(key, start, end):
        ranges = [{"start": start, "end": end}]
        return {"variationKey": key, "shards": [{"salt": "winback-split", "ranges": ranges}]}

    allocation = {
        "key": "all",
        "startAt": None,
        "endAt": None,
        "doLog": False,
        "splits": [split("control", 0, 5000), split("coupon", 5000, 10000)],
    }
    flag = {
        "key": "winback",
        "enabled": True,
        "variationType": "STRING",
        "variations": {name: {"key": name, "value": name} for name in ("control", "coupon")},
        "allocations": [allocation],
        **SHARD,
    }
    return {
        "createdAt": "2026-01-01T00:00:00Z",
        "format": "SERVER",
        "environment": {"name": "test"},
        "flags": {"winback": flag},
    }


class Quiet(AssignmentLogger):
    def log_assignment(self, event):
        pass


def prepare():
    configuration = Configuration(flags_configuration=json.dumps(flags()).encode())
    client = eppo_client.init(
        ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=Quiet(),
            initial_configuration=configuration,
            poll_interval_seconds=None,
        )
    )
    none = {}
    return {
        "`get_string_assignment()`": lambda unit: client.get_string_assignment(
            "winback", unit, none, "default"
        )
    }
