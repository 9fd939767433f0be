"""The invariants hold of a perfect run, and see each thing that a fault could do to one."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace

import msgspec
import pytest

from app.apps import load
from app.core import threshold
from app.core.hashing import hash64
from app.settings import Settings
from app.streams.fraud.messages import read_example, read_prediction
from app.wire import encode
from tests.chaos.evidence import Evidence
from tests.chaos.ideal import Ideal
from tests.chaos.invariants import INVARIANTS
from tests.chaos.load import LATEST, Load

COUNT = 900


@pytest.fixture(scope="module")
def perfect() -> Evidence:
    load = Load(seed=7, customers=20, merchants=60)
    settings = Settings(partitions=3, review_threshold=0.01, review_budget=4.0)
    return Ideal(load, settings).play(COUNT)


@pytest.fixture
def evidence(perfect: Evidence) -> Evidence:
    return deepcopy(perfect)


def violations(e: Evidence) -> Iterator[str]:
    for invariant in INVARIANTS:
        yield from invariant(e)


def test_a_perfect_run_violates_nothing(perfect: Evidence):
    assert list(violations(perfect)) == []
    assert len(perfect.predictions) == COUNT > LATEST
    assert perfect.review, "no decision was a review: that invariant would say nothing"
    assert any(revision.y is None for _, revision in perfect.log()), "nothing was withdrawn"


def lose_a_decision(e: Evidence) -> str:
    return f"lost: no decision on {read_prediction(e.predictions.pop(100).value).id}"


def invent_a_decision(e: Evidence) -> str:
    forged = read_prediction(e.predictions[100].value)
    forged.id = "t7-999999"
    e.predictions.append(with_value(e.predictions[100], encode(forged)))
    return "invented: a decision on t7-999999"


def decide_twice(e: Evidence) -> str:
    forged = read_prediction(e.predictions[100].value)
    forged.score /= 2
    e.predictions.append(with_value(e.predictions[100], encode(forged)))
    return f"doubled: a second, different decision on {forged.id}"


def move_a_score_by_one_bit(e: Evidence) -> str:
    forged = read_prediction(e.predictions[100].value)
    forged.score += 2**-52
    e.predictions[100] = with_value(e.predictions[100], encode(forged))
    return f"differs: the decision on {forged.id}, computed again"


def see_another_past(e: Evidence) -> str:
    forged = read_prediction(e.predictions[100].value)
    forged.features["count_30d"] += 1
    e.predictions[100] = with_value(e.predictions[100], encode(forged))
    return f"differs: the features of {forged.id}, computed again"


def lose_a_review_item(e: Evidence) -> str:
    return f"lost: no review item of {read_prediction(e.review.pop().value).id}"


def lose_a_customers_update(e: Evidence) -> str:
    records = e.changelogs["customers"]
    last = max(n for n, r in enumerate(records) if r.key == records[-1].key)
    first = next(n for n, r in enumerate(records) if r.key == records[-1].key)
    records[last] = with_value(records[last], records[first].value)
    return f"differs: customer {records[-1].key.decode()} has"


def count_a_copy_twice(e: Evidence) -> str:
    """As one would that knows its events by their ids alone."""
    records = e.changelogs["customers"]
    n = next(n for n in reversed(e.numbers) if e.load.astray(n))
    name, tx = e.load.customer(n), e.load.transaction(n)
    last = max(place for place, r in enumerate(records) if r.key == name.encode())
    history = load(e.settings).open(records[last].value)
    history.count(tx, hash64(tx.id), history.seen_through + 1)
    records[last] = with_value(records[last], history.encode())
    return f"differs: customer {name} has"


def let_a_customer_go_back(e: Evidence) -> str:
    records = e.changelogs["customers"]
    old = next(r for r in records if r.key == records[-1].key)
    records.insert(len(records) - 1, old)
    return f"differs: customer {old.key.decode()} goes back at {old.offset}"


def let_a_threshold_go_back(e: Evidence) -> str:
    records = e.changelogs["customers"]
    places = [place for place, record in enumerate(records) if record.key == threshold.KEY]
    records.append(records[places[0]])
    return f"differs: the threshold goes back at {records[-1].offset}"


def change_a_byte_of_a_record(e: Evidence) -> str:
    records = e.changelogs["customers"]
    value = bytearray(records[-1].value)
    value[40] ^= 1
    records[-1] = with_value(records[-1], bytes(value))
    return f"differs: the record of customer {records[-1].key.decode()}"


def lose_a_label(e: Evidence) -> str:
    records = e.changelogs["labels"]
    tx = next(e.load.transaction(n).id for n in e.numbers if e.load.holds(n) is not None)
    e.changelogs["labels"] = [record for record in records if record.key != tx.encode()]
    return f"lost: of {tx} None holds"


def lose_an_example(e: Evidence) -> str:
    lost = read_example(e.examples.pop().value)
    return f"lost: {lost.id} was taught"


def teach_twice(e: Evidence) -> str:
    again = read_example(e.examples[-1].value)
    again.origin = msgspec.structs.replace(again.origin, offset=again.origin.offset + 1000)
    e.examples.append(with_value(e.examples[-1], encode(again), e.examples[-1].offset + 1))
    return f"doubled: {again.id} was taught"


def learn_something_else(e: Evidence) -> str:
    e.learned["worker-0"]["digest"] = "0" * 64
    return "differs: the learning state of worker-0"


def stop_early(e: Evidence) -> str:
    e.learned["worker-0"]["version"] -= 1
    return "lost: worker-0 stopped at version"


def lose_a_key_on_a_disk(e: Evidence) -> str:
    store = e.stores[0]
    store.items.pop(next(iter(store.items)))
    return f"differs: customers[{store.partition}] on the disk of worker-0"


def refuse_what_was_good(e: Evidence) -> str:
    refused = e.letters[-1]
    e.letters.append(replace(refused, headers=(*refused.headers[:2], ("offset", b"999999"))))
    return "invented: a dead letter of"


def lose_a_dead_letter(e: Evidence) -> str:
    e.letters.pop()
    return "lost: no dead letter of"


@pytest.mark.parametrize(
    "harm",
    [
        lose_a_decision,
        invent_a_decision,
        decide_twice,
        move_a_score_by_one_bit,
        see_another_past,
        lose_a_review_item,
        lose_a_customers_update,
        count_a_copy_twice,
        let_a_customer_go_back,
        let_a_threshold_go_back,
        change_a_byte_of_a_record,
        lose_a_label,
        lose_an_example,
        teach_twice,
        learn_something_else,
        stop_early,
        lose_a_key_on_a_disk,
        lose_a_dead_letter,
        refuse_what_was_good,
    ],
)
def test_what_a_fault_could_do_is_seen(evidence: Evidence, harm: Callable[[Evidence], str]):
    expected = harm(evidence)
    found = list(violations(evidence))
    assert any(sentence.startswith(expected) for sentence in found), found


def with_value(record, value: bytes, offset: int | None = None):
    return replace(record, value=value, offset=record.offset if offset is None else offset)
