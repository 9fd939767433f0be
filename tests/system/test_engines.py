"""Two engines of the benchmark do the same work on a real broker and come to the same bytes."""

from pathlib import Path

import pytest

from app.broker.broker import Broker
from benchmarks.engines.catchup import Run, outputs_equal
from benchmarks.engines.log import Log
from benchmarks.engines.peers import ENGINES
from benchmarks.engines.work import expected, transactions
from tests.system.workers import until

COUNT = 500
NAMES = ("weir", "aiokafka")  # those that need nothing but what Weir needs


@pytest.mark.parametrize("name", NAMES)
async def test_an_engine_comes_to_the_outputs_and_states_of_the_work(
    broker: Broker, fresh: str, seed: int, tmp_path: Path, name: str
):
    [engine] = [one for one in ENGINES if one.name == name]
    source = f"{fresh}source"
    async with Log(broker) as log:
        await log.create(source)
        await log.fill(source, transactions(COUNT, seed))
        parts = [[record.value for record in part] for part in await log.read(source)]
        assert sum(map(len, parts)) == COUNT
        run = Run(log, engine, source, tmp_path / f"{fresh}{name}", paced=False)
        process = await run.start()
        try:
            await until(lambda: run.settled(COUNT))
        finally:
            await process.stop()
        wanted = expected(parts)
        assert await outputs_equal(run, wanted)
        assert await run.states() == wanted.states
