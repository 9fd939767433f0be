"""Statistics of a learning state: merchants, and the trial of rules and model."""

import msgspec
import pytest

from app.core.fold import Statistics
from app.fraud.knowledge import Knowledge
from app.fraud.trial import Trial
from tests.fraud.test_merchants import example

SUSPICIOUS = {"count_5m": 9.0}


def taught(*examples, logit: float = 1.0) -> Knowledge:
    knowledge = Knowledge()
    statistics: Statistics = knowledge
    for each in examples:
        statistics.learn(each, lambda x: logit)
    return knowledge


def test_both_are_judged_by_their_own_alerts():
    trial = taught(example(1, x=SUSPICIOUS), example(0), logit=-1.0).trial
    assert (trial.rules.alerts, trial.rules.frauds, trial.model.alerts) == (1.0, 1.0, 0.0)
    trial = taught(example(0), logit=0.5).trial
    assert (trial.model.alerts, trial.model.frauds, trial.rules.alerts) == (1.0, 0.0, 0.0)


def test_a_withdrawn_label_is_for_the_merchants_only():
    assert taught(example(None)).trial == Trial()


def test_a_trial_that_is_over_asks_for_no_score():
    knowledge = Knowledge()
    knowledge.trial.over = True
    knowledge.learn(example(1), lambda x: pytest.fail("asked for a score"))
    assert knowledge.merchants.view("m1", "FR", example(1).known).labels == 1.0


def test_a_dump_comes_back_bit_by_bit():
    knowledge = taught(example(1, x=SUSPICIOUS), msgspec.structs.replace(example(0), merchant="m2"))
    twin = Knowledge()
    twin.load(knowledge.parts())
    assert list(twin.parts()) == list(knowledge.parts())
