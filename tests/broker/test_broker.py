import asyncio
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError

from app.broker.broker import Broker
from app.broker.ports import HOST, choose_ports
from app.errors import BrokerError


async def make_topic(broker: Broker, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        response = await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    assert response.topic_errors[0][1] == 0


async def write(broker: Broker, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, acks="all", max_request_size=1 << 22
    )
    async with producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(broker: Broker, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
    )
    async with asyncio.timeout(20), consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_the_sessions_broker_takes_records_and_gives_them_back(
    broker: Broker, fresh: str
) -> None:
    await make_topic(broker, fresh + "in")
    await write(broker, fresh + "in", b"one", b"two")
    assert await read(broker, fresh + "in", 2) == [b"one", b"two"]


async def test_the_sessions_broker_listens_on_loopback_only(broker: Broker) -> None:
    connections = psutil.Process(broker.pid).net_connections("tcp")
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening <= {HOST, f"::ffff:{HOST}"} and listening


async def test_killed_or_restarted_it_comes_back_on_its_port_with_all_acknowledged_records(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path / "kafka") as broker:
        bootstrap = broker.bootstrap
        await make_topic(broker, "t")
        await write(broker, "t", b"before the kill")
        broker.kill()
        assert not broker.running
        await broker.restart()
        await write(broker, "t", b"before the restart")
        await broker.restart()
        assert broker.bootstrap == bootstrap
        assert await read(broker, "t", 2) == [b"before the kill", b"before the restart"]
    async with Broker(tmp_path / "kafka") as again:  # on other ports
        assert await read(again, "t", 2) == [b"before the kill", b"before the restart"]


async def test_added_properties_hold_and_a_temporary_directory_is_removed() -> None:
    async with Broker(properties={"message.max.bytes": "5000"}) as broker:
        await make_topic(broker, "t")
        await write(broker, "t", bytes(4000))
        with pytest.raises(MessageSizeTooLargeError):
            await write(broker, "t", bytes(6000))
        directory = broker.directory
        assert directory.is_dir()
    assert not directory.exists()


@pytest.mark.parametrize(
    ("properties", "cause"),
    [
        pytest.param({"num.io.threads": "none"}, "num.io.threads", id="a property"),
        pytest.param({"log.dirs": "server.properties"}, "No available log dir", id="no directory"),
    ],
)
async def test_a_broker_that_does_not_start_says_why_and_where_its_log_is(
    tmp_path: Path, properties: dict[str, str], cause: str
) -> None:
    broker = Broker(tmp_path, properties=properties)
    with pytest.raises(BrokerError) as refused:
        await broker.start()
    assert cause in str(refused.value) and str(broker.log) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not broker.running


async def test_a_failed_start_in_a_temporary_directory_leaves_nothing_but_its_log() -> None:
    broker = Broker(properties={"num.io.threads": "none"})
    with pytest.raises(BrokerError):
        await broker.start()
    left = {path.name for path in broker.directory.iterdir()}
    shutil.rmtree(broker.directory)
    assert "broker.log" in left and "data" not in left


async def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    broker = Broker()
    starting = asyncio.create_task(broker.start())
    async with asyncio.timeout(20):
        while not broker.running:  # its process; formatting comes before it
            await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not broker.running and not broker.directory.exists()


async def test_two_brokers_on_one_directory_are_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path) as first:
        with pytest.raises(BrokerError, match="another one does"):
            await Broker(tmp_path).start()
        await make_topic(first, "t")


async def test_its_own_end_is_an_error_to_who_waits_for_it() -> None:
    async with Broker() as broker:
        waiting = asyncio.create_task(broker.wait())
        os.kill(broker.pid, signal.SIGKILL)
        with pytest.raises(BrokerError, match="The broker ended"):
            await waiting


async def run_command(*arguments: str) -> asyncio.subprocess.Process:
    """`weir broker` in a session of its own, so that a signal can go to all of its group."""
    code = "import typer; from app.cli.broker import broker; typer.run(broker)"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments), stdout=pipe, stderr=pipe, start_new_session=True
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_runs_until_it_is_interrupted_and_leaves_nothing(
    tmp_path: Path, end: signal.Signals
) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
    command = await run_command("--port", str(port), "--directory", str(tmp_path))
    assert command.stdout is not None
    assert f"{HOST}:{port}" in (await command.stdout.readline()).decode()
    started = psutil.Process(command.pid).children(recursive=True)
    assert started
    os.killpg(command.pid, end)
    output, errors = await command.communicate()
    assert (command.returncode, errors) == (0, b""), errors
    assert b"Kafka has ended." in output
    async with asyncio.timeout(5):
        while any(is_alive(process) for process in started):
            await asyncio.sleep(0.01)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


async def test_the_command_says_in_one_sentence_that_its_port_is_taken(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = await run_command("--port", str(broker.port))
    output, errors = await command.communicate()
    assert command.returncode == 1
    assert output == b""
    assert errors.decode().strip().endswith("it is not free.")
    assert errors.count(b"\n") == 1
    assert not list(tmp_path.glob("weir-broker-*"))


async def test_the_command_runs_several_nodes_on_ports_that_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port, _ = choose_ports(None)
    command = await run_command("--port", str(port), "--nodes", "2")
    assert command.stdout is not None
    assert f"{HOST}:{port},{HOST}:{port + 1};" in (await command.stdout.readline()).decode()
    os.killpg(command.pid, signal.SIGTERM)
    output, errors = await command.communicate()
    assert command.returncode == 0, errors
    assert b"Kafka has ended." in output
    assert not list(tmp_path.glob("weir-broker-*"))
