import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from aiokafka.errors import MessageSizeTooLargeError

from app.broker.broker import Broker
from app.broker.ports import HOST
from app.errors import BrokerError
from tests.broker.clients import PATIENCE, make_topic, read, until, write

pytestmark = pytest.mark.broker


async def test_the_sessions_broker_takes_records_and_gives_them_back(
    broker: Broker, fresh: str
) -> None:
    await make_topic(broker.bootstrap, fresh + "in")
    await write(broker.bootstrap, fresh + "in", b"one", b"two")
    assert await read(broker.bootstrap, fresh + "in", 2) == [b"one", b"two"]


async def test_the_sessions_broker_listens_on_loopback_only(broker: Broker) -> None:
    connections = psutil.Process(broker.pid).net_connections("tcp")
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening <= {HOST, f"::ffff:{HOST}"} and listening


async def test_killed_or_restarted_it_comes_back_on_its_port_with_all_acknowledged_records(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path / "kafka") as broker:
        bootstrap = broker.bootstrap
        await make_topic(broker.bootstrap, "t")
        await write(broker.bootstrap, "t", b"before the kill")
        broker.kill()
        assert not broker.running
        await broker.restart()
        await write(broker.bootstrap, "t", b"before the restart")
        await broker.restart()
        assert broker.bootstrap == bootstrap
        assert await read(broker.bootstrap, "t", 2) == [b"before the kill", b"before the restart"]
    async with Broker(tmp_path / "kafka") as again:  # on other ports
        assert await read(again.bootstrap, "t", 2) == [b"before the kill", b"before the restart"]


async def test_added_properties_hold_and_a_temporary_directory_is_removed() -> None:
    async with Broker(properties={"message.max.bytes": "5000"}) as broker:
        await make_topic(broker.bootstrap, "t")
        await write(broker.bootstrap, "t", bytes(4000))
        with pytest.raises(MessageSizeTooLargeError):
            await write(broker.bootstrap, "t", bytes(6000))
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
    await until(lambda: broker.running or starting.done())  # it formats its directory first
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not broker.running and not broker.directory.exists()


async def test_two_brokers_on_one_directory_are_refused_and_the_first_keeps_running(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path) as first:
        with pytest.raises(BrokerError, match="another broker is using it"):
            await Broker(tmp_path).start()
        await make_topic(first.bootstrap, "t")


async def test_an_exit_on_its_own_is_an_error_for_those_who_wait() -> None:
    async with Broker() as broker:
        waiting = asyncio.create_task(broker.wait())
        os.kill(broker.pid, signal.SIGKILL)
        with pytest.raises(BrokerError, match="The broker ended"):
            async with asyncio.timeout(PATIENCE):
                await waiting


async def test_a_directory_that_cannot_be_created_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"cannot use .*file.data: Not a directory\."):
        await Broker(tmp_path / "file" / "data").start()


def test_importing_the_broker_does_not_import_faust() -> None:
    code = "import sys, app.broker.broker; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
