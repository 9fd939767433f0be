"""What a worker does at its start with logs that other workers have written."""

from pathlib import Path

from app.messages import (
    Feedback,
    ModelUsed,
    Prediction,
    Source,
    encode,
    read_example,
)
from app.settings import read_settings
from app.stream import topics
from app.stream.broker import Broker
from app.stream.guard import Exit
from app.stream.scored import SOURCE_HEADER
from app.stream.waiting import PREFIX
from tests.broker.workers import Kafka, until, workers

NOW = 1_700_000_000_000
DECIDED = Prediction(
    id="t1",
    customer="c1",
    merchant="m1",
    location="",
    amount=20.0,
    at=NOW,
    score=0.1,
    decision="approve",
    reasons=[],
    mode="rules",
    model=ModelUsed("binned", "both", 0),
    features={"amount": 20.0},
    source=Source(0, 0),
    engine="another worker's",
)


async def test_a_decision_that_is_read_back_at_the_start_frees_the_labels_that_wait_for_it(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=1
    )
    await topics.create(settings)
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        names = kafka.topics

        async def waits() -> bool:
            changes = await kafka.read(names.changelogs["labels"])
            return any(record.key.startswith(PREFIX) for record in changes)

        async def learned() -> list[str]:
            return [read_example(record.value).tx for record in await kafka.read(names.examples)]

        await kafka.feedback([Feedback(id="t1", customer="c1", label="fraud", source="analyst")])
        await until(waits)
        assert await worker.stop() == 0
        # What the other worker decided lies at offset 0; this one must not decide it itself.
        await kafka.send(names.transactions, "c1", b"unreadable")
        header = (SOURCE_HEADER, b"0")
        await kafka.send(names.predictions, "c1", encode(DECIDED), headers=[header])
        await kafka.producer.flush()
        worker.start()
        assert await until(learned, 30) == ["t1"]
        assert await worker.stop() == 0


async def test_a_worker_refuses_a_source_that_ends_below_what_was_read_of_it(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=1
    )
    await topics.create(settings)
    async with Kafka(settings) as kafka:
        header = (SOURCE_HEADER, b"7")
        await kafka.send(kafka.topics.predictions, "c1", encode(DECIDED), headers=[header])
        await kafka.producer.flush()
        async with workers(settings, tmp_path, 1) as (worker,):
            assert await worker.child.wait() == Exit.STATE
            assert "raise WEIR_EPOCH" in worker.log.read_text()
