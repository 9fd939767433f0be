"""Dead letters sent back on the real broker: where they go, what goes with them, and once."""

import asyncio
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from aiokafka import ConsumerRecord

from app.apps import set_up
from app.broker.broker import Broker
from app.serving.dead_letters.headers import given_back
from app.serving.dead_letters.journey import Journey, header, read_journey
from app.settings import Settings, read_settings
from app.streams.fraud.messages import (
    Feedback,
    Transaction,
    read_example,
    read_feedback,
    read_prediction,
)
from app.wire import encode
from tests.system.workers import Kafka, WorkerProcess, until, workers

NOW = int(time.time() * 1000)
HOUR, DAY = 3_600_000, 86_400_000
LATE = Feedback(
    id="late", key="c1", label="fraud", source="customer", at=NOW - 4 * HOUR, actor="ann"
)

NEXT = Feedback(id="first", key="c1", label="legit", source="analyst", at=NOW)


def transaction(tx: str, at: int = NOW) -> Transaction:
    return Transaction(id=tx, at=at, customer="c1", merchant="m1", amount=20.0)


async def weir(settings: Settings, *args: str) -> tuple[int, str, str]:
    """A command without a terminal: exit code, output, errors."""
    given = settings.model_dump(exclude_unset=True)
    env = os.environ | {f"WEIR_{name.upper()}": str(value) for name, value in given.items()}
    command = (sys.executable, "-m", "app", "dead-letters", *args)
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def letters(kafka: Kafka) -> list[ConsumerRecord]:
    return await kafka.read(kafka.topics.dead_letters)


async def at_least(kafka: Kafka, count: int) -> list[ConsumerRecord] | None:
    found = await letters(kafka)
    return found if len(found) >= count else None


def place(letter: ConsumerRecord) -> str:
    return f"{letter.partition}:{letter.offset}"


def because(found: list[ConsumerRecord], text: str) -> list[ConsumerRecord]:
    """The letters whose reason holds a text, in their order."""
    return [one for one in found if text in dict(one.headers)["reason"].decode()]


def journey(record: ConsumerRecord) -> Journey:
    return read_journey(record.headers)


async def test_letters_go_back_with_their_history_and_count_once(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        partitions=2,
        session_timeout=6.0,
        label_wait=7200.0,
    )
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await refuse_some(kafka)
        await check_commands(kafka)
        await check_a_label_that_was_given_up(kafka)
        await check_refused_again(kafka)
        await check_decided_by_other_settings(kafka, worker)


async def refuse_some(kafka: Kafka) -> None:
    """A payment too far ahead, a label that nothing comes for, a cut letter and a foreign one."""
    names = kafka.topics
    await kafka.transactions([transaction("first")])
    ahead = encode(transaction("ahead", at=NOW + 2 * DAY))
    await kafka.send(names.events, "c1", ahead, timestamp_ms=NOW, headers=[*TRACES])
    await kafka.send(names.feedback, "c1", encode(LATE), timestamp_ms=NOW - 3 * HOUR)
    told = [("reason", b"made up"), ("partition", b"0"), ("offset", b"0")]
    cut = [*told, ("topic", names.events.encode()), ("sha256", b"ab" * 32)]
    await kafka.send(names.dead_letters, "c1", b'{"id":', headers=cut)
    foreign = [*told, ("topic", names.review.encode())]
    await kafka.send(names.dead_letters, "c1", b"{}", headers=foreign)
    await until(partial(at_least, kafka, 3))
    lost = [header(Journey(7))]
    await kafka.send(names.feedback, "c1", encode(NEXT), partition=0, headers=lost)
    await until(partial(given_up, kafka))


TRACES = ("trace", b"\x00 4711"), ("reason", b"spring sale"), ("trace", b"4712")


async def given_up(kafka: Kafka) -> bool:
    """Learn looks for what waited too long when it reads a label."""
    await kafka.feedback([NEXT])
    return bool(because(await letters(kafka), "WEIR_LABEL_WAIT"))


async def given_up_again(kafka: Kafka) -> ConsumerRecord | None:
    await kafka.feedback([NEXT])
    found = because(await letters(kafka), "WEIR_LABEL_WAIT")
    return found[1] if len(found) == 2 else None


async def check_commands(kafka: Kafka) -> None:
    """What is shown, and that nothing is sent unless it may be."""
    settings, found = kafka.settings, await letters(kafka)
    (ahead,) = because(found, "too far")
    where = ahead.partition, ahead.offset
    code, out, _ = await weir(settings, "show", *map(str, where), "--json")
    told = json.loads(out)
    assert (code, told["timestamp"], told["topic"]) == (0, NOW, kafka.topics.events)
    assert told["headers"]["reason"] == told["reason"]
    _, out, _ = await weir(settings, "show", *map(str, where), "--raw")
    assert out.encode() == ahead.value
    _, out, _ = await weir(settings, "show", *map(str, where))
    assert '  "id": "ahead",' in out.splitlines()
    _, _, err = await weir(settings, "show", str(ahead.partition), "999")
    assert f"no dead letter {ahead.partition}:999: its offsets are 0 to" in err
    code, out, err = await weir(settings, "replay", "--all", "--dry-run")
    assert code == 0
    assert f"1 letter goes to {kafka.topics.feedback}[" in out
    assert "stays: its value was cut" in err
    assert "which is not an input of Weir" in err
    code, out, _ = await weir(settings, "replay", place(ahead))
    assert code != 0, "nobody said yes"
    assert len(await kafka.read(kafka.topics.events)) == 2
    code, _, err = await weir(settings, "replay", "--reason", "made up", "--yes")
    assert (code, err.count("stays")) == (0, 2)
    assert len(await letters(kafka)) == len(found)


async def check_a_label_that_was_given_up(kafka: Kafka) -> None:
    """Given up once more, then its transaction comes: replayed twice, it is learned once."""
    (first,) = because(await letters(kafka), "WEIR_LABEL_WAIT")
    code, out, _ = await weir(kafka.settings, "replay", "--reason", "label_wait", "--yes")
    assert (code, out.splitlines()[-1]) == (0, f"replayed 1 to {kafka.topics.feedback}[1]")
    letter = await until(partial(given_up_again, kafka))
    assert letter.value == first.value
    assert journey(letter).refusals[0].letter_offset == first.offset
    await kafka.transactions([transaction("late")])
    for _ in range(2):
        code, *_ = await weir(kafka.settings, "replay", place(letter), "--yes")
        assert code == 0
    await kafka.transactions([transaction("behind")])
    fence = Feedback(id="behind", key="c1", label="legit", source="analyst", at=NOW)
    await kafka.feedback([fence])

    async def settled() -> list:
        log = [read_example(r.value) for r in await kafka.read(kafka.topics.examples)]
        return log if log and log[-1].id == "behind" else []

    log = await until(settled)
    (example,) = [one for one in log if one.id == "late"]
    assert (example.y, example.known) == (1, LATE.at)
    told = await kafka.read(kafka.topics.feedback)
    tries = [r for r in told if read_feedback(r.value).id == "late"]
    assert [journey(r).replays for r in tries] == [0, 1, 2, 2]
    assert {r.timestamp for r in tries} == {NOW - 3 * HOUR}
    lost = [r.partition for r in told if journey(r).replays == 7]
    assert lost == [0, 1], "a label on the wrong partition keeps its history on the right one"


async def check_refused_again(kafka: Kafka) -> None:
    """The rules on time judge a replay as they judged the record; the history grows."""
    code, *_ = await weir(kafka.settings, "replay", "--reason", "too far", "--yes")
    assert code == 0

    async def again() -> list[ConsumerRecord] | None:
        found = because(await letters(kafka), "too far")
        return found if len(found) == 2 else None

    first, second = await until(again)
    assert (second.key, second.value) == (first.key, first.value)
    assert dict(second.headers)["timestamp"] == str(NOW).encode()
    assert given_back(first.headers) == given_back(second.headers) == [*TRACES]
    (refusal,) = journey(second).refusals
    assert f"{refusal.letter_partition}:{refusal.letter_offset}" == place(first)
    assert str(refusal.offset).encode() == dict(first.headers)["offset"]
    _, out, _ = await weir(kafka.settings, "show", str(second.partition), str(second.offset))
    assert "replays" in out
    assert "refused before" in out


async def check_decided_by_other_settings(kafka: Kafka, worker: WorkerProcess) -> None:
    """A worker that allows it decides it, once, however often it is replayed."""
    assert await worker.stop() == 0
    worker.settings = worker.settings.model_copy(update={"future_limit": 3.0 * DAY / 1000})
    worker.start()
    for letter in because(await letters(kafka), "too far"):
        code, *_ = await weir(kafka.settings, "replay", place(letter), "--yes")
        assert code == 0

    async def decided() -> list[bytes] | None:
        records = await kafka.read(kafka.topics.predictions)
        mine = [r.value for r in records if read_prediction(r.value).id == "ahead"]
        return mine if len(mine) == 2 else None

    first, second = await until(decided)
    assert first == second
    records = await kafka.read(kafka.topics.events)
    tries = [journey(r).replays for r in records if b'"ahead"' in r.value]
    assert tries == [0, 1, 1, 2]
