"""What commands load: a replay and the help need no Kafka, and the help hardly anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KAFKA = {"faust", "mode", "aiokafka", "aiohttp", "rocksdict"}
SLOW = {"numpy", "river", "msgspec", "asyncio", "rich.progress", "app.settings"}
RUN = """
import sys
from app.cli import cli
cli(sys.argv[1:], standalone_mode=False)
print(*sys.modules)
"""


def loaded(*arguments: str) -> tuple[list[str], set[str]]:
    """The lines that a command prints in a process of its own, and the modules it has loaded."""
    command = [sys.executable, "-c", RUN, *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    *lines, modules = done.stdout.splitlines()
    return lines, set(modules.split())


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"]], ids=" ".join)
def test_the_help_loads_nothing_that_takes_long(arguments: list[str]):
    lines, modules = loaded(*arguments)
    assert any("Usage" in line for line in lines)
    assert not modules & (KAFKA | SLOW)


def test_a_replay_loads_no_kafka_client_no_web_server_and_no_store(tmp_path: Path):
    file = tmp_path / "rows.csv"
    start = 1_700_000_000_000  # epoch ms
    rows = [
        f"t{n},{start + n * 3_600_000},c{n % 5},m,{n % 7},{int(n % 9 == 0)}" for n in range(100)
    ]
    file.write_text("\n".join(["id,at,customer,merchant,amount,label", *rows]))
    lines, modules = loaded("replay", str(file), "--label-delay", "1d", "--json")
    assert json.loads(lines[-1])["rows"] == 100
    assert "app.data.replay" in modules
    assert not modules & KAFKA
