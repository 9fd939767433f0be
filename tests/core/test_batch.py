"""A transaction is decided once and counted once, however often it comes."""

import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.batch import Account, Answer, Decided, Sitting
from app.core.fold import LearningState
from app.core.threshold import Budget
from app.messages import Example, Origin, Source, Transaction, read_prediction
from app.streams.fraud.decision import Policy
from app.streams.fraud.features import GRIDS
from app.streams.fraud.history.record import Event, History, Limits
from app.streams.fraud.knowledge import Knowledge

LIMITS = Limits(events=4, replay=2, labels=4)
POLICY = Policy("binned", "both", review=0.5, block=0.9, engine="e1")
START = 1_700_000_000_000


def account() -> Account:
    return Account(LearningState("binned", 2, GRIDS, Knowledge()), POLICY, LIMITS, epoch=1)


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

    def __init__(self, account: Account) -> None:
        self.account = account
        self.record: bytes | None = None
        self.stored: dict[str, Decided] = {}

    def pay(self, offset: int, tx: Transaction, degraded: bool = False) -> Answer:
        stored = self.stored.get(tx.id)
        answer = self.account.decide(tx, Source(1, offset), self.record, stored, degraded)
        self.record = answer.history
        if answer.fresh and (stored is None or stored.source >= offset):
            self.stored[tx.id] = Decided(offset, answer.raw)
        return answer


def events(customer: Customer) -> list[Event]:
    return History.decode(customer.record, customer.account.epoch, LIMITS).events()


def learn_something(account: Account) -> None:
    """Change the models, so that a decision made now differs from one made before."""
    version = account.state.version
    account.state.fold(lesson({"amount": 20.0}, 1, Origin(1, 0, version)), version)


def lesson(x: dict[str, float], y: int, origin: Origin) -> Example:
    return Example(
        tx=f"learned {origin.offset}",
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
    customer = Customer(account())
    answer = customer.pay(0, transaction(0))
    prediction = read_prediction(answer.raw)
    assert (prediction.id, prediction.source) == ("t0", Source(1, 0))
    assert answer.decision == prediction.decision
    assert answer.fresh is not None
    assert [event.offset for event in events(customer)] == [0]


def test_a_replay_repeats_decisions_byte_for_byte_and_leaves_the_record():
    customer = Customer(account())
    first = [customer.pay(n, transaction(n)).raw for n in range(12)]
    record = customer.record
    learn_something(customer.account)
    for n in range(6, 12):
        answer = customer.pay(n, transaction(n), degraded=True)
        assert (answer.raw, answer.history, answer.fresh) == (first[n], record, None)


def test_a_replay_whose_decision_was_lost_sees_the_same_history():
    """The record was in the changelog, the prediction was not in its log."""
    customer = Customer(account())
    first = [read_prediction(customer.pay(n, transaction(n)).raw) for n in range(12)]
    record = customer.record
    customer.stored.clear()
    for n in range(10, 12):  # LIMITS.replay of them
        answer = customer.pay(n, transaction(n))
        assert read_prediction(answer.raw) == first[n]
        assert answer.history == record


def test_a_replay_from_far_behind_without_its_decision_is_degraded():
    customer = Customer(account())
    for n in range(12):
        customer.pay(n, transaction(n))
    record = customer.record
    customer.stored.clear()
    answer = customer.pay(2, transaction(2))
    assert events(customer)[0].offset > 2
    assert answer.fresh.mode == "degraded"
    assert answer.history == record, "what has left the record is not inserted again"


@pytest.mark.parametrize("degraded", [False, True])
def test_the_mode_says_whether_the_learning_state_lags(degraded):
    answer = Customer(account()).pay(0, transaction(0), degraded)
    assert (answer.fresh.mode == "degraded") is degraded


def test_a_second_record_of_an_id_repeats_the_first_decision_and_does_not_count():
    customer = Customer(account())
    first = customer.pay(0, transaction(0))
    customer.pay(1, transaction(1))
    before = events(customer)
    learn_something(customer.account)
    answer = customer.pay(2, transaction(50, tx="t0"))
    assert (answer.raw, answer.decision, answer.fresh) == (first.raw, first.decision, None)
    assert events(customer) == before
    assert customer.pay(2, transaction(50, tx="t0")).raw == first.raw, "and so does its replay"


def test_a_second_record_whose_first_decision_is_unknown_is_degraded_and_does_not_count():
    customer = Customer(account())
    customer.pay(0, transaction(0))
    before = events(customer)
    customer.stored.clear()
    assert customer.pay(1, transaction(0)).fresh.mode == "degraded"
    assert events(customer) == before


def test_an_id_that_comes_again_after_it_has_left_counts_again_and_keeps_its_decision():
    customer = Customer(account())
    first = [customer.pay(n, transaction(n)).raw for n in range(12)]
    learn_something(customer.account)
    for _ in range(2):  # at first, and at a replay
        answer = customer.pay(12, transaction(12, tx="t0"))
        assert (answer.raw, answer.fresh) == (first[0], None)
        assert [event.offset for event in events(customer)][-2:] == [11, 12]


def test_an_id_that_left_long_ago_is_decided_anew_where_its_decision_is_not_known():
    customer = Customer(account())
    for n in range(12):
        customer.pay(n, transaction(n))
    del customer.stored["t0"]
    answer = customer.pay(12, transaction(12, tx="t0"))
    assert answer.fresh is not None and answer.fresh.mode != "degraded"
    assert customer.pay(12, transaction(12, tx="t0")).raw == answer.raw, "and stays so"


def test_the_offsets_of_a_new_epoch_start_again():
    customer = Customer(account())
    for n in range(3):
        customer.pay(n, transaction(n))
    customer.account = customer.account._replace(epoch=2)
    answer = customer.pay(0, transaction(9))
    assert answer.fresh.features["amount"] == transaction(9).amount
    assert len(events(customer)) == 4


def test_a_second_record_does_not_count_at_a_replay_after_the_first_has_left():
    customer = Customer(account())
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
    limits=st.sampled_from([LIMITS, Limits(events=32, replay=16, labels=4), Limits(1, 0, 1)]),
)
def test_whatever_is_replayed_each_id_keeps_its_decision_and_the_record_its_bytes(
    ids, crashes, limits
):
    """Also beyond what the record holds, as long as the decisions are known."""
    judge = account()._replace(limits=limits)
    log = [transaction(n, tx=f"t{tx}") for n, tx in enumerate(ids)]
    undisturbed, again = Customer(judge), Customer(judge)
    decided: dict[str, bytes] = {}
    points = dict(crashes)
    for n, tx in enumerate(log):
        undisturbed.pay(n, tx)
        raw = again.pay(n, tx).raw
        assert decided.setdefault(tx.id, raw) == raw
        learn_something(judge)
        for m in range(max(0, n + 1 - points.get(n, 0)), n + 1):
            assert again.pay(m, log[m]).raw == decided[log[m].id]
        assert again.record == undisturbed.record


def test_an_id_that_another_customer_used_is_not_answered_with_that_ones_decision():
    judge = account()
    theirs = Customer(judge)
    theirs.pay(0, transaction(0, "t"))
    ours = Customer(judge)
    ours.stored = theirs.stored
    mine = transaction(1, "t")
    mine.customer = "c2"
    for _ in range(2):  # at first, and at a replay
        assert read_prediction(ours.pay(1, mine).raw).customer == "c2"
    assert len(events(ours)) == 1


class Partition(Customer):
    """A customer in a partition with a budget, whose threshold is stored after each payment."""

    def __init__(self) -> None:
        low = Budget(alerts=1.0, start=0.01, floor=0.001, ceiling=0.9)  # what no rule hits is above
        super().__init__(account()._replace(budget=low))
        self.stored_threshold: bytes | None = None

    @property
    def threshold(self) -> float:
        return self.account.threshold(self.stored_threshold).score

    def pay(self, offset: int, tx: Transaction, degraded: bool = False) -> Answer:
        threshold = self.account.threshold(self.stored_threshold)
        stored, source = self.stored.get(tx.id), Source(1, offset)
        answer = self.account.decide(tx, source, self.record, stored, degraded, threshold)
        self.record, self.stored_threshold = answer.history, threshold.encode()
        if answer.fresh and (stored is None or stored.source >= offset):
            self.stored[tx.id] = Decided(offset, answer.raw)
        return answer


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
    assert answer.fresh.score < answer.fresh.threshold < POLICY.review


def test_what_is_blocked_is_an_alert_as_well():
    partition = Partition()
    partition.account = partition.account._replace(policy=POLICY._replace(block=0.005))
    before = partition.threshold
    assert partition.pay(0, transaction(0)).decision == "block"
    assert partition.threshold > before


def test_without_a_budget_a_decision_names_the_fixed_threshold():
    assert Customer(account()).pay(0, transaction(0)).fresh.threshold == POLICY.review
    assert account().threshold(None) is None


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
    assert partition.account.threshold(partition.stored_threshold).seen_through == 13


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
    """Ids come again, for the same customer and for another, within a sitting."""
    limit = Budget(alerts=1.0, start=0.3, floor=0.001, ceiling=0.9) if budget else None
    one, many = (grown_account(learned)._replace(budget=limit) for _ in range(2))
    thresholds = [[account.threshold(None) for _ in range(2)] for account in (one, many)]
    stored: dict[str, Decided] = {}
    records: dict[str, bytes] = {}
    histories = {customer: History(1, LIMITS) for customer in ("c1", "c2", "c3")}
    sitting, expected = Sitting(many), []
    for offset, (number, customer, partition) in enumerate(payments):
        tx = msgspec.structs.replace(transaction(number), customer=customer)
        known, source = stored.get(tx.id), Source(partition, offset)
        answer = one.decide(
            tx, source, records.get(customer), known, threshold=thresholds[0][partition]
        )
        records[customer] = answer.history
        if answer.fresh and (known is None or known.source >= offset):
            stored[tx.id] = Decided(offset, answer.raw)
        expected.append(answer.raw)
        sitting.hear(tx, source, histories[customer], None, thresholds[1][partition])
    answers = sitting.decide()
    assert [answer.raw for answer in answers] == expected
    assert sitting.fresh == stored
    assert {name: histories[name].encode() for name in records} == records
    if budget:
        assert [t.encode() for t in thresholds[0]] == [t.encode() for t in thresholds[1]]


def grown_account(learned: int) -> Account:
    """An account whose models have learned so many hundred examples and count in full."""
    one = account()
    for offset in range(100 * learned):
        x = {"amount": float(offset % 7 * 30), "count_5m": float(offset % 5)}
        fraud = int(offset % 7 > 4)
        origin = Origin(1, offset % 2, offset)
        one.state.fold(lesson(x, fraud, origin), offset)
    return one
