"""Statsig: local mode with its configuration given, exposures not logged."""

import json

from statsig import StatsigOptions, StatsigUser, statsig


def rule(name, buckets):
    condition = {
        "type": "user_bucket",
        "targetValue": buckets,
        "operator": "any",
        "field": None,
        "additionalValues": {"salt": "winback"},
        "idType": "userID",
    }
    return {
        "name": name,
        "id": name,
        "salt": name,
        "passPercentage": 100,
        "conditions": [condition],
        "returnValue": {"variant": name},
        "idType": "userID",
        "isExperimentGroup": True,
    }


def specs():
    config = {
        "name": "winback",
        "type": "dynamic_config",
        "salt": "winback",
        "enabled": True,
        "defaultValue": {},
        "rules": [rule("control", list(range(500))), rule("coupon", list(range(500, 1000)))],
        "isDeviceBased": False,
        "idType": "userID",
        "entity": "experiment",
        "isActive": True,
    }
    return {
        "dynamic_configs": [config],
        "feature_gates": [],
        "layer_configs": [],
        "id_lists": {},
        "layers": {},
        "has_updates": True,
        "time": 1,
    }


def prepare():
    options = StatsigOptions(
        local_mode=True, bootstrap_values=json.dumps(specs()), disable_diagnostics=True
    )
    statsig.initialize("secret-none", options)

    def call(unit):
        user = StatsigUser(unit)
        return statsig.get_experiment_with_exposure_logging_disabled(user, "winback").value[
            "variant"
        ]

    return {"`get_experiment…()`": call}
