"""GrowthBook: one client, the user set before each call, as a web app does."""

from growthbook import Experiment, GrowthBook


def prepare():
    client = GrowthBook()
    experiment = Experiment(key="winback", variations=["control", "coupon"], hashVersion=2)

    def call(unit):
        client.set_attributes({"id": unit})
        return client.run(experiment).value

    return {"`run()`": call}
