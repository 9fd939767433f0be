"""Statistics of a learning state: merchants, and the weight of the rules."""

import msgspec

from app.core.dump import Learned, Statistics
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules_weight import GROWN, RulesWeight
from tests.streams.fraud.test_merchants import example

SUSPICIOUS = {"count_5m": 9.0}


class Models:
    """Models that have learned so much, and say so much."""

    def __init__(self, logit: float, learned: Learned = GROWN["shared"]) -> None:
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


def test_a_label_of_an_alert_is_one_however_many_events_it_stands_for():
    heavy = msgspec.structs.replace(example(0), x=SUSPICIOUS, w=64.0)
    assert taught(heavy, models=Models(-1.0)).rules_weight.alerts == 1.0


def test_an_alert_of_both_says_nothing():
    assert taught(example(1, x=SUSPICIOUS), models=Models(0.5)).rules_weight == RulesWeight()


def test_no_alert_counts_before_the_model_has_grown():
    one_sided = Models(logit=-5.0, learned=Learned(negatives=3, positives=500))
    assert taught(example(1, x=SUSPICIOUS), models=one_sided).rules_weight == RulesWeight()


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
