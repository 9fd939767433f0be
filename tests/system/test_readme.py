"""The README's commands, run as they stand there."""

import asyncio
import csv
import os
import re
import sys
from itertools import chain, islice
from pathlib import Path

from app.broker.child import Child
from app.broker.ports import choose_ports
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions

README = Path(__file__).parents[2] / "README.md"
PATIENCE = 60.0  # seconds until a command must have worked: brokers and workers take a while


def commands() -> list[str]:
    """The lines of the README's shell examples."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def write_payments(path: Path) -> None:
    """Transactions with labels; p-17 is of customer c-3."""
    rows = islice(chain.from_iterable(transactions(Traffic(seed=1))), 400)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "at", "customer", "merchant", "amount", "label"])
        for n, row in enumerate(rows):
            customer = "c-3" if n == 17 else f"c-{n % 40}"
            says = "fraud" if row.positive else "legit"
            tx = row.event
            writer.writerow([f"p-{n}", tx.at, customer, tx.merchant, tx.amount, says])


async def run(line: str, directory: Path, log: Path) -> None:
    """Run a line until it succeeds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            child = Child(["bash", "-c", line], directory, log)
            try:
                status = await child.wait()
            finally:
                child.kill()
            if status == 0:
                return
            await asyncio.sleep(0.5)


async def test_the_readmes_commands_run(tmp_path: Path, monkeypatch) -> None:
    port, web_port = choose_ports(None)
    monkeypatch.setenv("WEIR_BROKERS", f"127.0.0.1:{port}")
    monkeypatch.setenv("WEIR_WEB_PORT", str(web_port))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    write_payments(tmp_path / "payments.csv")
    lines = [line.replace("9092", str(port)) for line in commands()]
    assert len(lines) > 8
    log, running = tmp_path / "log", []
    try:
        for line in lines:
            if line.endswith("&"):
                running.append(Child(["bash", "-c", f"exec {line[:-1]}"], tmp_path, log))
            else:
                await run(line, tmp_path, log)
    except TimeoutError:
        raise AssertionError(f"{line}\n{log.read_text()[-3000:]}") from None
    finally:
        for child in running:
            child.kill()
    assert '"average_precision"' in log.read_text()
