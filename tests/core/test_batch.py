"""A transaction is decided once and counted once, however often it comes."""

import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.batch import Batch, Decided, Stored
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.messages import Origin, Source
from app.core.threshold import Budget, Threshold
from app.streams.fraud.history.record import History
from app.streams.fraud.history.ring import Event
from app.streams.fraud.messages import Example, Transaction, read_prediction
from tests.cards import cards, with_own_models

LIMITS = {"history_events": 4, "history_replay": 2, "history_labels": 4}
START = 1_700_000_000_000


def small(**other: Any) -> Application:
    """Cards with short records."""
    return cards(**{"partitions": 2, **LIMITS, **other})


def transaction(number: int, tx: str = "") -> Transaction:
    chance = random.Random(number)
    return Transaction(
        id=tx or f"t{number}",
        at=START + number * 60_000,
        customer="c1",
        merchant=f"m{number % 3}",
        amount=round(chance.lognormvariate(3.0, 1.0), 2),
    )


class Customer:
    """What score keeps between steps: the record, and the decision of each id."""

    def __init__(self, application: Application, state: LearningState | None = None) -> None:
        self.application = application
        self.state = application.new_state() if state is None else state
        self.record: bytes | None = None
        self.stored: dict[str, Stored] = {}

    def pay(
        self,
        offset: int,
        tx: Transaction,
        degraded: bool = False,
        partition: int = 1,
        threshold: Threshold | None = None,
        origin: Source | None = None,
    ) -> Decided:
        """A step over this transaction alone."""
        stored, source = self.stored.get(tx.id), Source(partition, offset)
        record = self.application.open(self.record)
        batch = Batch(self.application, self.state, degraded)
        batch.add(tx, source, record, stored, threshold, origin)
        (decided,) = batch.decide()
        self.record = record.encode()
        if decided.fresh and (stored is None or stored.source >= offset):
            self.stored[tx.id] = Stored(offset, decided.raw)
        return decided


def events(customer: Customer) -> list[Event]:
    history: History = customer.application.open(customer.record)
    return history.events()


def learn_something(state: LearningState) -> None:
    """Change the models, so that a decision made now differs from one made before."""
    version = state.version
    state.fold(lesson({"amount": 20.0}, 1, Origin(1, 0, version)), version)


def lesson(x: dict[str, float], y: int, origin: Origin) -> Example:
    return Example(
        id=f"learned {origin.offset}",
        x=x,
        y=y,
        w=1.0,
        previous=None,
        score=0.5,
        version=0,
        merchant="m1",
        location="",
        at=START,
        known=START,
        origin=origin,
        end_of_step=True,
    )


def test_a_transaction_is_decided_and_counted():
    customer = Customer(small())
    answer = customer.pay(0, transaction(0))
    prediction = read_prediction(answer.raw)
    assert (prediction.id, prediction.source) == ("t0", Source(1, 0))
    assert answer.decision == prediction.decision
    assert answer.fresh is not None
    assert [event.offset for event in events(customer)] == [0]


def test_a_replay_repeats_decisions_byte_for_byte_and_leaves_the_record():
    customer = Customer(small())
    first = [customer.pay(n, transaction(n)).raw for n in range(12)]
    record = customer.record
    learn_something(customer.state)
    for n in range(6, 12):
        answer = customer.pay(n, transaction(n), degraded=True)
        assert (answer.raw, customer.record, answer.fresh) == (first[n], record, None)


def test_a_replay_whose_decision_was_lost_sees_the_same_history():
    """The record was in the changelog, the prediction was not in its log."""
    customer = Customer(small())
    first = [read_prediction(customer.pay(n, transaction(n)).raw) for n in range(12)]
    record = customer.record
    customer.stored.clear()
    for n in range(10, 12):  # LIMITS.replay of them
        answer = customer.pay(n, transaction(n))
        assert read_prediction(answer.raw) == first[n]
        assert customer.record == record


def test_a_replay_from_far_behind_without_its_decision_is_degraded():
    customer = Customer(small())
    for n in range(12):
        customer.pay(n, transaction(n))
    record = customer.record
    customer.stored.clear()
    answer = customer.pay(2, transaction(2))
    assert events(customer)[0].offset > 2
    assert answer.fresh.mode == "degraded"
    assert customer.record == record, "what has left the record is not inserted again"


@pytest.mark.parametrize("degraded", [False, True])
def test_the_mode_says_whether_the_learning_state_lags(degraded):
    answer = Customer(small()).pay(0, transaction(0), degraded)
    assert (answer.fresh.mode == "degraded") is degraded


def test_a_second_record_of_an_id_repeats_the_first_decision_and_does_not_count():
    customer = Customer(small())
    first = customer.pay(0, transaction(0))
    customer.pay(1, transaction(1))
    before = events(customer)
    learn_something(customer.state)
    answer = customer.pay(2, transaction(50, tx="t0"))
    assert (answer.raw, answer.decision, answer.fresh) == (first.raw, first.decision, None)
    assert events(customer) == before
    assert customer.pay(2, transaction(50, tx="t0")).raw == first.raw, "and so does its replay"


def test_a_second_record_whose_first_decision_is_unknown_is_degraded_and_does_not_count():
    customer = Customer(small())
    customer.pay(0, transaction(0))
    before = events(customer)
    customer.stored.clear()
    assert customer.pay(1, transaction(0)).fresh.mode == "degraded"
    assert events(customer) == before


def test_an_id_that_comes_again_after_it_has_left_counts_again_and_keeps_its_decision():
    customer = Customer(small())
    first = [customer.pay(n, transaction(n)).raw for n in range(12)]
    learn_something(customer.state)
    for _ in range(2):  # at first, and at a replay
        answer = customer.pay(12, transaction(12, tx="t0"))
        assert (answer.raw, answer.fresh) == (first[0], None)
        assert [event.offset for event in events(customer)][-2:] == [11, 12]


def test_an_id_that_left_long_ago_is_decided_anew_where_its_decision_is_not_known():
    customer = Customer(small())
    for n in range(12):
        customer.pay(n, transaction(n))
    del customer.stored["t0"]
    answer = customer.pay(12, transaction(12, tx="t0"))
    assert answer.fresh is not None and answer.fresh.mode != "degraded"
    assert customer.pay(12, transaction(12, tx="t0")).raw == answer.raw, "and stays so"


@pytest.mark.parametrize(("apart", "times"), [(1, 1), (35, 1), (36, 1), (37, 2), (100, 2)])
def test_what_is_sent_twice_counts_once_within_as_many_events_as_a_record_keeps(apart, times):
    """R + M are 24 + 12. Further apart it counts again, and keeps its decision all the same."""
    customer = Customer(cards(partitions=2))
    first = [customer.pay(n, transaction(n)).raw for n in range(apart)]
    assert [customer.pay(apart + n, transaction(n)).raw for n in range(apart)] == first
    history: History = customer.application.open(customer.record)
    assert history.before(2 * apart).count == times * apart


@settings(deadline=None, max_examples=60)
@given(
    ids=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    lost=st.sets(st.integers(0, 39), max_size=6),
)
def test_what_a_record_counts_does_not_depend_on_which_decisions_are_known(ids, lost):
    """A disk that is lost at any time takes the decisions with it."""
    judge = small()
    knows, forgets = Customer(judge), Customer(judge, judge.new_state())
    for n, tx in enumerate(ids):
        if n in lost:
            forgets.stored.clear()
        for customer in (knows, forgets):
            customer.pay(n, transaction(n, tx=f"t{tx}"))
        assert knows.record == forgets.record


def test_the_offsets_of_a_new_epoch_start_again():
    customer = Customer(small())
    for n in range(3):
        customer.pay(n, transaction(n))
    customer.application = small(epoch=2)
    answer = customer.pay(0, transaction(9))
    assert answer.fresh.features["amount"] == transaction(9).amount
    assert len(events(customer)) == 4


def test_a_second_record_does_not_count_at_a_replay_after_the_first_has_left():
    customer = Customer(small())
    customer.pay(0, transaction(0))
    customer.pay(1, transaction(0))
    for n in range(2, 8):
        customer.pay(n, transaction(n))
    record = customer.record
    assert events(customer)[0].offset == 2
    for n in range(1, 8):
        customer.pay(n, transaction(0 if n == 1 else n))
    assert customer.record == record


@settings(deadline=None, max_examples=60)
@given(
    ids=st.lists(st.integers(0, 7), min_size=1, max_size=30),
    crashes=st.lists(st.tuples(st.integers(0, 29), st.integers(1, 20)), max_size=4),
    limits=st.sampled_from([(4, 2, 4), (32, 16, 4), (1, 0, 1)]),
)
def test_whatever_is_replayed_each_id_keeps_its_decision_and_the_record_its_bytes(
    ids, crashes, limits
):
    """Also beyond what the record holds, as long as the decisions are known."""
    judge = small(**dict(zip(LIMITS, limits, strict=True)))
    state = judge.new_state()
    log = [transaction(n, tx=f"t{tx}") for n, tx in enumerate(ids)]
    undisturbed, again = Customer(judge, state), Customer(judge, state)
    decided: dict[str, bytes] = {}
    points = dict(crashes)
    for n, tx in enumerate(log):
        undisturbed.pay(n, tx)
        raw = again.pay(n, tx).raw
        assert decided.setdefault(tx.id, raw) == raw
        learn_something(state)
        for m in range(max(0, n + 1 - points.get(n, 0)), n + 1):
            assert again.pay(m, log[m]).raw == decided[log[m].id]
        assert again.record == undisturbed.record


class TestEnteredAgain:
    """Transactions that were sent to a foreign partition, and lay there at an origin."""

    def test_a_second_copy_does_not_count_however_far_apart_the_copies_are(self):
        customer = Customer(small())
        first = customer.pay(0, transaction(0), origin=Source(0, 70))
        for n in range(1, 100):
            customer.pay(n, transaction(n))
        before = events(customer)
        for _ in range(2):  # at first, and at a replay
            copy = customer.pay(100, transaction(0), origin=Source(0, 70))
            assert (copy.raw, copy.fresh, events(customer)) == (first.raw, None, before)

    def test_a_second_copy_whose_decision_is_unknown_is_degraded_and_moves_no_threshold(self):
        partition = Partition()
        for n in range(12):
            partition.pay(n, transaction(n), origin=Source(0, n))
        del partition.stored["t0"]
        before, kept = partition.threshold, events(partition)
        assert partition.pay(12, transaction(0), origin=Source(0, 0)).fresh.mode == "degraded"
        assert (partition.threshold, events(partition)) == (before, kept)

    def test_nor_does_a_second_copy_of_what_repeated_an_id_by_itself(self):
        customer = Customer(small())
        customer.pay(0, transaction(0), origin=Source(0, 70))
        customer.pay(1, transaction(0), origin=Source(0, 71))
        for n in range(2, 20):
            customer.pay(n, transaction(n))
        before = events(customer)
        customer.pay(20, transaction(0), origin=Source(0, 71))
        assert events(customer) == before

    def test_the_same_offset_of_another_partition_is_another_transaction(self):
        customer = Customer(small())
        customer.pay(0, transaction(0), origin=Source(0, 70))
        customer.pay(1, transaction(1), origin=Source(3, 70))
        assert [event.offset for event in events(customer)] == [0, 1]

    def test_the_offsets_of_origins_start_again_in_a_new_epoch(self):
        customer = Customer(small())
        customer.pay(0, transaction(0), origin=Source(0, 70))
        customer.application = small(epoch=2)
        customer.pay(0, transaction(1), origin=Source(0, 7))
        assert [event.offset for event in events(customer)] == [-1, 0]


# What the foreign partitions held, in their order, and when each is read from which place again.
crossings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(crossings, st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=4))
def test_each_transaction_of_a_foreign_partition_counts_once(crossings, crashes):
    """Three partitions are read in turns; a crash has one read a stretch once more."""
    logs: dict[int, list[int]] = {}
    log: list[tuple[int, Source]] = []
    for number, (partition, again) in enumerate(crossings):
        mine = logs.setdefault(partition, [])
        mine.append(number)
        start = max(0, len(mine) - 1 - (again if again > 6 else 0))
        log.extend((mine[at], Source(partition, at)) for at in range(start, len(mine)))
    undisturbed, again = (Customer(small()) for _ in range(2))
    points = dict(crashes)
    for offset, (number, origin) in enumerate(log):
        undisturbed.pay(offset, transaction(number), origin=origin)
        for at in [*range(max(0, offset - points.get(offset, 0)), offset), offset]:
            again.pay(at, transaction(log[at][0]), origin=log[at][1])
        assert again.record == undisturbed.record
    history: History = undisturbed.application.open(undisturbed.record)
    assert history.before(len(log)).count == len(crossings)


def test_an_id_that_another_customer_used_is_not_answered_with_that_ones_decision():
    theirs = Customer(small())
    theirs.pay(0, transaction(0, "t"))
    ours = Customer(theirs.application, theirs.state)
    ours.stored = theirs.stored
    mine = transaction(1, "t")
    mine.customer = "c2"
    for _ in range(2):  # at first, and at a replay
        assert read_prediction(ours.pay(1, mine).raw).key == "c2"
    assert len(events(ours)) == 1


LOW = Budget(alerts=1.0, start=0.01, floor=0.001, ceiling=0.9)  # what no rule hits is above


class Partition(Customer):
    """A customer in a partition with a budget, whose threshold is stored after each payment."""

    def __init__(self, **settings: float) -> None:
        super().__init__(replace(small(**settings), budget=LOW))
        self.stored_threshold: bytes | None = None

    def opened(self) -> Threshold:
        return Threshold.decode(self.stored_threshold, LOW, self.application.epoch)

    @property
    def threshold(self) -> float:
        return self.opened().score

    def pay(self, offset: int, tx: Transaction, degraded: bool = False, **more: Any) -> Decided:
        threshold = self.opened()
        decided = super().pay(offset, tx, degraded, threshold=threshold, **more)
        self.stored_threshold = threshold.encode()
        return decided


def test_a_decision_names_the_threshold_it_was_made_with_and_moves_it():
    partition = Partition()
    before = partition.threshold
    answer = partition.pay(0, transaction(0))
    assert (answer.decision, answer.fresh.threshold) == ("review", before)
    assert partition.threshold > before
    while answer.decision != "approve":
        answer = partition.pay(
            answer.fresh.source.offset + 1, transaction(1 + len(partition.stored))
        )
    assert answer.fresh.score < answer.fresh.threshold < partition.application.review


def test_what_is_blocked_is_an_alert_as_well():
    partition = Partition(review_threshold=0.005, block_threshold=0.005)
    before = partition.threshold
    assert partition.pay(0, transaction(0)).decision == "block"
    assert partition.threshold > before


def test_without_a_budget_a_decision_names_the_fixed_threshold():
    assert small(review_threshold=0.4).budget is None
    customer = Customer(small(review_threshold=0.4))
    assert customer.pay(0, transaction(0)).fresh.threshold == 0.4


@pytest.mark.parametrize("known", [True, False], ids=["decision known", "decision lost"])
def test_a_second_record_of_an_id_does_not_move_the_threshold(known: bool):
    partition = Partition()
    partition.pay(0, transaction(0))
    if not known:
        partition.stored.clear()
    before = partition.threshold
    partition.pay(1, transaction(0))
    assert partition.threshold == before


def test_an_id_that_comes_again_after_it_has_left_moves_the_threshold_only_if_decided_anew():
    partition = Partition()
    for n in range(12):
        partition.pay(n, transaction(n))
    before = partition.threshold
    partition.pay(12, transaction(12, tx="t0"))
    assert partition.threshold == before, "nobody has more to review"
    del partition.stored["t1"]
    assert partition.pay(13, transaction(13, tx="t1")).fresh
    assert partition.opened().seen_through == 13


@settings(deadline=None, max_examples=60)
@example(ids=[0] * 10 + [1, 2, 3, 4, 5, 6, 0], crashes={16: 17}, behind=True)
@given(
    ids=st.lists(st.integers(0, 7), min_size=1, max_size=30),
    crashes=st.dictionaries(st.integers(0, 29), st.integers(1, 20), max_size=4),
    behind=st.booleans(),
)
def test_whatever_is_replayed_the_threshold_is_as_without(ids, crashes, behind):
    """With the decisions known; `behind`: the threshold is that of where the replay begins."""
    log = [transaction(n, tx=f"t{tx}") for n, tx in enumerate(ids)]
    undisturbed, again = Partition(), Partition()
    past: list[bytes | None] = []
    for n, tx in enumerate(log):
        past.append(undisturbed.stored_threshold)
        assert undisturbed.pay(n, tx).raw == again.pay(n, tx).raw
        first = max(0, n + 1 - crashes.get(n, 0))
        if behind and first <= n:
            again.stored_threshold = past[first]
        for m in range(first, n + 1):
            again.pay(m, log[m])
        assert again.stored_threshold == undisturbed.stored_threshold


@settings(deadline=None)
@given(
    payments=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["c1", "c2", "c3"]), st.integers(0, 1)),
        min_size=1,
        max_size=60,
    ),
    learned=st.integers(0, 3),
    budget=st.booleans(),
)
def test_transactions_decided_together_are_decided_as_one_by_one(payments, learned, budget):
    """Ids come again, for the same customer and for another, within a batch."""
    limit = Budget(alerts=1.0, start=0.3, floor=0.001, ceiling=0.9) if budget else None
    application = replace(small(), budget=limit)
    one, many = (grown(application, learned) for _ in range(2))
    thresholds = [
        [Threshold.decode(None, limit, 1) if limit else None for _ in range(2)] for _ in range(2)
    ]
    stored: dict[str, Stored] = {}
    alone = {key: Customer(application, one) for key in ("c1", "c2", "c3")}
    histories = {key: application.open(None) for key in alone}
    batch, expected = Batch(application, many), []
    for offset, (number, key, partition) in enumerate(payments):
        tx = msgspec.structs.replace(transaction(number), customer=key)
        alone[key].stored = stored
        decided = alone[key].pay(
            offset, tx, partition=partition, threshold=thresholds[0][partition]
        )
        expected.append(decided.raw)
        batch.add(tx, Source(partition, offset), histories[key], None, thresholds[1][partition])
    assert [decided.raw for decided in batch.decide()] == expected
    assert batch.fresh == stored
    assert batch.decide() == [], "what was decided is not decided again"
    for key, customer in alone.items():
        assert histories[key].encode() == (customer.record or application.open(None).encode())
    if limit:
        assert [t.encode() for t in thresholds[0]] == [t.encode() for t in thresholds[1]]


def grown(application: Application, learned: int) -> LearningState:
    """A state whose models have learned so many hundred examples."""
    state = application.new_state()
    for offset in range(100 * learned):
        x = {"amount": float(offset % 7 * 30), "count_5m": float(offset % 5)}
        fraud = int(offset % 7 > 4)
        state.fold(lesson(x, fraud, Origin(1, offset % 2, offset)), offset)
    return state


@pytest.mark.parametrize(("scope", "own"), [("both", 0.25), ("shared", None), ("partition", None)])
def test_each_prediction_says_how_much_its_partitions_own_model_counted(scope, own):
    application = small(model_scope=scope)
    batch = Batch(application, with_own_models(application, 0.0, 0.25))
    for number, partition in enumerate((0, 1, 0)):
        batch.add(transaction(number), Source(partition, number), application.open(None))
    told = [msgspec.json.decode(decided.raw)["model"] for decided in batch.decide()]
    assert [model.get("own") for model in told] == [None, own, None]
