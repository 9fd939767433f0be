"""`weir demo` as users run it, with a broker of its own."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from app.broker.ports import HOST
from app.cli import cli
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode

PATIENCE = 120.0  # seconds for a whole demo on a busy machine


class Command:
    """A running `weir` command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, beginning: str) -> None:
        """Read its output up to a line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if line.startswith(beginning):
                    return
        raise AssertionError(f"it ended without saying {beginning!r}: {''.join(self.said)}")

    async def end(self) -> tuple[int | None, str, str]:
        """Exit code, the rest of its output, its errors."""
        async with asyncio.timeout(PATIENCE):
            output, errors = await self.process.communicate()
        return self.process.returncode, output.decode(), errors.decode()

    def children(self) -> list[psutil.Process]:
        """Broker, workers and what keeps them from outliving the command."""
        return psutil.Process(self.process.pid).children(recursive=True)


async def weir(temporary: Path, *arguments: str, **env: str) -> Command:
    """Start `weir` in a session of its own, with its own folder for temporary files."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        env={**os.environ, "TMPDIR": str(temporary), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return Command(process)


async def summary(command: Command) -> dict[str, Any]:
    """What a demo that succeeds prints on its last line."""
    code, output, errors = await command.end()
    assert (code, errors) == (0, ""), output + errors
    return json.loads(output.splitlines()[-1])


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def write_rows(path: Path, count: int) -> None:
    """Simulated transactions with their truth, as JSON lines."""
    hours = transactions(Traffic(seed=6, stolen=0.01, testing=0.01))
    rows = islice((row for hour in hours for row in hour), count)
    with path.open("wb") as file:
        for row in rows:
            row.event.label = "fraud" if row.positive else "legit"
            file.write(encode(row.event) + b"\n")


async def test_a_demo_decides_every_transaction_and_learns_every_label(tmp_path: Path):
    arguments = ("--events", "2000", "--rate", "max", "--workers", "2", "--json")
    found = await summary(await weir(tmp_path, "demo", *arguments))
    assert found["transactions"] == found["predictions"] == 2000
    # Some are learned twice: what matured early, once its chargeback comes.
    assert found["labels"] == found["version"] >= found["learned"] > 0
    assert found["dead_letters"] == 0
    assert found["review"] > 0
    assert 0 <= found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    assert found["seconds"] > 0 and found["worker_cpu_us"] > 0
    assert not list(tmp_path.glob("weir-*"))


async def test_a_demo_in_a_directory_scores_as_the_replay_does_and_leaves_its_logs(tmp_path: Path):
    file, kept = tmp_path / "rows.jsonl", tmp_path / "kept"
    write_rows(file, 2000)
    arguments = ("--data", str(file), "--label-delay", "12h", "--json")
    demo = await weir(tmp_path, "demo", "--directory", str(kept), *arguments, WEIR_PARTITIONS="1")
    live = await summary(demo)
    assert (kept / "worker-1.log").is_file()
    assert (kept / "kafka" / "broker.log").is_file()
    run = CliRunner().invoke(cli, ["replay", str(file), *arguments[2:], "--partitions", "1"])
    replayed = json.loads(run.stdout.splitlines()[-1])
    assert (live["transactions"], live["learned"]) == (replayed["rows"], replayed["learned"])
    for name in ("average_precision", "alert_precision"):
        assert live[name] == replayed["metrics"][name] is not None


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_demo_and_everything_it_started(tmp_path: Path, end: signal.Signals):
    demo = await weir(tmp_path, "demo", "--json")
    await demo.says("event time")
    started = demo.children()
    assert len(started) >= 2
    os.killpg(demo.process.pid, end)
    found = await summary(demo)
    assert found["transactions"] >= found["predictions"] > 0
    assert not any(map(is_alive, started))
    assert not list(tmp_path.glob("weir-*"))


async def test_nothing_outlives_a_demo_that_is_killed(tmp_path: Path):
    demo = await weir(tmp_path, "demo")
    await demo.says("Playing")
    started = demo.children()
    demo.process.kill()
    await demo.end()
    await until(lambda: not any(map(is_alive, started)))


@pytest.mark.parametrize(
    ("victim", "says"),
    [
        pytest.param("worker", "worker-1 left with exit code -9", id="worker"),
        pytest.param("kafka.Kafka", "The broker ended", id="broker"),
    ],
)
async def test_what_leaves_ends_the_demo_with_a_sentence_that_names_a_log(
    tmp_path: Path, victim: str, says: str
):
    demo = await weir(tmp_path, "demo")
    await demo.says("Playing")
    started = demo.children()
    next(process for process in started if victim in process.cmdline()).kill()
    code, _, errors = await demo.end()
    assert code == 1
    assert errors.startswith(f"weir: {says}") and errors.count("\n") == 1
    assert Path(errors.rpartition("log: ")[2].rstrip(").\n")).is_file()
    await until(lambda: not any(map(is_alive, started)))


async def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path):
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        for option in ("--port", "--web-port"):
            code, _, errors = await (await weir(tmp_path, "demo", option, port)).end()
            assert code == 1
            assert f"port {port}" in errors and "not free" in errors and errors.count("\n") == 1


@pytest.mark.parametrize(
    ("directory", "says"),
    [
        pytest.param("file", "Not a directory", id="below a file"),
        pytest.param(".", "not empty", id="not empty"),
    ],
)
async def test_a_directory_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, directory: str, says: str
):
    (tmp_path / "file").touch()
    place = tmp_path / directory / "below" if directory == "file" else tmp_path
    code, _, errors = await (await weir(tmp_path, "demo", "--directory", str(place))).end()
    assert code == 1
    assert str(place) in errors and says in errors and errors.count("\n") == 1
