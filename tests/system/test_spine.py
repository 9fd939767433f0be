"""The promise of the whole: every decision can be computed again, every label counts once."""

import itertools
from functools import partial
from pathlib import Path

from app.apps import load, set_up
from app.broker.broker import Broker
from app.core.snapshot import assemble, unpack
from app.data.rows import Labelled
from app.serving.learning.verify import stored, verify
from app.settings import read_settings
from app.streams.fraud.messages import Feedback, read_example, read_prediction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from tests.core.folding import fold_log
from tests.system.workers import Kafka, WorkerProcess, until, workers

COUNT = 5000
PIECE = 250


def simulated(seed: int) -> list[Labelled]:
    hours = transactions(Traffic(seed=seed))
    return list(itertools.islice(itertools.chain.from_iterable(hours), COUNT))


def label(row: Labelled, at: int) -> Feedback:
    says = "fraud" if row.positive else "legit"
    return Feedback(id=row.event.id, key=row.event.customer, label=says, source="analyst", at=at)


async def test_after_a_kill_and_a_wiped_disk_every_score_is_computed_again_to_the_last_bit(
    broker: Broker, fresh: str, seed: int, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        session_timeout=6.0,
        snapshot_every=500,
    )
    await set_up(settings).create_topics()
    rows = simulated(seed)
    async with workers(settings, tmp_path, 2) as (first, second), Kafka(settings) as kafka:
        await play_with_faults(kafka, rows, first, second)
        assert await first.stop() == 0
        assert await second.stop() == 0
        await check_decisions(kafka, rows)
        await check_snapshot(kafka)


async def play_with_faults(
    kafka: Kafka, rows: list[Labelled], first: WorkerProcess, second: WorkerProcess
) -> None:
    """Traffic in pieces, each with the labels of the one before; faults under load."""
    faults = {6: first.kill, 9: first.start, 13: second.kill, 16: second.start}
    unpaced = {*range(6, 9), *range(13, 16)}  # while one is down, load piles up

    async def kept_up(count: int) -> bool:
        return await kafka.count(kafka.topics.predictions) >= count

    async def all_learned() -> bool:
        examples = await kafka.read(kafka.topics.examples)
        return len({read_example(record.value).id for record in examples}) == COUNT

    joins = {0: first.joined, 1: second.joined, 10: first.joined, 17: second.joined}
    for number in range(COUNT // PIECE):
        piece = rows[number * PIECE : (number + 1) * PIECE]
        await kafka.transactions(row.event for row in piece)
        await kafka.feedback(label(row, row.event.at) for row in piece)
        if number not in unpaced:
            await until(partial(kept_up, number * PIECE))
        if number in joins:
            await until(joins[number])
        if number == 15:
            second.wipe()
        if number in faults:
            faults[number]()
    await until(all_learned, 120)


async def check_decisions(kafka: Kafka, rows: list[Labelled]) -> None:
    """Every transaction decided once, every label learned once, every score computed again."""
    predictions: dict[str, bytes] = {}
    for record in await kafka.read(kafka.topics.predictions):
        tx = read_prediction(record.value).id
        assert predictions.setdefault(tx, record.value) == record.value, "a second decision"
    assert set(predictions) == {row.event.id for row in rows}
    assert await kafka.read(kafka.topics.dead_letters) == []

    report = await verify(set_up(kafka.settings), await stored(set_up(kafka.settings)))
    assert (report.different, report.not_compared) == ([], [])
    assert report.equal == COUNT
    assert report.versions >= 5, "the models did not change while transactions were decided"

    log = [(r.offset, read_example(r.value)) for r in await kafka.read(kafka.topics.examples)]
    state = fold_log(load(kafka.settings).new_state(), log)
    truth = {row.event.id: int(row.positive) for row in rows}
    assert {example.id: example.y for _, example in log} == truth
    assert state.counts.examples == COUNT, "a label was learned twice, or not at all"


async def check_snapshot(kafka: Kafka) -> None:
    """The newest snapshot and the log behind it give the state of the whole log."""
    log = [(r.offset, read_example(r.value)) for r in await kafka.read(kafka.topics.examples)]
    records = await kafka.read(kafka.topics.changelogs["models"])
    newest, *_ = assemble((r.key, r.value) for r in records)
    state = load(kafka.settings).new_state()
    state.load(unpack(newest, load(kafka.settings).identity))
    assert 0 < state.version < len(log)
    assert fold_log(state, log).digest() == fold_log(load(kafka.settings).new_state(), log).digest()
