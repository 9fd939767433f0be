"""The run through a real worker, in small; it tells of letters and decisions that should not be."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.broker.broker import Broker
from app.settings import read_settings
from tests.fuzz.worker import PARTITIONS, Load, Report, compare, on_broker
from tests.system.workers import Kafka


@pytest.mark.broker
async def test_a_worker_decides_what_is_valid_and_refuses_the_rest(
    broker: Broker, fresh: str, seed: int, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        partitions=PARTITIONS,
    )
    report = await on_broker(Load(seed, 1500, 300), 120, print, settings, tmp_path)
    assert report.passed, report.text()
    assert min(report.valid, report.refused, report.letters, report.decisions) > 100

    async with Kafka(settings) as kafka:
        place = {"topic": kafka.topics.events, "partition": "0", "offset": "0"}
        headers = [(name, value.encode()) for name, value in place.items()]
        await kafka.send(kafka.topics.dead_letters, "c1", b"{}", headers=headers)
        invented = b'{"id":"never sent","customer":"c1"}'
        await kafka.send(kafka.topics.predictions, "c1", invented)
        await kafka.producer.flush()
        again = replace(report, findings=[])
        await compare(kafka, again)
    assert not again.passed
    assert any("never sent" in found for found in again.findings), again.text()


def test_a_worker_that_ends_otherwise_than_with_0_has_not_passed() -> None:
    assert Report(exit=0).passed
    assert not Report(exit=70).passed
    assert not Report(exit=0, findings=["a letter"]).passed
