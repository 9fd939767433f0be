"""Publishes one label, as a page, a command or any other producer does."""

import asyncio

from aiokafka.errors import KafkaError

from app.core.messages import Feedback
from app.core.partitioning import partition_of
from app.errors import BrokerError
from app.runtime.writer import Out, Writers
from app.serving.setup import Setup
from app.wire import encode


async def publish(
    writers: Writers, setup: Setup, feedback: Feedback, within: float
) -> tuple[int, int]:
    """Write a label to its key's partition; partition and offset, once acknowledged.

    Raises
    ------
    TimeoutError
        The broker has not acknowledged it within that many seconds. It may still be written.
    """
    partition = partition_of(feedback.key, setup.settings.partitions)
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def acknowledged(base: int, count: int) -> None:
        if not landed.done():
            landed.set_result(base)

    writer = writers(setup.topics.feedback, partition)
    writer.put([Out(feedback.key.encode(), encode(feedback))], acknowledged)
    async with asyncio.timeout(within):
        return partition, await landed


async def publish_alone(setup: Setup, feedback: Feedback, within: float = 15.0) -> tuple[int, int]:
    """The same from a process that writes nothing else.

    Raises
    ------
    TopicsError, BrokerError
        The topics are missing, or no broker answers.
    """
    await setup.check_topics()
    writers = Writers(setup.settings.brokers)
    try:
        await writers.start()
        return await publish(writers, setup, feedback, within)
    except (KafkaError, TimeoutError) as error:
        raise BrokerError(f"{setup.settings.brokers} did not accept the label: {error!r}") from None
    finally:
        await writers.stop()
