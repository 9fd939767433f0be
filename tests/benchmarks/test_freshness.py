"""The benchmark of freshness: delays from times, the pace of a load, and folding by itself."""

import asyncio
import time
from collections import defaultdict
from itertools import chain, islice
from random import Random

import pytest
from aiokafka import ConsumerRecord

from app.apps import load, set_up
from app.core.fold import LearningState
from app.core.partitioning import partition_of
from app.serving.learning.follow import SLICE
from app.settings import read_settings
from app.streams.fraud.messages import read_example, read_feedback, read_transaction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode
from benchmarks.freshness import folding, system
from benchmarks.freshness.__main__ import arguments
from benchmarks.freshness.delays import freshness, quantiles
from benchmarks.freshness.load import Arrivals, Load, Scored, paced
from benchmarks.parts.world import World

NAMES = set_up(read_settings()).topics


class Recorder:
    """Stands where the producer is: keeps what was sent, by topic."""

    def __init__(self) -> None:
        self.sent = defaultdict(list)

    async def send(self, topic: str, value: bytes, key: bytes, partition: int) -> None:
        assert partition == partition_of(key.decode(), read_settings().partitions)
        self.sent[topic].append(value)


def test_freshness_is_that_of_looking_at_every_prediction(seed):
    random = Random(seed)
    times = sorted(random.random() for _ in range(200))
    scored = [
        Scored(at, max(0, place // 3 - random.randrange(9))) for place, at in enumerate(times)
    ]
    labels = {f"t{n}": random.random() for n in range(60)}
    examples = {tx: random.randrange(70) for tx in labels}
    newest = max(one.version for one in scored)
    examples |= {"t0": newest, "t1": newest - 1}  # never followed, and followed, with any seed
    plain = [
        next((one.at - at for one in scored if one.version > examples[tx]), None)
        for tx, at in labels.items()
    ]
    assert freshness(labels, examples, scored) == plain
    assert None in plain and any(delay is not None for delay in plain)


def test_quantiles_are_milliseconds_and_end_with_the_longest():
    p50, p99, p999, longest = quantiles([n / 1000 for n in range(1001)])
    assert (p50, p99, p999, longest) == pytest.approx((500, 990, 999, 1000))


async def test_a_pace_calls_so_often_and_takes_its_time():
    calls, begun = [], time.monotonic()

    async def call() -> None:
        calls.append(time.monotonic() - begun)

    await paced(400, 0.25, call)
    assert len(calls) == 100
    assert all(at >= number / 400 for number, at in enumerate(calls))
    await paced(0, 5.0, call)
    assert len(calls) == 100  # nothing was due


async def test_labels_are_those_of_what_was_decided_before_each_once():
    rows = chain.from_iterable(transactions(Traffic(seed=1)))
    known, producer = list(islice(rows, 30)), Recorder()
    load = Load(producer, read_settings(), rows, known)
    sent = await load.keep(rate=400, labels=200, seconds=0.1)
    paid = [read_transaction(value).id for value in producer.sent[NAMES.events]]
    said = [read_feedback(value) for value in producer.sent[NAMES.feedback]]
    assert paid == list(sent.transactions) and len(paid) == 40
    assert [one.id for one in said] == list(sent.labels) == [row.event.id for row in known[:20]]
    assert [one.label == "fraud" for one in said] == [bool(row.positive) for row in known[:20]]
    assert not set(paid) & {row.event.id for row in known}


class Records:
    """Stands where the observer is: gives records, then waits, or ends with an error."""

    def __init__(self, *given, error: Exception | None = None) -> None:
        self.given, self.error = given, error

    async def __aiter__(self):
        for one in self.given:
            yield one
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()


def record(offset: int, value: bytes) -> ConsumerRecord:
    return ConsumerRecord("p", 0, offset, 0, 0, None, value, None, 0, len(value), ())


async def test_arrivals_keep_the_first_prediction_and_the_example_of_each():
    world = World("fraud-full")
    rows = islice(chain.from_iterable(transactions(Traffic(seed=1))), 3)
    played = [world.play(row) for row in rows]
    decided = [
        record(place, encode(row.prediction)) for place, row in enumerate([*played, played[0]])
    ]
    learned = [folding.record(place, row.example) for place, row in enumerate(played)]
    paid = [record(place, row.raw) for place, row in enumerate(played)]
    given = (NAMES.events, paid), (NAMES.predictions, decided), (NAMES.examples, learned)
    arrivals = Arrivals(Records(*given), NAMES)
    while len(arrivals.examples) < 3:
        arrivals.check()
        await asyncio.sleep(0)
    await arrivals.stop()
    assert list(arrivals.transactions) == list(arrivals.predictions)
    assert list(arrivals.predictions) == [row.tx.id for row in played]
    assert [one.version for one in arrivals.scored] == [0, 1, 2, 0]
    assert arrivals.examples == {row.tx.id: place for place, row in enumerate(played)}


async def test_what_ends_the_listening_is_raised():
    arrivals = Arrivals(Records(error=ConnectionError("the broker left")), NAMES)
    with pytest.raises(ConnectionError, match="the broker left"):
        while True:
            arrivals.check()
            await asyncio.sleep(0)


def test_folding_is_measured_on_the_state_that_a_follower_folds():
    records = folding.examples(300)
    state: LearningState = load(read_settings()).new_state()
    for place, one in enumerate(records):
        state.fold(read_example(one.value), place)
    following = folding.follower()
    asyncio.run(following._fold(records))
    assert following.state.digest() == state.digest()


def test_a_slice_lasts_longer_than_an_example_and_not_much_longer_than_it_may():
    example, piece = folding.measure(600)
    assert example.number == 600 > piece.number > 1
    assert 0 < example.p50_us < piece.max_us
    assert piece.p50_us < SLICE * 1e6 + example.max_us


def test_every_column_is_a_field_of_its_rows():
    for part in (system, folding):
        assert {column.field for column in part.COLUMNS} == set(part.Row._fields)


@pytest.mark.parametrize(
    "given",
    [["--rate", "0"], ["--labels", "-1"], ["--seconds", "nan"], ["--examples", "0"]],
    ids=["rate", "labels", "seconds", "examples"],
)
def test_what_cannot_be_done_is_refused(given, capsys):
    with pytest.raises(SystemExit, match="2"):
        arguments(given)
    assert given[0] in capsys.readouterr().err
