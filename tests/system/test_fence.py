"""Whoever has taken a partition last is the only one that writes it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime import fence
from app.runtime.fence import Fence
from app.runtime.guard import Exit, leave
from app.runtime.writer import SEQUENCES, Claim, Out, Writers
from app.serving.answers import SOURCE_HEADER, decides
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Transaction
from tests.system import proofs
from tests.system.workers import Kafka, WorkerProcess, until, workers

AT = 1_700_000_000_000
MINUTE = 60_000
FROZEN = "T"  # the state of a stopped process, as the kernel tells it
HEADERS = ((SOURCE_HEADER, b"7"),)

TWO_OWNERS = """
import asyncio, logging, sys
from app.apps import set_up
from app.runtime.fence import Fence
from app.runtime.guard import leave
from app.runtime.writer import Out, Writers
from app.serving.answers import decides
from app.settings import read_settings

async def main(brokers, prefix, log):
    settings = read_settings(brokers=brokers, topic_prefix=prefix, app_id=prefix + "weir")
    names, writers = set_up(settings).topics, [Writers(brokers), Writers(brokers)]
    for one in writers:
        await one.start()
        changelogs = [names.changelogs["customers"], names.changelogs["labels"]]
        fence = Fence(settings, one, changelogs, names.predictions, decides, leave)
        await fence.take([0])
        topic = names.changelogs.get(log) or getattr(names, log)
        await one(topic, 0).put([Out(b"k", b"written")]).acked
    print("both wrote once")
    await writers[0](topic, 0).put([Out(b"k", b"too late")]).acked
    print("went on")

logging.basicConfig(stream=sys.stderr, format="%(message)s")
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
asyncio.run(main(*sys.argv[1:]))
"""


def some(first: int, last: int) -> list[Transaction]:
    return [
        Transaction(
            id=f"t{n}", customer=f"c{n % 5}", merchant="m1", amount=10.0, at=AT + n * MINUTE
        )
        for n in range(first, last)
    ]


def settings_of(broker: Broker, name: str, partitions: int = 2) -> Settings:
    return read_settings(
        brokers=broker.bootstrap,
        topic_prefix=name,
        app_id=name + "weir",
        partitions=partitions,
        session_timeout=6.0,
        review_threshold=0.0,
    )


def frozen(worker: WorkerProcess) -> bool:
    stat = Path(f"/proc/{worker.child.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == FROZEN


@pytest.fixture
async def settings(broker: Broker, fresh: str) -> Settings:
    made = settings_of(broker, fresh)
    await set_up(made).create_topics()
    return made


def fenced(settings: Settings) -> tuple[list[str], str]:
    names = set_up(settings).topics
    return [names.changelogs["customers"], names.changelogs["labels"]], names.predictions


@asynccontextmanager
async def owner(settings: Settings) -> AsyncIterator[tuple[Writers, Fence]]:
    writers = Writers(settings.brokers)
    await writers.start()
    try:
        yield writers, Fence(settings, writers, *fenced(settings), decides, leave)
    finally:
        await writers.stop()


async def values(settings: Settings, topic: str) -> list[bytes]:
    async with Kafka(settings) as kafka:
        return [record.value for record in await kafka.read(topic)]


@pytest.mark.parametrize("log", ["predictions", "customers", "labels"])
async def test_the_former_owner_is_refused_by_the_leader_of_each_log(settings: Settings, log: str):
    names = set_up(settings).topics
    if log == "predictions":  # a log without any decision has none to repeat
        async with owner(settings) as (writers, _):
            await writers(names.predictions, 0).put([Out(b"k", b'{"id": "t"}', HEADERS)]).acked
    arguments = settings.brokers, settings.topic_prefix, log
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TWO_OWNERS, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(child.communicate(), 30)
    assert (child.returncode, out) == (Exit.FENCE, b"both wrote once\n"), errors
    assert b"ProducerFenced" in errors
    assert b"too late" not in await values(settings, names.changelogs.get(log, names.predictions))


async def test_an_owner_takes_again_and_goes_on(settings: Settings):
    customers = set_up(settings).topics.changelogs["customers"]
    async with owner(settings) as (writers, mine):
        for n in range(3):
            await mine.take([0])
            for part in range(2):
                writers(customers, 0).put([Out(b"k", b"%d %d" % (n, part))])
        await writers.flush()
    written = [b"0 0", b"0 1", b"1 0", b"1 1", b"2 0", b"2 1"]
    assert [value for value in await values(settings, customers) if value] == written


async def test_what_is_held_is_taken_again_while_it_is_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fence, "RENEW", 0.01)
    customers = set_up(settings).topics.changelogs["customers"]
    wanted = []
    async with owner(settings) as (writers, mine):
        await mine.take([0])
        writer = writers(customers, 0)
        first = writer.claim.producer_epoch
        keeping = asyncio.ensure_future(mine.keep(lambda: [0]))
        while writer.claim.producer_epoch < first + 3:
            wanted.append(b"%d" % len(wanted))
            await writer.put([Out(b"k", wanted[-1])]).handed
        keeping.cancel()
        await writers.flush()
    assert [value for value in await values(settings, customers) if value] == wanted


async def test_the_last_decision_is_repeated_as_it_is(settings: Settings):
    names = set_up(settings).topics
    decisions = [Out(b"k", b'{"id": "t%d"}' % n, HEADERS, AT + n) for n in range(3)]
    strange = Out(None, b"of somebody else")
    async with owner(settings) as (writers, mine), Kafka(settings) as kafka:
        await mine.take([0])
        assert await kafka.read(names.predictions) == []
        await writers(names.predictions, 0).put([*decisions, strange]).acked
        await mine.take([0, 1])  # there is nothing in the other one
        *_, last, other, again = await kafka.read(names.predictions)

    def told(record: ConsumerRecord) -> tuple:
        return record.key, record.value, record.headers, record.timestamp

    assert other.value == strange.value
    assert told(again) == told(last)


async def test_what_was_written_while_it_was_looked_for_is_the_last_decision(settings: Settings):
    names = set_up(settings).topics
    first, between = (Out(b"k", b'{"id": "%s"}' % tx, HEADERS) for tx in (b"first", b"between"))

    class Late(Fence):
        """One whose predecessor writes once more between the look and the fence."""

        wrote = False

        async def _repeat(self, tp: TopicPartition, last: ConsumerRecord) -> tuple:
            if not self.wrote:
                self.wrote = True
                async with owner(settings) as (writers, _):
                    await writers(names.predictions, 0).put([between]).acked
            return await super()._repeat(tp, last)

    async with owner(settings) as (writers, _):
        await writers(names.predictions, 0).put([first]).acked
        await Late(settings, writers, *fenced(settings), decides, leave).take([0])
    written = [one.value for one in (first, between, first, between)]
    assert await values(settings, names.predictions) == written


async def test_numbers_begin_again_after_the_highest(settings: Settings):
    customers = set_up(settings).topics.changelogs["customers"]
    async with owner(settings) as (writers, _):
        claim = writers(customers, 0).claim = Claim(1 << 40, 0)
        claim.sequence = SEQUENCES - 4
        for n in range(4):
            await writers(customers, 0).put([Out(b"k", b"%d" % n)] * 3).acked
        assert claim.sequence == 8
    assert await values(settings, customers) == [b"%d" % n for n in range(4) for _ in range(3)]


async def test_a_write_that_was_frozen_on_its_way_out_is_refused(
    broker: Broker, fresh: str, tmp_path: Path
):
    settings = settings_of(broker, fresh, partitions=1)  # the request after the fence's is a step's
    await set_up(settings).create_topics()
    async with Kafka(settings) as kafka, workers(settings, tmp_path, 2, start=False) as both:
        old, new = both
        await kafka.transactions(some(0, 20))
        new.start()
        await until(kafka.caught_up)
        assert await new.stop() == 0

        async def stopped() -> bool:
            return frozen(old)

        old.start(die_at="frozen request customers-changelog 2")
        await until(old.joined)
        await kafka.transactions(some(20, 30))
        await until(stopped)
        await kafka.transactions(some(30, 40))
        new.start()
        await until(kafka.caught_up)
        os.kill(old.child.pid, signal.SIGCONT)
        assert await old.child.wait() == Exit.FENCE
        assert await new.stop() == 0
        logs = await proofs.read_logs(kafka)
        proofs.each_is_decided_once(logs)
        proofs.each_customer_is_as_computed_offline(logs)
        assert all(worker.log.read_text().count("Traceback") == 0 for worker in both)


async def test_a_worker_that_waits_for_the_coordinator_says_so_and_stops_cleanly(
    fresh: str, tmp_path: Path
):
    # What coordinators need is never there: three copies of their topic.
    broker = Broker(properties={"transaction.state.log.replication.factor": "3"})
    async with broker, Kafka(settings_of(broker, fresh)) as kafka:
        await set_up(kafka.settings).create_topics()
        async with workers(kafka.settings, tmp_path, 1) as (worker,):

            async def waits() -> bool:
                return "Waiting for a producer epoch" in worker.log.read_text()

            await until(waits)
            assert await worker.stop() == 0
            log = worker.log.read_text()
            assert "CoordinatorNotAvailable" in log
            assert "Traceback" not in log
