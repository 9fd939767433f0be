"""`weir broker` as a user runs it."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import psutil
import pytest

from app.broker.broker import Broker
from app.broker.ports import HOST, PORTS, choose_ports, is_free
from tests.broker.clients import PATIENCE, until

pytestmark = pytest.mark.broker


async def run_command(*arguments: str) -> asyncio.subprocess.Process:
    """The command in a session of its own, so that a signal can be sent to its whole group."""
    code = "import typer; from app.cli.broker import broker; typer.run(broker)"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments), stdout=pipe, stderr=pipe, start_new_session=True
    )


async def first_line(command: asyncio.subprocess.Process) -> str:
    assert command.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = await command.stdout.readline()
    assert line, await rest(command)
    return line.decode()


async def rest(command: asyncio.subprocess.Process) -> tuple[str, str]:
    """What it prints until it exits: output and errors."""
    async with asyncio.timeout(PATIENCE):
        output, errors = await command.communicate()
    return output.decode(), errors.decode()


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def adjacent_ports() -> int:
    """The first of two adjacent free ports."""
    shuffled = random.sample(PORTS, len(PORTS))
    return next(port for port in shuffled if is_free(port) and is_free(port + 1))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_it_is_interrupted_and_leaves_nothing(
    tmp_path: Path, end: signal.Signals
) -> None:
    port, _ = choose_ports(None)
    command = await run_command("--port", str(port), "--directory", str(tmp_path))
    assert f"{HOST}:{port}" in await first_line(command)
    started = psutil.Process(command.pid).children(recursive=True)
    assert started
    os.killpg(command.pid, end)
    output, errors = await rest(command)
    assert (command.returncode, errors) == (0, "")
    assert "Kafka has ended." in output
    await until(lambda: not any(is_alive(process) for process in started))


async def test_a_port_that_is_taken_is_one_sentence(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = await run_command("--port", str(broker.port))
    output, errors = await rest(command)
    assert (command.returncode, output) == (1, "")
    assert errors.strip().endswith("it is not free.")
    assert errors.count("\n") == 1
    assert not list(tmp_path.glob("weir-broker-*"))


async def test_several_nodes_take_adjacent_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = adjacent_ports()
    command = await run_command("--port", str(port), "--nodes", "2")
    assert f"{HOST}:{port},{HOST}:{port + 1};" in await first_line(command)
    os.killpg(command.pid, signal.SIGTERM)
    output, errors = await rest(command)
    assert command.returncode == 0, errors
    assert "Kafka has ended." in output
    assert not list(tmp_path.glob("weir-broker-*"))
