"""Foreign records in Weir's own topics: workers go on, count them, and a command lists them."""

import asyncio
import json
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.serving.answers import SOURCE_HEADER
from app.settings import Settings
from app.settings import settings as process_settings
from app.streams.fraud.messages import Feedback, Transaction, read_example
from tests.system.workers import Kafka, environment, until, workers

NOW = 1_700_000_000_000


@pytest.fixture
def partitions() -> int:
    return 1


def payment(n: int) -> Transaction:
    return Transaction(id=f"t{n}", at=NOW, customer="c1", merchant="m1", amount=20.0)


def said(n: int) -> Feedback:
    return Feedback(id=f"t{n}", key="c1", label="fraud", source="analyst")


async def test_foreign_records_are_passed_over_counted_and_listed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        names = kafka.topics

        async def learned(count: int) -> bool:
            records = await kafka.read(names.examples)
            return len([read_example(r.value) for r in records if r.key is None]) == count

        await kafka.transactions([payment(0)])
        await kafka.feedback([said(0)])
        await until(partial(learned, 1))
        assert await worker.stop() == 0
        worker.wipe()
        written = [
            (names.predictions, b"zz", b'{"id":"zz"}', [(SOURCE_HEADER, b"abc")]),
            (names.examples, b"zz", b'{"id":"zz"}', []),
            (names.changelogs["customers"], b"c1", b'{"id":"zz"}', []),
            (names.changelogs["labels"], b"t0", b'{"id":"zz"}', []),
            (names.changelogs["models"], b"zz", b'{"id":"zz"}', []),
        ]
        for topic, key, value, headers in written:
            await kafka.producer.send(topic, value, key=key, partition=0, headers=headers)
        await kafka.producer.flush()
        worker.start()
        await kafka.transactions([payment(1)])
        await kafka.feedback([said(1)])
        await until(partial(learned, 2))
        page = await asyncio.to_thread(lambda: urlopen(f"{worker.url}/metrics").read().decode())
        for topic, *_ in written:
            assert f'weir_foreign_records_total{{topic="{topic}"}}' in page
        assert await worker.stop() == 0
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    process_settings.cache_clear()
    verify = ["topics", "verify"]
    told = await asyncio.to_thread(CliRunner().invoke, cli, [*verify, "--json"])
    assert told.exit_code == 1, told.output
    found = json.loads(told.stdout)
    assert {one["topic"] for one in found} == {topic for topic, *_ in written}
    assert len(found) == 5
    table = await asyncio.to_thread(CliRunner().invoke, cli, verify)
    assert (table.exit_code, "5 foreign records" in table.stdout) == (1, True), table.output
