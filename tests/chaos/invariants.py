"""What must hold after any fault. Each yields a sentence for whatever does not."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from aiokafka import ConsumerRecord

from app.apps import load, set_up
from app.core import threshold
from app.core.batch import appraise
from app.core.hashing import hash64
from app.core.labels import decode_entry
from app.runtime import fence
from app.serving.waiting import PREFIX, Waiting, left_over
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.merchants import HEAD
from app.streams.fraud.messages import (
    LABELS,
    Example,
    Transaction,
    read_prediction,
)
from app.wire import encode
from tests.cards import take_in, threshold_of, usable
from tests.chaos.evidence import Evidence, latest
from tests.core.folding import fold_log

OTHER_TOPIC = {"customer_frauds_14d": 0.0}
END = 1 << 62  # above every offset
DAY, MONTH = 3, 5  # places of these windows in `Past.windows`


def every_transaction_is_decided_once(e: Evidence) -> Iterator[str]:
    """Each acknowledged transaction has a decision, none is invented, repeats have its bytes."""
    decisions, sent = e.decisions(), e.ids()
    yield from _named("lost: no decision on", sent - decisions.keys())
    yield from _named("invented: a decision on", decisions.keys() - sent)
    for record in e.predictions:
        tx = read_prediction(record.value).id
        if record.value != decisions[tx][0]:
            yield f"doubled: a second, different decision on {tx}"


def every_decision_can_be_computed_again(e: Evidence) -> Iterator[str]:
    """Score, decision and reasons follow from the stored features and the log, to the last bit."""
    log, application = e.log(), load(e.settings)
    state = application.new_state()
    decisions = [prediction for _, prediction in e.decisions().values()]
    for prediction in sorted(decisions, key=lambda p: p.model.version):
        version = prediction.model.version
        fold_log(state, log[state.version : version], version - 1)
        partition = prediction.source.partition
        x, review = prediction.features, prediction.threshold
        again = appraise(application, x, state, partition, review, prediction)
        stored = prediction.score, prediction.decision, encode(prediction.reasons)
        if (again.score, again.decision, encode(again.reasons)) != stored:
            yield f"differs: the decision on {prediction.id}, computed again"


def every_feature_follows_from_the_logs(e: Evidence) -> Iterator[str]:
    """The features as scored are those of the transactions log and of the version they name.

    All but the customer's own frauds: those come from another topic, at no fixed moment.
    """
    decisions, log, application = e.decisions(), e.log(), load(e.settings)
    state = application.new_state()
    histories: dict[str, History] = {}
    seen: list[tuple[int, Transaction, Past]] = []
    for record, tx in _usable(e):
        history = histories.setdefault(tx.customer, _history(e, None))
        prediction = decisions[tx.id][1] if tx.id in decisions else None
        if prediction is not None and prediction.source.offset == record.offset:
            seen.append((prediction.model.version, tx, history.before(record.offset)))
        take_in(history, record, tx, e.settings.partitions, e.settings.epoch)
    for version, tx, past in sorted(seen, key=lambda one: one[0]):
        fold_log(state, log[state.version : version], version - 1)
        stored, x = decisions[tx.id][1], application.look(tx, past, state.statistics)
        if stored.mode != "degraded" and {**stored.features, **OTHER_TOPIC} != {**x, **OTHER_TOPIC}:
            yield f"differs: the features of {tx.id}, computed again"


def flagged_transactions_are_in_review(e: Evidence) -> Iterator[str]:
    """The review topic holds the decisions that are no approvals, with the same bytes."""
    decisions = e.decisions()
    flagged = {tx for tx, (_, p) in decisions.items() if p.decision != "approve"}
    seen = set()
    for record in e.review:
        tx = read_prediction(record.value).id
        seen.add(tx)
        if tx not in decisions or record.value != decisions[tx][0]:
            yield f"differs: the review item of {tx}"
    yield from _named("lost: no review item of", flagged - seen)
    yield from _named("invented: a review item of", seen - flagged)


def customers_hold_the_closed_form(e: Evidence) -> Iterator[str]:
    """Counts, sums and windows of every customer, by arithmetic on the numbers alone."""
    records = {key.decode(): value for key, value in _customers(e)}
    for customer in range(min(e.load.customers, e.count)):
        name = e.load.customer(customer)
        raw = records.pop(name, None)
        past = _history(e, raw).before(END)
        windows = past.windows(past.last_at or 0)
        found = past.count, windows[MONTH], windows[DAY]
        count, total = e.load.totals(customer, e.count)
        wanted = count, (count, total), e.load.last_day(customer, e.count)
        if found != wanted:
            yield f"differs: customer {name} has {found}, not {wanted}"
    yield from _named("invented: customer", records)


def customers_equal_the_fold_of_the_log(e: Evidence) -> Iterator[str]:
    """Every customer's record, byte for byte, from the transactions and the examples."""
    histories: dict[str, History] = {}
    for record, tx in _usable(e):
        history = histories.setdefault(tx.customer, _history(e, None))
        take_in(history, record, tx, e.settings.partitions, e.settings.epoch)
    _, examples = e.folded()
    for example in sorted(examples, key=lambda example: example.origin):
        history = histories[e.load.customer(e.load.number(example.id))]
        history.learn_label(hash64(example.id), example.origin, example.known, example.y == 1)
    for key, raw in _customers(e):
        if histories[key.decode()].encode() != raw:
            yield f"differs: the record of customer {key.decode()}"


def labels_that_hold_are_the_true_ones(e: Evidence) -> Iterator[str]:
    """What holds of every transaction in the labels table; nothing waits any more."""
    entries = {key: raw for (_, key), raw in e.table("labels").items() if b"\0" not in key}
    for n in e.numbers:
        tx = e.load.transaction(n).id
        raw = entries.get(tx.encode())
        entry = decode_entry(raw, "")
        standing = LABELS.holds(entry)
        holds = None if standing is None else LABELS.teaches[standing.label]
        if holds != e.load.holds(n):
            yield f"lost: of {tx} {holds} holds, not {e.load.holds(n)}"
        if entry.waiting:
            yield f"lost: a label of {tx} still waits"
        said = Counter(revision.label_id for revision in entry.revisions)
        yield from _named(f"doubled: of {tx} the label", (x for x, k in said.items() if k > 1))


def every_label_is_learned_exactly_once(e: Evidence) -> Iterator[str]:
    """The examples that count tell of each change of what holds, once, and end with the truth."""
    _, examples = e.folded()
    taught: dict[str, list[Example]] = {}
    for example in examples:
        taught.setdefault(example.id, []).append(example)
    for n in e.numbers:
        tx = e.load.transaction(n).id
        lessons = taught.pop(tx, [])
        values = [lesson.y for lesson in lessons]
        if (values or [None])[-1] != e.load.holds(n):
            yield f"lost: {tx} was taught {values}, {e.load.holds(n)} holds"
        before = [None, *values][: len(values)]
        previous = [None if x.previous is None else x.previous.label for x in lessons]
        if previous != before or any(a == b for a, b in zip(values, before, strict=True)):
            yield f"doubled: {tx} was taught {values} instead of {previous}"
    yield from _named("invented: something was taught of", taught)


def merchants_hold_the_closed_form(e: Evidence) -> Iterator[str]:
    """Labels and frauds of every merchant, by arithmetic on the numbers alone."""
    state, _ = e.folded()
    merchants = state.statistics.merchants
    wanted = e.load.merchant_labels(e.count)
    for n in range(e.load.merchants):
        name = e.load.merchant(n)
        place = merchants._merchants.find(hash64(name))
        _, labels, frauds, *_ = (0, 0, 0) if place is None else HEAD.unpack_from(*place)
        if (labels, frauds) != wanted.get(name, (0, 0)):
            yield f"differs: merchant {name} has {labels, frauds}, not {wanted.get(name)}"


def learning_states_equal_the_fold(e: Evidence) -> Iterator[str]:
    """Every worker's whole learning state, byte for byte, at the version where it stopped."""
    log = e.log()
    for worker, told in e.learned.items():
        state = load(e.settings).new_state()
        if told["version"]:
            fold_log(state, log, told["version"] - 1)
        if state.digest() != told["digest"]:
            yield f"differs: the learning state of {worker} at version {told['version']}"
        if told["version"] != len(log):
            yield f"lost: {worker} stopped at version {told['version']} of {len(log)}"


def changelogs_never_go_back(e: Evidence) -> Iterator[str]:
    """No key gets an older value than it had: no zombie has written."""
    seen: dict[tuple[int, bytes], int] = {}
    application = load(e.settings)
    for record in e.changelogs["customers"]:
        key = record.partition, record.key
        if record.key == fence.KEY:
            continue
        if record.key == threshold.KEY:
            name, stored = "the threshold", threshold_of(application, record.value)
        else:
            name, stored = f"customer {record.key.decode()}", _history(e, record.value)
        if stored is None:
            yield f"invented: {name} of partition {record.partition} without a budget"
            continue
        through = stored.seen_through
        if through < seen.get(key, -1):
            yield f"differs: {name} goes back at {record.offset}"
        seen[key] = max(through, seen.get(key, -1))
    seen.clear()
    for record in e.changelogs["labels"]:
        if record.value is None or b"\0" in record.key:
            continue
        key = record.partition, record.key
        through = max(r.origin.offset for r in decode_entry(record.value, "").revisions)
        if through < seen.get(key, -1):
            yield f"differs: the labels of {record.key.decode()} go back at {record.offset}"
        seen[key] = max(through, seen.get(key, -1))


def local_stores_agree_with_their_changelogs(e: Evidence) -> Iterator[str]:
    """What lies on a disk, and the changelog behind its offset, give the table."""
    for store in e.stores:
        records = [r for r in e.changelogs[store.table] if r.partition == store.partition]
        held = {(store.partition, key): value for key, value in store.items.items()}
        tail = latest((r for r in records if r.offset > store.offset), into=held)
        if store.table == "labels":
            _take_off(tail, store.partition)
        wanted = latest(records)
        if others := [key for key in tail.keys() | wanted if tail.get(key) != wanted.get(key)]:
            yield (
                f"differs: {store.table}[{store.partition}] on the disk of {store.worker}, "
                f"at {store.offset}: {len(others)} keys, as {min(others)[1]!r}"
            )


def dead_letters_are_the_poison(e: Evidence) -> Iterator[str]:
    """Each record that nobody can use is a dead letter, and no other is."""
    found = set()
    for record in e.letters:
        told = dict(record.headers)
        place = int(told["partition"]), int(told["offset"])
        found.add((told["topic"].decode(), *place))
    yield from _named("lost: no dead letter of", e.poison - found)
    yield from _named("invented: a dead letter of", found - e.poison)


INVARIANTS: tuple[Callable[[Evidence], Iterable[str]], ...] = (
    every_transaction_is_decided_once,
    every_decision_can_be_computed_again,
    every_feature_follows_from_the_logs,
    flagged_transactions_are_in_review,
    customers_hold_the_closed_form,
    customers_equal_the_fold_of_the_log,
    labels_that_hold_are_the_true_ones,
    every_label_is_learned_exactly_once,
    merchants_hold_the_closed_form,
    learning_states_equal_the_fold,
    changelogs_never_go_back,
    local_stores_agree_with_their_changelogs,
    dead_letters_are_the_poison,
)


def _usable(e: Evidence) -> Iterator[tuple[ConsumerRecord, Transaction]]:
    """The transactions that are not poison, partition by partition in log order.

    What was sent to a wrong partition is there as its copies on the right one.
    """
    topic = set_up(e.settings).topics.events
    good = (r for r in e.transactions if (topic, r.partition, r.offset) not in e.poison)
    return usable(good, e.settings.partitions)


def _take_off(items: dict[tuple[int, bytes], bytes], partition: int) -> None:
    """What a worker does with its labels before it works with them."""
    waiting = [Waiting.read(key) for _, key in items if key.startswith(PREFIX)]
    for one in left_over(waiting, lambda tx: items.get((partition, tx))):
        del items[partition, one.key]


def _customers(e: Evidence) -> Iterator[tuple[bytes, bytes]]:
    """The customers' records, without the thresholds beside them."""
    table = e.table("customers")
    return ((key, raw) for (_, key), raw in table.items() if key != threshold.KEY)


def _history(e: Evidence, raw: bytes | None) -> History:
    s = e.settings
    limits = Limits(s.history_events, s.history_replay, s.history_labels)
    return History.decode(raw, s.epoch, limits)


def _named(what: str, things: Iterable[object]) -> Iterator[str]:
    return (f"{what} {thing}" for thing in sorted(things, key=str))
