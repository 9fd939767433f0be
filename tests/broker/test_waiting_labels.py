"""Labels that wait are learned although another worker learned of the transaction."""

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
        header = (SOURCE_HEADER, b"0")
        await kafka.send(names.predictions, "c1", encode(DECIDED), headers=[header])
        await kafka.producer.flush()
        worker.start()
        assert await until(learned, 30) == ["t1"]
        assert await worker.stop() == 0
