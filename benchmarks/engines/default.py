"""Weir's whole default path: the real worker with its features, models, tables and logs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from app.apps import set_up
from app.settings import Settings, read_settings
from app.wire import encode
from benchmarks.engines.log import PARTITIONS, Log
from benchmarks.engines.paced import Payment, latencies
from benchmarks.engines.rows import Measured
from benchmarks.worker import CatchUp, simulated, worker


def settings_of(log: Log, name: str, coalesce: float = 0.0) -> Settings:
    """Weir's own settings, on topics of a run's own."""
    return read_settings(
        brokers=log.brokers,
        partitions=PARTITIONS,
        topic_prefix=f"{name}-",
        app_id=name,
        coalesce=coalesce,
    )


async def decide_and_learn(
    log: Log, count: int, directory: Path, coalesce: float
) -> tuple[Measured, Measured]:
    """Catch up on transactions, then on a label for each: what both took.

    Parameters
    ----------
    coalesce
        Seconds for which changes of customers are held back.

    Raises
    ------
    EngineError
        The worker ended.
    """
    directory.mkdir()
    settings = settings_of(log, directory.name, coalesce)
    async with CatchUp(settings, count, directory) as run:
        before = log.size(await written(log, settings))
        decided = await run.decide()
        between = log.size(await written(log, settings))
        learned = await run.learn()
    after = log.size(await written(log, settings))
    return (
        Measured(*decided, wire=between - before),
        Measured(*learned, disk=run.disk(), wire=after - between),
    )


async def written(log: Log, settings: Settings) -> list[str]:
    """The topics that the worker writes."""
    names = set_up(settings).topics
    sources = {names.events, names.feedback}
    return [name for name in await log.topics(settings.app_id) if name not in sources]


async def decide_at(
    log: Log, paces: Sequence[float], seconds: float, directory: Path
) -> list[Measured]:
    """Latencies of decisions at each of the paces. Raises EngineError."""
    directory.mkdir()
    settings = settings_of(log, directory.name)
    await set_up(settings).create_topics()
    names = set_up(settings).topics
    process = worker(settings, directory)
    try:
        return await latencies(
            process,
            log.brokers,
            names.events,
            names.predictions,
            payments(),
            paces,
            seconds,
        )
    finally:
        await process.stop()


def payments() -> Iterator[Payment]:
    """Simulated transactions."""
    for row in simulated():
        tx = row.event
        yield Payment(tx.customer, lambda name, tx=tx: encode(msgspec.structs.replace(tx, id=name)))
