"""`weir simulate` and `weir publish` against a broker that is there, and against none."""

import asyncio
import os
import re
import signal
import sys
from itertools import islice
from pathlib import Path

import pytest

from app.apps import set_up
from app.broker.broker import Broker
from app.broker.ports import HOST, choose_ports
from app.core.partitioning import partition_of
from app.settings import Settings
from app.streams.fraud.messages import read_feedback, read_transaction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode
from tests.system.workers import Kafka

PATIENCE = 60.0  # seconds
PARTITIONS = 2


@pytest.fixture
def settings(broker: Broker, fresh: str) -> Settings:
    return Settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=f"{fresh}app", partitions=PARTITIONS
    )


async def start(settings: Settings, *arguments: str) -> asyncio.subprocess.Process:
    given = settings.model_dump(exclude_unset=True)
    told = {f"WEIR_{name.upper()}": str(value) for name, value in given.items()}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def end(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(PATIENCE):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


def write_rows(path: Path, count: int) -> None:
    rows = islice((row for hour in transactions(Traffic(seed=6)) for row in hour), count)
    with path.open("wb") as file:
        for row in rows:
            row.event.label = "fraud" if row.positive else "legit"
            file.write(encode(row.event) + b"\n")


async def test_simulated_traffic_lies_on_its_customers_partitions_with_the_labels_that_are_due(
    settings: Settings,
):
    await set_up(settings).create_topics()
    code, output, errors = await end(
        await start(settings, "simulate", "--events", "3000", "--rate", "max", "--seed", "5")
    )
    assert (code, errors) == (0, "")
    async with Kafka(settings) as kafka:
        payments = await kafka.read(kafka.topics.events)
        labels = await kafka.read(kafka.topics.feedback)
    assert f"Published 3,000 transactions and {len(labels):,} labels." in output
    read = [(record, read_transaction(record.value)) for record in payments]
    assert len({tx.id for _, tx in read}) == 3000
    said = [(record, read_feedback(record.value)) for record in labels]
    assert {feedback.source for _, feedback in said} == {"chargeback", "maturity"}
    assert {feedback.id for _, feedback in said} < {tx.id for _, tx in read}
    for record, message in [*read, *said]:
        assert record.partition == partition_of(message.key, PARTITIONS)
        assert record.key == message.key.encode()


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        pytest.param([], 0, id="transactions only"),
        pytest.param(["--labels", "--label-delay", "1h"], None, id="with labels"),
    ],
)
async def test_a_file_is_published_with_its_labels_only_when_asked(
    settings: Settings, tmp_path: Path, options: list[str], labels: int | None
):
    file = tmp_path / "rows.jsonl"
    write_rows(file, 500)
    await set_up(settings).create_topics()
    code, _, errors = await end(await start(settings, "publish", str(file), *options))
    assert (code, errors) == (0, "")
    async with Kafka(settings) as kafka:
        payments = await kafka.read(kafka.topics.events)
        said = await kafka.read(kafka.topics.feedback)
    times = [read_transaction(record.value).at for record in payments]
    assert len(times) == 500
    due = sum(at + 3_600_000 <= max(times) for at in times)
    assert len(said) == (due if labels is None else labels)
    assert all(read_transaction(record.value).label is None for record in payments)


async def test_a_refused_row_ends_publishing_and_the_rest_follows_without_it(
    settings: Settings, tmp_path: Path
):
    file = tmp_path / "rows.jsonl"
    write_rows(file, 500)
    lines = file.read_text().splitlines()
    lines[299] = re.sub(r'"amount":[\d.]+', '"amount":-5', lines[299])
    file.write_text("\n".join(lines))
    await set_up(settings).create_topics()
    options = ["--labels", "--label-delay", "1h"]
    code, output, errors = await end(await start(settings, "publish", str(file), *options))
    assert (code, output) == (1, "")
    assert re.search(r"row 300 of .*line 300\): column amount, value -5: .*--negative", errors)
    assert "Published 299 transactions" in errors and "--after 299 goes on behind them" in errors
    options += ["--negative", "skip", "--after", "299"]
    code, output, errors = await end(await start(settings, "publish", str(file), *options))
    assert (code, errors) == (0, "")
    assert "Left out because their amount is negative: 1." in output
    assert "Published 200 transactions" in output
    async with Kafka(settings) as kafka:
        payments = await kafka.read(kafka.topics.events)
        said = await kafka.read(kafka.topics.feedback)
    sent = [read_transaction(record.value) for record in payments]
    assert len(sent) == len({tx.id for tx in sent}) == 499
    last = max(tx.at for tx in sent)
    due = {tx.id for tx in sent if tx.at + 3_600_000 <= last}
    assert {read_feedback(record.value).id for record in said} == due
    assert len({read_feedback(record.value).label_id for record in said}) == len(due)


async def test_ctrl_c_ends_the_traffic_with_what_was_published(settings: Settings):
    await set_up(settings).create_topics()
    process = await start(settings, "simulate", "--rate", "2000")
    async with Kafka(settings) as kafka, asyncio.timeout(PATIENCE):
        while not await kafka.count(kafka.topics.events):
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code, output, errors = await end(process)
        count = await kafka.count(kafka.topics.events)
    assert (code, errors) == (0, "")
    assert f"Published {count:,} transactions" in output


@pytest.mark.parametrize("command", [["simulate"], ["publish", "FILE"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("there", "says"),
    [
        pytest.param(True, "run weir topics create", id="no topics"),
        pytest.param(False, "no Kafka broker answers at", id="no broker"),
    ],
)
async def test_without_topics_or_broker_it_says_so(
    settings: Settings, tmp_path: Path, command: list[str], there: bool, says: str
):
    write_rows(tmp_path / "rows.jsonl", 10)
    if not there:
        port, _ = choose_ports(None)
        settings = settings.model_copy(update={"brokers": f"{HOST}:{port}"})
    arguments = [str(tmp_path / "rows.jsonl") if word == "FILE" else word for word in command]
    code, output, errors = await end(await start(settings, *arguments))
    assert (code, output) == (1, "")
    assert says in errors and errors.startswith("weir: ") and errors.count("\n") == 1
