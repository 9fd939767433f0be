"""Statistics of a learning state: merchants, and the weight of the rules."""

import msgspec
import pytest

from app.core.dump import Learned, Statistics
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules_weight import SEASONED, RulesWeight
from tests.streams.fraud.test_merchants import example

SUSPICIOUS = {"count_5m": 9.0}


class Models:
    """Models that have learned so much, and say so much."""

    def __init__(self, logit: float, learned: Learned = SEASONED) -> None:
        self.logit, self.learned = logit, learned

    def shared_logit(self, x: dict[str, float]) -> float:
        return self.logit

    def learned_by(self, partition: int, scope: str) -> Learned:
        return self.learned


def taught(*examples, models: Models | None = None) -> Knowledge:
    knowledge = Knowledge()
    statistics: Statistics = knowledge
    for each in examples:
        statistics.learn(each, models or Models(logit=1.0))
    return knowledge


def test_an_alert_that_the_rules_alone_raise_counts():
    rules = taught(example(1, x=SUSPICIOUS), example(0), models=Models(-1.0)).rules_weight
    assert (rules.alerts, rules.frauds) == (1.0, 1.0)


def test_an_alert_counts_once_whatever_its_label_weighs():
    weighs = msgspec.structs.replace(example(0, x=SUSPICIOUS), w=4.0)
    assert taught(weighs, models=Models(-1.0)).rules_weight.alerts == 1.0


def test_an_alert_of_both_says_nothing():
    assert taught(example(1, x=SUSPICIOUS), models=Models(0.5)).rules_weight == RulesWeight()


@pytest.mark.parametrize(
    "learned",
    [
        pytest.param(Learned(negatives=3, positives=500), id="hardly a legitimate one"),
        pytest.param(Learned(negatives=50_000, positives=50), id="few frauds"),
    ],
)
def test_no_alert_counts_before_the_model_is_seasoned(learned):
    """False alarms beside a model that knows little leave the rules what they were."""
    alarms = [example(0, x=SUSPICIOUS) for _ in range(50)]
    young = taught(*alarms, models=Models(-5.0, learned)).rules_weight
    assert young == RulesWeight()
    assert taught(*alarms, models=Models(-5.0)).rules_weight.weight == 0.0


def test_a_withdrawn_label_is_for_the_merchants_only():
    withdrawn = msgspec.structs.replace(example(None), x=SUSPICIOUS)
    assert taught(withdrawn, models=Models(-1.0)).rules_weight == RulesWeight()


def test_a_dump_comes_back_bit_by_bit():
    knowledge = taught(
        example(1, x=SUSPICIOUS),
        msgspec.structs.replace(example(0), merchant="m2"),
        models=Models(-1.0),
    )
    twin = Knowledge()
    twin.load(knowledge.parts())
    assert list(twin.parts()) == list(knowledge.parts())
