"""Optimizely: a client with its data file given; decide without sending an event."""

import json

from optimizely import optimizely
from optimizely.decision.optimizely_decide_option import OptimizelyDecideOption


def datafile():
    variations = [
        {"id": "11", "key": "control", "featureEnabled": True, "variables": []},
        {"id": "12", "key": "coupon", "featureEnabled": True, "variables": []},
    ]
    experiment = {
        "id": "1",
        "key": "winback",
        "status": "Running",
        "layerId": "2",
        "audienceIds": [],
        "forcedVariations": {},
        "variations": variations,
        "trafficAllocation": [
            {"entityId": "11", "endOfRange": 5000},
            {"entityId": "12", "endOfRange": 10000},
        ],
    }
    flag = {"id": "3", "key": "winback", "rolloutId": "", "experimentIds": ["1"], "variables": []}
    return {
        "version": "4",
        "revision": "1",
        "projectId": "4",
        "accountId": "5",
        "anonymizeIP": True,
        "botFiltering": False,
        "rollouts": [],
        "typedAudiences": [],
        "audiences": [],
        "attributes": [],
        "events": [],
        "groups": [],
        "variables": [],
        "experiments": [experiment],
        "featureFlags": [flag],
    }


def prepare():
    client = optimizely.Optimizely(json.dumps(datafile()))
    options = [OptimizelyDecideOption.DISABLE_DECISION_EVENT]

    def call(unit):
        return client.create_user_context(unit).decide("winback", options).variation_key

    return {"`decide()`": call}
